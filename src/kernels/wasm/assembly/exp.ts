/**
 * exp on vectors, computed only from + - * / and exact powers of two.
 *
 *   x = k ln 2 + r, |r| <= ln(2)/2        exp(x) = 2^k exp(r)
 *
 * Constants are stored in memory, because V8 would rebuild a vector constant at every use inside a loop.
 *
 * Source    Cody & Waite 1980, chapter 6
 */

import { broadcast, zero } from "./vectors";

const LOG2E_32 = memory.data<f32>([1.44269504]);
// ln 2 in two parts; the first has so few bits that its product with k is exact
const LN2_HIGH_32 = memory.data<f32>([0.693359375]);
const LN2_LOW_32 = memory.data<f32>([-2.12194440e-4]);
// adding and subtracting 1.5 * 2^23 rounds to an integer; after the addition, it is in the low bits
const ROUNDER_32 = memory.data<f32>([12582912]);
const ONE_32 = memory.data<f32>([1]);
// 1/2!, 1/3!, ...: with the terms up to r^7 the next one is below 6e-9
const TAYLOR_32 = memory.data<f32>([1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040]);

const LOG2E_64 = memory.data<f64>([1.4426950408889634]);
const LN2_HIGH_64 = memory.data<f64>([0.6931471803691238]);
const LN2_LOW_64 = memory.data<f64>([1.9082149292705877e-10]);
const ROUNDER_64 = memory.data<f64>([6755399441055744]);
const ONE_64 = memory.data<f64>([1]);
// up to r^13, the next term is below 5e-18
const TAYLOR_64 = memory.data<f64>([
  1 / 2,
  1 / 6,
  1 / 24,
  1 / 120,
  1 / 720,
  1 / 5040,
  1 / 40320,
  1 / 362880,
  1 / 3628800,
  1 / 39916800,
  1 / 479001600,
  1 / 6227020800,
]);

// below this, exp(x) is less than half the smallest subnormal number
const LOWEST_32 = memory.data<f32>([-104.5]);
const LOWEST_64 = memory.data<f64>([-745.2]);

@inline function pick<T>(single: usize, double: usize): v128 {
  return broadcast<T>(sizeof<T>() == 4 ? single : double);
}

@inline export function one<T>(): v128 {
  return pick<T>(ONE_32, ONE_64);
}

/** x / ln 2 plus the rounder: its low bits are k. */
@inline export function exponentBits<T>(x: v128): v128 {
  return v128.add<T>(v128.mul<T>(x, pick<T>(LOG2E_32, LOG2E_64)), pick<T>(ROUNDER_32, ROUNDER_64));
}

/** exp(r) - 1 with r = x - k ln 2. */
@inline export function expMinusOneOfRest<T>(x: v128, bits: v128): v128 {
  const k = v128.sub<T>(bits, pick<T>(ROUNDER_32, ROUNDER_64));
  const high = v128.sub<T>(x, v128.mul<T>(k, pick<T>(LN2_HIGH_32, LN2_HIGH_64)));
  const r = v128.sub<T>(high, v128.mul<T>(k, pick<T>(LN2_LOW_32, LN2_LOW_64)));
  let sum: v128;
  if (sizeof<T>() == 4) {
    sum = broadcast<T>(TAYLOR_32 + 20);
    sum = v128.add<T>(v128.mul<T>(sum, r), broadcast<T>(TAYLOR_32 + 16));
    sum = v128.add<T>(v128.mul<T>(sum, r), broadcast<T>(TAYLOR_32 + 12));
    sum = v128.add<T>(v128.mul<T>(sum, r), broadcast<T>(TAYLOR_32 + 8));
    sum = v128.add<T>(v128.mul<T>(sum, r), broadcast<T>(TAYLOR_32 + 4));
    sum = v128.add<T>(v128.mul<T>(sum, r), broadcast<T>(TAYLOR_32));
  } else {
    sum = broadcast<T>(TAYLOR_64 + 88);
    for (let p: usize = TAYLOR_64 + 80; p >= TAYLOR_64; p -= 8) sum = v128.add<T>(v128.mul<T>(sum, r), broadcast<T>(p));
  }
  // the leading term is added last, so r + small is rounded only once
  return v128.add<T>(r, v128.mul<T>(v128.mul<T>(r, r), sum));
}

/** 2^k for k within the normal range, from the low bits of `exponentBits`. */
@inline export function powerOfTwo<T>(bits: v128): v128 {
  return sizeof<T>() == 4
    ? i32x4.add(i32x4.shl(bits, 23), i32x4.splat(127 << 23))
    : i64x2.add(i64x2.shl(bits, 52), i64x2.splat(<i64>1023 << 52));
}

/** exp(x) for x <= 0, including subnormal results; NaN stays NaN. */
@inline export function expOfNegative<T>(x: v128): v128 {
  const limited = v128.pmax<T>(x, pick<T>(LOWEST_32, LOWEST_64));
  const bits = exponentBits<T>(limited);
  const value = v128.add<T>(one<T>(), expMinusOneOfRest<T>(limited, bits));
  // Two factors, because 2^k is subnormal below 2^-126 (float64: 2^-1022), and only the last product may be rounded.
  const k = sizeof<T>() == 4 ? i32x4.sub(bits, broadcast<T>(ROUNDER_32)) : i64x2.sub(bits, broadcast<T>(ROUNDER_64));
  const half = sizeof<T>() == 4 ? i32x4.shr_s(k, 1) : i64x2.shr_s(k, 1);
  const rest = sizeof<T>() == 4 ? i32x4.sub(k, half) : i64x2.sub(k, half);
  return v128.mul<T>(v128.mul<T>(value, powerOfTwo<T>(half)), powerOfTwo<T>(rest));
}
