/**
 * Group normalization where a group is a line of neighboring channels: line l = sample * groups + group of x, whose channel
 * i has the weight gamma[(l % groups) * length + i]. Sums are doubles.
 */

import { addTo, broadcast, pair, total, zero } from "./vectors";

/** x = ((x - center[l]) scale[l] + shift[l]) gamma[c] + beta[c], in place; all of x's dtype. */
export function affineLines<T>(
  x: usize,
  lines: i32,
  groups: i32,
  length: i32,
  center: usize,
  scale: usize,
  shift: usize,
  gamma: usize,
  beta: usize,
): void {
  const line = <usize>length * sizeof<T>();
  for (let l = 0; l < lines; l++) {
    const at = <usize>l * sizeof<T>();
    let c = <usize>(l % groups) * line;
    const m = broadcast<T>(center + at);
    const k = broadcast<T>(scale + at);
    const b = broadcast<T>(shift + at);
    const end = x + line;
    for (; x + 16 <= end; x += 16, c += 16) {
      const xhat = v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(x), m), k), b);
      v128.store(x, v128.add<T>(v128.mul<T>(xhat, v128.load(gamma + c)), v128.load(beta + c)));
    }
    for (; x < end; x += sizeof<T>(), c += sizeof<T>()) {
      const xhat = <T>((load<T>(x) - load<T>(center + at)) * load<T>(scale + at) + load<T>(shift + at));
      store<T>(x, <T>(xhat * load<T>(gamma + c) + load<T>(beta + c)));
    }
  }
}

/**
 * Of each line sums[2l] = Σ gamma dy and sums[2l + 1] = Σ gamma dy xhat; of each channel sumDy[c] += dy and
 * sumDyXhat[c] += dy xhat. mean, rstd, gamma and the sums are doubles.
 */
export function addGradientsOfLines<T>(
  x: usize,
  dy: usize,
  lines: i32,
  groups: i32,
  length: i32,
  mean: usize,
  rstd: usize,
  gamma: usize,
  sums: usize,
  sumDy: usize,
  sumDyXhat: usize,
): void {
  const line = <usize>length * sizeof<T>();
  for (let l = 0; l < lines; l++, mean += 8, rstd += 8, sums += 16) {
    const m = broadcast<f64>(mean);
    const k = broadcast<f64>(rstd);
    let s = zero();
    let q = zero();
    let c = <usize>((l % groups) * length) * 8;
    const end = x + line;
    for (; x + 2 * sizeof<T>() <= end; x += 2 * sizeof<T>(), dy += 2 * sizeof<T>(), c += 16) {
      const d = pair<T>(dy);
      const product = f64x2.mul(d, f64x2.mul(f64x2.sub(pair<T>(x), m), k));
      const g = v128.load(gamma + c);
      s = f64x2.add(s, f64x2.mul(g, d));
      q = f64x2.add(q, f64x2.mul(g, product));
      addTo(sumDy + c, d);
      addTo(sumDyXhat + c, product);
    }
    let sum = total(s);
    let sumXhat = total(q);
    if (x < end) {
      const d = <f64>load<T>(dy);
      const product = d * ((<f64>load<T>(x) - load<f64>(mean)) * load<f64>(rstd));
      sum += load<f64>(gamma + c) * d;
      sumXhat += load<f64>(gamma + c) * product;
      store<f64>(sumDy + c, load<f64>(sumDy + c) + d);
      store<f64>(sumDyXhat + c, load<f64>(sumDyXhat + c) + product);
      x += sizeof<T>();
      dy += sizeof<T>();
    }
    store<f64>(sums, sum);
    store<f64>(sums, sumXhat, 8);
  }
}

/** dy = scale[l] gamma[c] dy + (slope[l] (x - center[l]) + shift[l]), in place; all of x's dtype. */
export function gradientLines<T>(
  x: usize,
  dy: usize,
  lines: i32,
  groups: i32,
  length: i32,
  center: usize,
  scale: usize,
  slope: usize,
  shift: usize,
  gamma: usize,
): void {
  const line = <usize>length * sizeof<T>();
  for (let l = 0; l < lines; l++) {
    const at = <usize>l * sizeof<T>();
    const m = broadcast<T>(center + at);
    const a = broadcast<T>(scale + at);
    const k = broadcast<T>(slope + at);
    const b = broadcast<T>(shift + at);
    let g = gamma + <usize>(l % groups) * line;
    const end = x + line;
    for (; x + 16 <= end; x += 16, dy += 16, g += 16) {
      const rest = v128.add<T>(v128.mul<T>(k, v128.sub<T>(v128.load(x), m)), b);
      v128.store(dy, v128.add<T>(v128.mul<T>(v128.mul<T>(a, v128.load(g)), v128.load(dy)), rest));
    }
    for (; x < end; x += sizeof<T>(), dy += sizeof<T>(), g += sizeof<T>()) {
      const rest = load<T>(slope + at) * (load<T>(x) - load<T>(center + at)) + load<T>(shift + at);
      store<T>(dy, <T>(load<T>(scale + at) * load<T>(g) * load<T>(dy) + rest));
    }
  }
}
