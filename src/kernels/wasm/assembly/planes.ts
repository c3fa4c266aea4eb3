/**
 * Batch normalization over planes: channel c of sample o is the run of `inner` neighbors at o * stride + c * inner,
 * with strides in numbers.
 *
 * Statistics and sums are doubles, eight values per step; the rest of a run is added one by one.
 */

import { broadcast, pair, total, zero } from "./vectors";

/** sums[c] += Σ (x - first[c]); in float32 without `first`, since sums of float32 in double precision are exact enough. */
export function addPlanes<T>(
  x: usize,
  stride: i32,
  outer: i32,
  channels: i32,
  inner: i32,
  first: usize,
  sums: usize,
): void {
  const run = <usize>inner * sizeof<T>();
  for (; outer > 0; outer--, x += <usize>stride * sizeof<T>()) {
    let p = x;
    for (let c: usize = 0; c < <usize>channels * 8; c += 8, p += run) {
      const shift = sizeof<T>() == 4 ? 0 : load<f64>(first + c);
      store<f64>(sums + c, load<f64>(sums + c) + sumOfRun<T>(p, run, shift));
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
  stride: i32,
  outer: i32,
  channels: i32,
  inner: i32,
  mean: usize,
  squares: usize,
): void {
  const run = <usize>inner * sizeof<T>();
  for (; outer > 0; outer--, x += <usize>stride * sizeof<T>()) {
    let p = x;
    for (let c: usize = 0; c < <usize>channels * 8; c += 8, p += run) {
      store<f64>(squares + c, load<f64>(squares + c) + squaresOfRun<T>(p, run, load<f64>(mean + c)));
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
  xStride: i32,
  dy: usize,
  dyStride: i32,
  outer: i32,
  channels: i32,
  inner: i32,
  mean: usize,
  sumDy: usize,
  sumDyX: usize,
): void {
  const run = <usize>inner * sizeof<T>();
  const step = 4 * sizeof<T>();
  for (; outer > 0; outer--, x += <usize>xStride * sizeof<T>(), dy += <usize>dyStride * sizeof<T>()) {
    let p = x;
    let g = dy;
    for (let c: usize = 0; c < <usize>channels * 8; c += 8) {
      const center = load<f64>(mean + c);
      const v = f64x2.splat(center);
      let s0 = zero();
      let s1 = zero();
      let q0 = zero();
      let q1 = zero();
      const end = p + run;
      for (; p + step <= end; p += step, g += step) {
        const d0 = pair<T>(g);
        const d1 = pair<T>(g + 2 * sizeof<T>());
        s0 = f64x2.add(s0, d0);
        s1 = f64x2.add(s1, d1);
        q0 = f64x2.add(q0, f64x2.mul(d0, f64x2.sub(pair<T>(p), v)));
        q1 = f64x2.add(q1, f64x2.mul(d1, f64x2.sub(pair<T>(p + 2 * sizeof<T>()), v)));
      }
      let s = total(f64x2.add(s0, s1));
      let q = total(f64x2.add(q0, q1));
      for (; p < end; p += sizeof<T>(), g += sizeof<T>()) {
        const d = <f64>load<T>(g);
        s += d;
        q += d * (<f64>load<T>(p) - center);
      }
      store<f64>(sumDy + c, load<f64>(sumDy + c) + s);
      store<f64>(sumDyX + c, load<f64>(sumDyX + c) + q);
    }
  }
}

/** y = (x - center[c]) scale[c] + shift[c]; y may be x. center, scale and shift are of x's dtype. */
export function affinePlanes<T>(
  x: usize,
  xStride: i32,
  y: usize,
  yStride: i32,
  outer: i32,
  channels: i32,
  inner: i32,
  center: usize,
  scale: usize,
  shift: usize,
): void {
  const run = <usize>inner * sizeof<T>();
  for (; outer > 0; outer--, x += <usize>xStride * sizeof<T>(), y += <usize>yStride * sizeof<T>()) {
    let p = x;
    let q = y;
    for (let c: usize = 0; c < <usize>channels * sizeof<T>(); c += sizeof<T>()) {
      const m = broadcast<T>(center + c);
      const k = broadcast<T>(scale + c);
      const b = broadcast<T>(shift + c);
      const end = p + run;
      for (; p + 16 <= end; p += 16, q += 16) {
        v128.store(q, v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(p), m), k), b));
      }
      for (; p < end; p += sizeof<T>(), q += sizeof<T>()) {
        store<T>(q, <T>((load<T>(p) - load<T>(center + c)) * load<T>(scale + c) + load<T>(shift + c)));
      }
    }
  }
}

/** dx = scale[c] dy + (slope[c] (x - center[c]) + shift[c]); dx may be dy. The four coefficients are of x's dtype. */
export function gradientPlanes<T>(
  x: usize,
  xStride: i32,
  dy: usize,
  dyStride: i32,
  dx: usize,
  dxStride: i32,
  outer: i32,
  channels: i32,
  inner: i32,
  center: usize,
  scale: usize,
  slope: usize,
  shift: usize,
): void {
  const run = <usize>inner * sizeof<T>();
  for (; outer > 0; outer--) {
    let p = x;
    let g = dy;
    let q = dx;
    for (let c: usize = 0; c < <usize>channels * sizeof<T>(); c += sizeof<T>()) {
      const m = broadcast<T>(center + c);
      const a = broadcast<T>(scale + c);
      const k = broadcast<T>(slope + c);
      const b = broadcast<T>(shift + c);
      const end = p + run;
      for (; p + 16 <= end; p += 16, g += 16, q += 16) {
        const r = v128.add<T>(v128.mul<T>(k, v128.sub<T>(v128.load(p), m)), b);
        v128.store(q, v128.add<T>(v128.mul<T>(a, v128.load(g)), r));
      }
      for (; p < end; p += sizeof<T>(), g += sizeof<T>(), q += sizeof<T>()) {
        const r = load<T>(slope + c) * (load<T>(p) - load<T>(center + c)) + load<T>(shift + c);
        store<T>(q, <T>(load<T>(scale + c) * load<T>(g) + r));
      }
    }
    x += <usize>xStride * sizeof<T>();
    dy += <usize>dyStride * sizeof<T>();
    dx += <usize>dxStride * sizeof<T>();
  }
}

/** Copies planes of rows of `width` numbers to others, at distances in numbers: images to the inside of larger ones. */
export function copyPlanes<T>(
  from: usize,
  fromPlane: i32,
  fromRow: i32,
  to: usize,
  toPlane: i32,
  toRow: i32,
  planes: i32,
  rows: i32,
  width: i32,
): void {
  const run = <usize>width * sizeof<T>();
  for (; planes > 0; planes--, from += <usize>fromPlane * sizeof<T>(), to += <usize>toPlane * sizeof<T>()) {
    let p = from;
    let q = to;
    for (let row = 0; row < rows; row++, p += <usize>fromRow * sizeof<T>(), q += <usize>toRow * sizeof<T>()) {
      let at: usize = 0;
      for (; at + 16 <= run; at += 16) v128.store(q + at, v128.load(p + at));
      for (; at < run; at += sizeof<T>()) store<T>(q + at, load<T>(p + at));
    }
  }
}
