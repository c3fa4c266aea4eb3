/**
 * Batch normalization over rows of adjacent channels: x[n, c] is at n * stride + c. Strides count values.
 *
 * Statistics and sums are doubles, two channels at a time. In a row of odd length, the last pair reads one number of the next
 * row. Its sum is written to the slack after the sums and is never read. Each step adds four rows, so a running sum is read and
 * written once for four values.
 */

import { addTo, pair } from "./vectors";

/**
 * sums[c] += Σ_n (x[n, c] - first[c]); in float32 without `first`, because double-precision sums of float32 values are accurate
 * enough.
 */
export function addRows<T>(x: usize, stride: i32, rows: i32, channels: i32, first: usize, sums: usize): void {
  const row = <usize>channels * sizeof<T>();
  const next = <usize>stride * sizeof<T>();
  for (; rows >= 4; rows -= 4, x += 4 * next) {
    let s = sums;
    let f = first;
    for (let p = x; p < x + row; p += 2 * sizeof<T>(), s += 16) {
      const p2 = p + 2 * next;
      if (sizeof<T>() == 4) {
        addTo(s, f64x2.add(f64x2.add(pair<T>(p), pair<T>(p + next)), f64x2.add(pair<T>(p2), pair<T>(p2 + next))));
      } else {
        const shift = v128.load(f);
        const d01 = f64x2.add(f64x2.sub(pair<T>(p), shift), f64x2.sub(pair<T>(p + next), shift));
        const d23 = f64x2.add(f64x2.sub(pair<T>(p2), shift), f64x2.sub(pair<T>(p2 + next), shift));
        addTo(s, f64x2.add(d01, d23));
        f += 16;
      }
    }
  }
  for (; rows > 0; rows--, x += next) {
    let s = sums;
    let f = first;
    for (let p = x; p < x + row; p += 2 * sizeof<T>(), s += 16, f += 16) {
      addTo(s, sizeof<T>() == 4 ? pair<T>(p) : f64x2.sub(pair<T>(p), v128.load(f)));
    }
  }
}

/** squares[c] += Σ_n (x[n, c] - mean[c])² */
export function addSquaresOfRows<T>(
  x: usize,
  stride: i32,
  rows: i32,
  channels: i32,
  mean: usize,
  squares: usize,
): void {
  const row = <usize>channels * sizeof<T>();
  const next = <usize>stride * sizeof<T>();
  for (; rows >= 4; rows -= 4, x += 4 * next) {
    let s = squares;
    let m = mean;
    for (let p = x; p < x + row; p += 2 * sizeof<T>(), s += 16, m += 16) {
      const center = v128.load(m);
      const p2 = p + 2 * next;
      const d0 = f64x2.sub(pair<T>(p), center);
      const d1 = f64x2.sub(pair<T>(p + next), center);
      const d2 = f64x2.sub(pair<T>(p2), center);
      const d3 = f64x2.sub(pair<T>(p2 + next), center);
      const d01 = f64x2.add(f64x2.mul(d0, d0), f64x2.mul(d1, d1));
      addTo(s, f64x2.add(d01, f64x2.add(f64x2.mul(d2, d2), f64x2.mul(d3, d3))));
    }
  }
  for (; rows > 0; rows--, x += next) {
    let s = squares;
    let m = mean;
    for (let p = x; p < x + row; p += 2 * sizeof<T>(), s += 16, m += 16) {
      const d = f64x2.sub(pair<T>(p), v128.load(m));
      addTo(s, f64x2.mul(d, d));
    }
  }
}

/** sumDy[c] += Σ_n dy[n, c] and sumDyX[c] += Σ_n dy[n, c] (x[n, c] - mean[c]) */
export function addGradientsOfRows<T>(
  x: usize,
  xStride: i32,
  dy: usize,
  dyStride: i32,
  rows: i32,
  channels: i32,
  mean: usize,
  sumDy: usize,
  sumDyX: usize,
): void {
  const row = <usize>channels * sizeof<T>();
  const xNext = <usize>xStride * sizeof<T>();
  const dyNext = <usize>dyStride * sizeof<T>();
  for (; rows >= 4; rows -= 4, x += 4 * xNext, dy += 4 * dyNext) {
    let s: usize = 0;
    let g = dy;
    for (let p = x; p < x + row; p += 2 * sizeof<T>(), g += 2 * sizeof<T>(), s += 16) {
      const center = v128.load(mean + s);
      const p2 = p + 2 * xNext;
      const g2 = g + 2 * dyNext;
      const d0 = pair<T>(g);
      const d1 = pair<T>(g + dyNext);
      const d2 = pair<T>(g2);
      const d3 = pair<T>(g2 + dyNext);
      addTo(sumDy + s, f64x2.add(f64x2.add(d0, d1), f64x2.add(d2, d3)));
      const q0 = f64x2.mul(d0, f64x2.sub(pair<T>(p), center));
      const q1 = f64x2.mul(d1, f64x2.sub(pair<T>(p + xNext), center));
      const q2 = f64x2.mul(d2, f64x2.sub(pair<T>(p2), center));
      const q3 = f64x2.mul(d3, f64x2.sub(pair<T>(p2 + xNext), center));
      addTo(sumDyX + s, f64x2.add(f64x2.add(q0, q1), f64x2.add(q2, q3)));
    }
  }
  for (; rows > 0; rows--, x += xNext, dy += dyNext) {
    let s: usize = 0;
    let g = dy;
    for (let p = x; p < x + row; p += 2 * sizeof<T>(), g += 2 * sizeof<T>(), s += 16) {
      const d = pair<T>(g);
      addTo(sumDy + s, d);
      addTo(sumDyX + s, f64x2.mul(d, f64x2.sub(pair<T>(p), v128.load(mean + s))));
    }
  }
}

/** y = (x - center[c]) scale[c] + shift[c]; y may be x. center, scale and shift have the dtype of x. */
export function affineRows<T>(
  x: usize,
  xStride: i32,
  y: usize,
  yStride: i32,
  rows: i32,
  channels: i32,
  center: usize,
  scale: usize,
  shift: usize,
): void {
  const row = <usize>channels * sizeof<T>();
  const whole = row & ~15;
  const xNext = <usize>xStride * sizeof<T>();
  const yNext = <usize>yStride * sizeof<T>();
  for (; rows >= 4; rows -= 4, x += 4 * xNext, y += 4 * yNext) {
    for (let c: usize = 0; c < whole; c += 16) {
      const m = v128.load(center + c);
      const k = v128.load(scale + c);
      const b = v128.load(shift + c);
      const p = x + c;
      const p2 = p + 2 * xNext;
      const q = y + c;
      const q2 = q + 2 * yNext;
      v128.store(q, v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(p), m), k), b));
      v128.store(q + yNext, v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(p + xNext), m), k), b));
      v128.store(q2, v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(p2), m), k), b));
      v128.store(q2 + yNext, v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(p2 + xNext), m), k), b));
    }
    if (whole < row) affineEnds<T>(x, xNext, y, yNext, 4, row, whole, center, scale, shift);
  }
  for (; rows > 0; rows--, x += xNext, y += yNext) {
    for (let c: usize = 0; c < whole; c += 16) {
      const d = v128.sub<T>(v128.load(x + c), v128.load(center + c));
      v128.store(y + c, v128.add<T>(v128.mul<T>(d, v128.load(scale + c)), v128.load(shift + c)));
    }
    if (whole < row) affineEnds<T>(x, xNext, y, yNext, 1, row, whole, center, scale, shift);
  }
}

/** The channels after the last whole vector of each row. */
function affineEnds<T>(
  x: usize,
  xNext: usize,
  y: usize,
  yNext: usize,
  rows: i32,
  row: usize,
  from: usize,
  center: usize,
  scale: usize,
  shift: usize,
): void {
  for (; rows > 0; rows--, x += xNext, y += yNext) {
    for (let c = from; c < row; c += sizeof<T>()) {
      store<T>(y + c, <T>((load<T>(x + c) - load<T>(center + c)) * load<T>(scale + c) + load<T>(shift + c)));
    }
  }
}

/** dx = scale[c] dy + (slope[c] (x - center[c]) + shift[c]); dx may be dy. The four coefficients have the dtype of x. */
export function gradientRows<T>(
  x: usize,
  xStride: i32,
  dy: usize,
  dyStride: i32,
  dx: usize,
  dxStride: i32,
  rows: i32,
  channels: i32,
  center: usize,
  scale: usize,
  slope: usize,
  shift: usize,
): void {
  const row = <usize>channels * sizeof<T>();
  const whole = row & ~15;
  const xNext = <usize>xStride * sizeof<T>();
  const dyNext = <usize>dyStride * sizeof<T>();
  const dxNext = <usize>dxStride * sizeof<T>();
  for (; rows >= 2; rows -= 2, x += 2 * xNext, dy += 2 * dyNext, dx += 2 * dxNext) {
    for (let c: usize = 0; c < whole; c += 16) {
      const m = v128.load(center + c);
      const a = v128.load(scale + c);
      const k = v128.load(slope + c);
      const b = v128.load(shift + c);
      const r0 = v128.add<T>(v128.mul<T>(k, v128.sub<T>(v128.load(x + c), m)), b);
      const r1 = v128.add<T>(v128.mul<T>(k, v128.sub<T>(v128.load(x + xNext + c), m)), b);
      v128.store(dx + c, v128.add<T>(v128.mul<T>(a, v128.load(dy + c)), r0));
      v128.store(dx + dxNext + c, v128.add<T>(v128.mul<T>(a, v128.load(dy + dyNext + c)), r1));
    }
    if (whole < row) {
      gradientEnds<T>(x, dy, dx, row, whole, center, scale, slope, shift);
      gradientEnds<T>(x + xNext, dy + dyNext, dx + dxNext, row, whole, center, scale, slope, shift);
    }
  }
  if (rows > 0) gradientEnds<T>(x, dy, dx, row, 0, center, scale, slope, shift);
}

/** One row, starting at a channel. */
function gradientEnds<T>(
  x: usize,
  dy: usize,
  dx: usize,
  row: usize,
  from: usize,
  center: usize,
  scale: usize,
  slope: usize,
  shift: usize,
): void {
  for (let c = from; c < row; c += sizeof<T>()) {
    const r = load<T>(slope + c) * (load<T>(x + c) - load<T>(center + c)) + load<T>(shift + c);
    store<T>(dx + c, <T>(load<T>(scale + c) * load<T>(dy + c) + r));
  }
}
