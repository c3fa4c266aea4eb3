/**
 * Batch normalization over rows of neighboring channels: x[n, c] at n * channels + c.
 *
 * Statistics and sums are doubles, two channels at a time. A row of odd length makes the last pair read one number of the
 * next row, whose sum lands in the slack behind the sums and is never read. Four rows per step, so that a running sum is
 * read and written once for four values.
 */

import { addTo, pair } from "./vectors";

/** sums[c] += Σ_n (x[n, c] - first[c]); in float32 without `first`, since sums of float32 in double precision are exact enough. */
export function addRows<T>(x: usize, rows: i32, channels: i32, first: usize, sums: usize): void {
  const row = <usize>channels * sizeof<T>();
  for (; rows >= 4; rows -= 4, x += 4 * row) {
    let s = sums;
    let f = first;
    for (let p = x; p < x + row; p += 2 * sizeof<T>(), s += 16) {
      const p2 = p + 2 * row;
      if (sizeof<T>() == 4) {
        addTo(s, f64x2.add(f64x2.add(pair<T>(p), pair<T>(p + row)), f64x2.add(pair<T>(p2), pair<T>(p2 + row))));
      } else {
        const shift = v128.load(f);
        const d01 = f64x2.add(f64x2.sub(pair<T>(p), shift), f64x2.sub(pair<T>(p + row), shift));
        const d23 = f64x2.add(f64x2.sub(pair<T>(p2), shift), f64x2.sub(pair<T>(p2 + row), shift));
        addTo(s, f64x2.add(d01, d23));
        f += 16;
      }
    }
  }
  for (; rows > 0; rows--, x += row) {
    let s = sums;
    let f = first;
    for (let p = x; p < x + row; p += 2 * sizeof<T>(), s += 16, f += 16) {
      addTo(s, sizeof<T>() == 4 ? pair<T>(p) : f64x2.sub(pair<T>(p), v128.load(f)));
    }
  }
}

/** squares[c] += Σ_n (x[n, c] - mean[c])² */
export function addSquaresOfRows<T>(x: usize, rows: i32, channels: i32, mean: usize, squares: usize): void {
  const row = <usize>channels * sizeof<T>();
  for (; rows >= 4; rows -= 4, x += 4 * row) {
    let s = squares;
    let m = mean;
    for (let p = x; p < x + row; p += 2 * sizeof<T>(), s += 16, m += 16) {
      const center = v128.load(m);
      const p2 = p + 2 * row;
      const d0 = f64x2.sub(pair<T>(p), center);
      const d1 = f64x2.sub(pair<T>(p + row), center);
      const d2 = f64x2.sub(pair<T>(p2), center);
      const d3 = f64x2.sub(pair<T>(p2 + row), center);
      const d01 = f64x2.add(f64x2.mul(d0, d0), f64x2.mul(d1, d1));
      addTo(s, f64x2.add(d01, f64x2.add(f64x2.mul(d2, d2), f64x2.mul(d3, d3))));
    }
  }
  for (; rows > 0; rows--, x += row) {
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
  dy: usize,
  rows: i32,
  channels: i32,
  mean: usize,
  sumDy: usize,
  sumDyX: usize,
): void {
  const row = <usize>channels * sizeof<T>();
  const apart = dy - x;
  for (; rows >= 4; rows -= 4, x += 4 * row) {
    let s: usize = 0;
    for (let p = x; p < x + row; p += 2 * sizeof<T>(), s += 16) {
      const center = v128.load(mean + s);
      const p1 = p + row;
      const p2 = p1 + row;
      const p3 = p2 + row;
      const d0 = pair<T>(p + apart);
      const d1 = pair<T>(p1 + apart);
      const d2 = pair<T>(p2 + apart);
      const d3 = pair<T>(p3 + apart);
      addTo(sumDy + s, f64x2.add(f64x2.add(d0, d1), f64x2.add(d2, d3)));
      const q0 = f64x2.mul(d0, f64x2.sub(pair<T>(p), center));
      const q1 = f64x2.mul(d1, f64x2.sub(pair<T>(p1), center));
      const q2 = f64x2.mul(d2, f64x2.sub(pair<T>(p2), center));
      const q3 = f64x2.mul(d3, f64x2.sub(pair<T>(p3), center));
      addTo(sumDyX + s, f64x2.add(f64x2.add(q0, q1), f64x2.add(q2, q3)));
    }
  }
  for (; rows > 0; rows--, x += row) {
    let s: usize = 0;
    for (let p = x; p < x + row; p += 2 * sizeof<T>(), s += 16) {
      const d = pair<T>(p + apart);
      addTo(sumDy + s, d);
      addTo(sumDyX + s, f64x2.mul(d, f64x2.sub(pair<T>(p), v128.load(mean + s))));
    }
  }
}

/** x = (x - center[c]) scale[c] + shift[c], in place; center, scale and shift are of x's dtype. */
export function affineRows<T>(x: usize, rows: i32, channels: i32, center: usize, scale: usize, shift: usize): void {
  const row = <usize>channels * sizeof<T>();
  const whole = row & ~15;
  for (; rows >= 4; rows -= 4, x += 4 * row) {
    let c: usize = 0;
    for (; c < whole; c += 16) {
      const m = v128.load(center + c);
      const k = v128.load(scale + c);
      const b = v128.load(shift + c);
      const p0 = x + c;
      const p1 = p0 + row;
      const p2 = p1 + row;
      const p3 = p2 + row;
      v128.store(p0, v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(p0), m), k), b));
      v128.store(p1, v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(p1), m), k), b));
      v128.store(p2, v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(p2), m), k), b));
      v128.store(p3, v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(p3), m), k), b));
    }
    if (c < row) affineEnds<T>(x, 4, row, c, center, scale, shift);
  }
  for (; rows > 0; rows--, x += row) {
    let c: usize = 0;
    for (; c < whole; c += 16) {
      const d = v128.sub<T>(v128.load(x + c), v128.load(center + c));
      v128.store(x + c, v128.add<T>(v128.mul<T>(d, v128.load(scale + c)), v128.load(shift + c)));
    }
    if (c < row) affineEnds<T>(x, 1, row, c, center, scale, shift);
  }
}

/** The channels behind the last whole vector of each row. */
function affineEnds<T>(x: usize, rows: i32, row: usize, from: usize, center: usize, scale: usize, shift: usize): void {
  for (; rows > 0; rows--, x += row) {
    for (let c = from; c < row; c += sizeof<T>()) {
      store<T>(x + c, <T>((load<T>(x + c) - load<T>(center + c)) * load<T>(scale + c) + load<T>(shift + c)));
    }
  }
}

/** dy = scale[c] dy + (slope[c] (x - center[c]) + shift[c]), in place; the four coefficients are of x's dtype. */
export function gradientRows<T>(
  x: usize,
  dy: usize,
  rows: i32,
  channels: i32,
  center: usize,
  scale: usize,
  slope: usize,
  shift: usize,
): void {
  const row = <usize>channels * sizeof<T>();
  const whole = row & ~15;
  for (; rows >= 2; rows -= 2, x += 2 * row, dy += 2 * row) {
    let c: usize = 0;
    for (; c < whole; c += 16) {
      const m = v128.load(center + c);
      const a = v128.load(scale + c);
      const k = v128.load(slope + c);
      const b = v128.load(shift + c);
      const x0 = x + c;
      const d0 = dy + c;
      const x1 = x0 + row;
      const d1 = d0 + row;
      const r0 = v128.add<T>(v128.mul<T>(k, v128.sub<T>(v128.load(x0), m)), b);
      const r1 = v128.add<T>(v128.mul<T>(k, v128.sub<T>(v128.load(x1), m)), b);
      v128.store(d0, v128.add<T>(v128.mul<T>(a, v128.load(d0)), r0));
      v128.store(d1, v128.add<T>(v128.mul<T>(a, v128.load(d1)), r1));
    }
    if (c < row) gradientEnds<T>(x, dy, 2, row, c, center, scale, slope, shift);
  }
  if (rows > 0) gradientEnds<T>(x, dy, 1, row, 0, center, scale, slope, shift);
}

function gradientEnds<T>(
  x: usize,
  dy: usize,
  rows: i32,
  row: usize,
  from: usize,
  center: usize,
  scale: usize,
  slope: usize,
  shift: usize,
): void {
  for (; rows > 0; rows--, x += row, dy += row) {
    for (let c = from; c < row; c += sizeof<T>()) {
      const r = load<T>(slope + c) * (load<T>(x + c) - load<T>(center + c)) + load<T>(shift + c);
      store<T>(dy + c, <T>(load<T>(scale + c) * load<T>(dy + c) + r));
    }
  }
}
