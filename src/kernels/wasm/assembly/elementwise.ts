/** Activations, each followed by its derivative. An output may overwrite the array that it is computed from. */

import { exponentBits, expMinusOneOfRest, expOfNegative, one, powerOfTwo } from "./exp";
import { broadcast, endOf, zero } from "./vectors";

const LARGEST_32 = memory.data<f32>([10]);
const LARGEST_64 = memory.data<f64>([22]);

/** y = max(x, 0); NaN stays NaN, and -0 becomes 0. */
export function relu<T>(x: usize, y: usize, length: i32): void {
  for (const end = endOf<T>(x, length); x < end; x += 16, y += 16) {
    const v = v128.load(x);
    v128.store(y, v128.andnot(v, v128.le<T>(v, zero())));
  }
}

/** dx = dy where y > 0, else 0. */
export function reluBackward<T>(y: usize, dy: usize, dx: usize, length: i32): void {
  for (const end = endOf<T>(y, length); y < end; y += 16, dy += 16, dx += 16) {
    v128.store(dx, v128.and(v128.load(dy), v128.gt<T>(v128.load(y), zero())));
  }
}

/** y = x where x > 0, else slope x. */
export function leakyRelu<T>(x: usize, y: usize, length: i32, slope: T): void {
  const k = v128.splat<T>(slope);
  for (const end = endOf<T>(x, length); x < end; x += 16, y += 16) {
    const v = v128.load(x);
    v128.store(y, v128.bitselect(v, v128.mul<T>(k, v), v128.gt<T>(v, zero())));
  }
}

/** dx = dy where y > 0, else slope dy. */
export function leakyReluBackward<T>(y: usize, dy: usize, dx: usize, length: i32, slope: T): void {
  const k = v128.splat<T>(slope);
  for (const end = endOf<T>(y, length); y < end; y += 16, dy += 16, dx += 16) {
    const d = v128.load(dy);
    v128.store(dx, v128.bitselect(d, v128.mul<T>(k, d), v128.gt<T>(v128.load(y), zero())));
  }
}

/** y = 1 / (1 + exp(-x)), or e / (1 + e) with e = exp(x) if x < 0, so exp never overflows and the tail stays accurate. */
export function sigmoid<T>(x: usize, y: usize, length: i32): void {
  for (const end = endOf<T>(x, length); x < end; x += 16, y += 16) {
    const v = v128.load(x);
    const e = expOfNegative<T>(v128.neg<T>(v128.abs<T>(v)));
    const numerator = v128.bitselect(e, one<T>(), v128.lt<T>(v, zero()));
    v128.store(y, v128.div<T>(numerator, v128.add<T>(one<T>(), e)));
  }
}

/** dx = dy y (1 - y) */
export function sigmoidBackward<T>(y: usize, dy: usize, dx: usize, length: i32): void {
  for (const end = endOf<T>(y, length); y < end; y += 16, dy += 16, dx += 16) {
    const v = v128.load(y);
    v128.store(dx, v128.mul<T>(v128.mul<T>(v128.load(dy), v), v128.sub<T>(one<T>(), v)));
  }
}

/** y = t / (t + 2) with t = exp(2 |x|) - 1, which is accurate near 0, and the sign of x. */
export function tanh<T>(x: usize, y: usize, length: i32): void {
  for (const end = endOf<T>(x, length); x < end; x += 16, y += 16) {
    const v = v128.load(x);
    // from 10 (float64: 22) on, the result rounds to 1
    const a = v128.pmin<T>(v128.abs<T>(v), sizeof<T>() == 4 ? broadcast<T>(LARGEST_32) : broadcast<T>(LARGEST_64));
    const twice = v128.add<T>(a, a);
    const bits = exponentBits<T>(twice);
    const scale = powerOfTwo<T>(bits);
    const t = v128.add<T>(v128.mul<T>(scale, expMinusOneOfRest<T>(twice, bits)), v128.sub<T>(scale, one<T>()));
    const result = v128.div<T>(t, v128.add<T>(t, v128.add<T>(one<T>(), one<T>())));
    const signs = v128.xor(v, v128.abs<T>(v));
    v128.store(y, v128.or(result, signs));
  }
}

/** dx = dy (1 - y²), as (1 - y)(1 + y), which is accurate if y is near 1 or -1. */
export function tanhBackward<T>(y: usize, dy: usize, dx: usize, length: i32): void {
  for (const end = endOf<T>(y, length); y < end; y += 16, dy += 16, dx += 16) {
    const v = v128.load(y);
    v128.store(dx, v128.mul<T>(v128.load(dy), v128.mul<T>(v128.sub<T>(one<T>(), v), v128.add<T>(one<T>(), v))));
  }
}
