/**
 * Batch normalization over planes: channel c of sample o is the run of `inner` neighbors at (o * channels + c) * inner.
 *
 * Statistics and sums are doubles, eight values per step; the rest of a run is added one by one.
 */

import { broadcast, pair, total, zero } from "./vectors";

/** sums[c] += Σ (x - first[c]); in float32 without `first`, since sums of float32 in double precision are exact enough. */
export function addPlanes<T>(x: usize, outer: i32, channels: i32, inner: i32, first: usize, sums: usize): void {
  const run = <usize>inner * sizeof<T>();
  for (let o = 0; o < outer; o++) {
    for (let c: usize = 0; c < <usize>channels * 8; c += 8, x += run) {
      const shift = sizeof<T>() == 4 ? 0 : load<f64>(first + c);
      store<f64>(sums + c, load<f64>(sums + c) + sumOfRun<T>(x, run, shift));
    }
  }
}

function sumOfRun<T>(p: usize, run: usize, shift: f64): f64 {
  const v = f64x2.splat(shift);
  let s0 = zero();
  let s1 = zero();
  let s2 = zero();
  let s3 = zero();
  const end = p + run;
  const step = 8 * sizeof<T>();
  for (; p + step <= end; p += step) {
    s0 = f64x2.add(s0, f64x2.sub(pair<T>(p), v));
    s1 = f64x2.add(s1, f64x2.sub(pair<T>(p + 2 * sizeof<T>()), v));
    s2 = f64x2.add(s2, f64x2.sub(pair<T>(p + 4 * sizeof<T>()), v));
    s3 = f64x2.add(s3, f64x2.sub(pair<T>(p + 6 * sizeof<T>()), v));
  }
  let sum = total(f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3)));
  for (; p < end; p += sizeof<T>()) sum += <f64>load<T>(p) - shift;
  return sum;
}

/** squares[c] += Σ (x - mean[c])² */
export function addSquaresOfPlanes<T>(
  x: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  mean: usize,
  squares: usize,
): void {
  const run = <usize>inner * sizeof<T>();
  for (let o = 0; o < outer; o++) {
    for (let c: usize = 0; c < <usize>channels * 8; c += 8, x += run) {
      store<f64>(squares + c, load<f64>(squares + c) + squaresOfRun<T>(x, run, load<f64>(mean + c)));
    }
  }
}

function squaresOfRun<T>(p: usize, run: usize, mean: f64): f64 {
  const v = f64x2.splat(mean);
  let s0 = zero();
  let s1 = zero();
  let s2 = zero();
  let s3 = zero();
  const end = p + run;
  const step = 8 * sizeof<T>();
  for (; p + step <= end; p += step) {
    const d0 = f64x2.sub(pair<T>(p), v);
    const d1 = f64x2.sub(pair<T>(p + 2 * sizeof<T>()), v);
    const d2 = f64x2.sub(pair<T>(p + 4 * sizeof<T>()), v);
    const d3 = f64x2.sub(pair<T>(p + 6 * sizeof<T>()), v);
    s0 = f64x2.add(s0, f64x2.mul(d0, d0));
    s1 = f64x2.add(s1, f64x2.mul(d1, d1));
    s2 = f64x2.add(s2, f64x2.mul(d2, d2));
    s3 = f64x2.add(s3, f64x2.mul(d3, d3));
  }
  let sum = total(f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3)));
  for (; p < end; p += sizeof<T>()) {
    const d = <f64>load<T>(p) - mean;
    sum += d * d;
  }
  return sum;
}

/** sumDy[c] += Σ dy and sumDyX[c] += Σ dy (x - mean[c]) */
export function addGradientsOfPlanes<T>(
  x: usize,
  dy: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  mean: usize,
  sumDy: usize,
  sumDyX: usize,
): void {
  const run = <usize>inner * sizeof<T>();
  const step = 4 * sizeof<T>();
  for (let o = 0; o < outer; o++) {
    for (let c: usize = 0; c < <usize>channels * 8; c += 8) {
      const center = load<f64>(mean + c);
      const v = f64x2.splat(center);
      let s0 = zero();
      let s1 = zero();
      let q0 = zero();
      let q1 = zero();
      const end = x + run;
      for (; x + step <= end; x += step, dy += step) {
        const d0 = pair<T>(dy);
        const d1 = pair<T>(dy + 2 * sizeof<T>());
        s0 = f64x2.add(s0, d0);
        s1 = f64x2.add(s1, d1);
        q0 = f64x2.add(q0, f64x2.mul(d0, f64x2.sub(pair<T>(x), v)));
        q1 = f64x2.add(q1, f64x2.mul(d1, f64x2.sub(pair<T>(x + 2 * sizeof<T>()), v)));
      }
      let s = total(f64x2.add(s0, s1));
      let q = total(f64x2.add(q0, q1));
      for (; x < end; x += sizeof<T>(), dy += sizeof<T>()) {
        const d = <f64>load<T>(dy);
        s += d;
        q += d * (<f64>load<T>(x) - center);
      }
      store<f64>(sumDy + c, load<f64>(sumDy + c) + s);
      store<f64>(sumDyX + c, load<f64>(sumDyX + c) + q);
    }
  }
}

/** x = (x - center[c]) scale[c] + shift[c], in place; center, scale and shift are of x's dtype. */
export function affinePlanes<T>(
  x: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  center: usize,
  scale: usize,
  shift: usize,
): void {
  const run = <usize>inner * sizeof<T>();
  for (let o = 0; o < outer; o++) {
    for (let c: usize = 0; c < <usize>channels * sizeof<T>(); c += sizeof<T>()) {
      const m = broadcast<T>(center + c);
      const k = broadcast<T>(scale + c);
      const b = broadcast<T>(shift + c);
      const end = x + run;
      for (; x + 16 <= end; x += 16) {
        v128.store(x, v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(x), m), k), b));
      }
      for (; x < end; x += sizeof<T>()) {
        store<T>(x, <T>((load<T>(x) - load<T>(center + c)) * load<T>(scale + c) + load<T>(shift + c)));
      }
    }
  }
}

/** dy = scale[c] dy + (slope[c] (x - center[c]) + shift[c]), in place; the four coefficients are of x's dtype. */
export function gradientPlanes<T>(
  x: usize,
  dy: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  center: usize,
  scale: usize,
  slope: usize,
  shift: usize,
): void {
  const run = <usize>inner * sizeof<T>();
  for (let o = 0; o < outer; o++) {
    for (let c: usize = 0; c < <usize>channels * sizeof<T>(); c += sizeof<T>()) {
      const m = broadcast<T>(center + c);
      const a = broadcast<T>(scale + c);
      const k = broadcast<T>(slope + c);
      const b = broadcast<T>(shift + c);
      const end = x + run;
      for (; x + 16 <= end; x += 16, dy += 16) {
        const r = v128.add<T>(v128.mul<T>(k, v128.sub<T>(v128.load(x), m)), b);
        v128.store(dy, v128.add<T>(v128.mul<T>(a, v128.load(dy)), r));
      }
      for (; x < end; x += sizeof<T>(), dy += sizeof<T>()) {
        const r = load<T>(slope + c) * (load<T>(x) - load<T>(center + c)) + load<T>(shift + c);
        store<T>(dy, <T>(load<T>(scale + c) * load<T>(dy) + r));
      }
    }
  }
}
