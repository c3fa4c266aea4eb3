/** Vectors of 128 bits: four float32 or two float64 numbers. T is always f32 or f64; pointers are in bytes. */

import { RELAXED } from "./relaxed";

@inline export function zero(): v128 {
  return i32x4.splat(0);
}

/** Sets all lanes to one number in memory. */
@inline export function broadcast<T>(p: usize): v128 {
  return sizeof<T>() == 4 ? v128.load32_splat(p) : v128.load64_splat(p);
}

/** sum + a b, rounded twice, or once in the relaxed module if the processor multiplies and adds in one instruction. */
@inline export function addProduct<T>(sum: v128, a: v128, b: v128): v128 {
  return RELAXED ? v128.relaxed_madd<T>(a, b, sum) : v128.add<T>(sum, v128.mul<T>(a, b));
}

/** Loads two adjacent values as doubles, whatever their dtype. */
@inline export function pair<T>(p: usize): v128 {
  return sizeof<T>() == 4 ? f64x2.promote_low_f32x4(v128.load64_zero(p)) : v128.load(p);
}

/** Adds two doubles to two adjacent doubles in memory. */
@inline export function addTo(p: usize, v: v128): void {
  v128.store(p, f64x2.add(v128.load(p), v));
}

/** The sum of two doubles. */
@inline export function total(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/** The end of an array. Loops in steps of 16 bytes may run past it by up to 15 bytes, into the slack that follows every array. */
@inline export function endOf<T>(p: usize, length: i32): usize {
  return p + <usize>length * sizeof<T>();
}
