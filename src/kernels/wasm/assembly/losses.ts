/** Losses: the passes over whole rows of z[rows, classes]. The caller does the arithmetic with one number per row. */

import { expOfNegative } from "./exp";
import { endOf, pair, total, zero } from "./vectors";

/** largest[n] = max_k z[n, k], a double; NaN if any is NaN. */
export function largestOfRows<T>(z: usize, rows: i32, classes: i32, largest: usize): void {
  for (; rows > 0; rows--, largest += 8) {
    const end = endOf<T>(z, classes);
    let m = load<T>(z);
    if (z + 16 <= end) {
      let v = v128.load(z);
      for (; z + 16 <= end; z += 16) v = v128.max<T>(v, v128.load(z));
      m = v128.extract_lane<T>(v, 0);
      m = max<T>(m, v128.extract_lane<T>(v, 1));
      if (sizeof<T>() == 4) m = max<T>(m, max<T>(v128.extract_lane<T>(v, 2), v128.extract_lane<T>(v, 3)));
    }
    for (; z < end; z += sizeof<T>()) m = max<T>(m, load<T>(z));
    store<f64>(largest, <f64>m);
  }
}

/**
 * sums[2n] = Σ_k t (z[n, k] - largest[n]) and sums[2n + 1] = Σ_k t with the weights t = weight target + even, or t = even
 * without targets. A weight of 0 adds 0, even if z is -Infinity.
 */
export function weightedRows<T>(
  z: usize,
  rows: i32,
  classes: i32,
  largest: usize,
  targets: usize,
  weight: f64,
  even: f64,
  sums: usize,
): void {
  for (; rows > 0; rows--, largest += 8, sums += 16) {
    const m = load<f64>(largest);
    let weighted = 0.0;
    let weights = 0.0;
    for (const end = endOf<T>(z, classes); z < end; z += sizeof<T>()) {
      let t = even;
      if (targets != 0) {
        t += weight * <f64>load<T>(targets);
        targets += sizeof<T>();
      }
      weights += t;
      if (t != 0) weighted += t * (<f64>load<T>(z) - m);
    }
    store<f64>(sums, weighted);
    store<f64>(sums, weights, 8);
  }
}

/** z = exp(z - largest[n]), in place, and sums[n] = Σ_k z[n, k] of the result, a double. */
export function exponentialRows<T>(z: usize, rows: i32, classes: i32, largest: usize, sums: usize): void {
  for (; rows > 0; rows--, largest += 8, sums += 8) {
    const m = <T>load<f64>(largest);
    const v = v128.splat<T>(m);
    const end = endOf<T>(z, classes);
    let s = zero();
    for (; z + 16 <= end; z += 16) {
      v128.store(z, expOfNegative<T>(v128.sub<T>(v128.load(z), v)));
      s = f64x2.add(s, pair<T>(z));
      if (sizeof<T>() == 4) s = f64x2.add(s, pair<T>(z + 8));
    }
    let sum = total(s);
    for (; z < end; z += sizeof<T>()) {
      const e = v128.extract_lane<T>(expOfNegative<T>(v128.splat<T>(<T>(load<T>(z) - m))), 0);
      store<T>(z, e);
      sum += <f64>e;
    }
    store<f64>(sums, sum);
  }
}

/** z = factors[n] z - (weight target + even), in place; without targets z = factors[n] z - even. */
export function softmaxGradientRows<T>(
  z: usize,
  rows: i32,
  classes: i32,
  factors: usize,
  targets: usize,
  weight: T,
  even: T,
): void {
  for (; rows > 0; rows--, factors += 8) {
    const factor = <T>load<f64>(factors);
    const f = v128.splat<T>(factor);
    const w = v128.splat<T>(weight);
    const e = v128.splat<T>(even);
    const end = endOf<T>(z, classes);
    if (targets == 0) {
      for (; z + 16 <= end; z += 16) v128.store(z, v128.sub<T>(v128.mul<T>(f, v128.load(z)), e));
      for (; z < end; z += sizeof<T>()) store<T>(z, <T>(factor * load<T>(z) - even));
    } else {
      for (; z + 16 <= end; z += 16, targets += 16) {
        const t = v128.add<T>(v128.mul<T>(w, v128.load(targets)), e);
        v128.store(z, v128.sub<T>(v128.mul<T>(f, v128.load(z)), t));
      }
      for (; z < end; z += sizeof<T>(), targets += sizeof<T>()) {
        store<T>(z, <T>(factor * load<T>(z) - (weight * load<T>(targets) + even)));
      }
    }
  }
}

/** Returns Σ (prediction - target)², a double. Sets prediction = factor (prediction - target), in place. */
export function squaredDifferences<T>(prediction: usize, target: usize, length: i32, factor: T): f64 {
  const f = v128.splat<T>(factor);
  const end = endOf<T>(prediction, length);
  let s = zero();
  for (; prediction + 16 <= end; prediction += 16, target += 16) {
    const d0 = f64x2.sub(pair<T>(prediction), pair<T>(target));
    s = f64x2.add(s, f64x2.mul(d0, d0));
    if (sizeof<T>() == 4) {
      const d1 = f64x2.sub(pair<T>(prediction + 8), pair<T>(target + 8));
      s = f64x2.add(s, f64x2.mul(d1, d1));
    }
    v128.store(prediction, v128.mul<T>(f, v128.sub<T>(v128.load(prediction), v128.load(target))));
  }
  let sum = total(s);
  for (; prediction < end; prediction += sizeof<T>(), target += sizeof<T>()) {
    const d = <f64>load<T>(prediction) - <f64>load<T>(target);
    sum += d * d;
    store<T>(prediction, <T>(factor * (load<T>(prediction) - load<T>(target))));
  }
  return sum;
}
