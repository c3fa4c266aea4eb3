/**
 * exp, log, tanh and the logistic function, from + - * / and exact powers of two.
 *
 * `Math.exp`, `Math.log` and `Math.tanh` may differ in the last bit between engines. These return the same bits everywhere.
 */

const LN2 = 0.6931471805599453;
// ln 2 in two pieces: the first has 21 trailing zero bits, so that k * LN2_HIGH is exact for |k| < 2^20.
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

// Filled in at first use, so that importing this file runs nothing.
let powers: Float64Array | undefined;

/** Returns 2^k, exact, for k in -1074..1023. */
function powerOfTwo(k: number): number {
  if (powers === undefined) {
    powers = new Float64Array(2098);
    powers[1074] = 1;
    for (let i = 1075; i < 2098; i++) powers[i] = powers[i - 1]! * 2;
    for (let i = 1073; i >= 0; i--) powers[i] = powers[i + 1]! / 2;
  }
  return powers[k + 1074]!;
}

/** Returns the whole number nearest to x / ln 2. With Math.round, which distinguishes more cases, exp takes 1.6 times as long. */
function nearestPower(x: number): number {
  return Math.floor(x / LN2 + 0.5);
}

/** Computes exp(r) - 1 for |r| <= ln(2)/2 by the Taylor series, whose 14th term is below 4e-18. */
function expMinusOneNearZero(r: number): number {
  let sum = 1 / 6227020800;
  sum = sum * r + 1 / 479001600;
  sum = sum * r + 1 / 39916800;
  sum = sum * r + 1 / 3628800;
  sum = sum * r + 1 / 362880;
  sum = sum * r + 1 / 40320;
  sum = sum * r + 1 / 5040;
  sum = sum * r + 1 / 720;
  sum = sum * r + 1 / 120;
  sum = sum * r + 1 / 24;
  sum = sum * r + 1 / 6;
  sum = sum * r + 0.5;
  // The last steps keep r apart: it is the leading term, and r + small rounds once.
  return r + r * r * sum;
}

/**
 * Computes the exponential function, from + - * / alone.
 *
 *     x = k ln 2 + r, |r| <= ln(2)/2        exp(x) = 2^k exp(r)
 *
 * - **Numerics**: at most 1 unit in the last place off; overflows to Infinity above 709.78, underflows to 0 below -745.13
 * - **Source**: Cody & Waite 1980, chapter 6
 */
export function exp(x: number): number {
  if (!(x > -708 && x < 709)) return expAtTheEnds(x);
  const k = nearestPower(x);
  return (1 + expMinusOneNearZero(x - k * LN2_HIGH - k * LN2_LOW)) * powerOfTwo(k);
}

/** Computes exp where the power of 2 is not a normal number. A function of its own keeps exp short enough to be inlined. */
function expAtTheEnds(x: number): number {
  if (!(x <= 709.782712893384)) return x !== x ? NaN : Infinity;
  if (x < -745.1332191019412) return 0;
  const k = nearestPower(x);
  const value = 1 + expMinusOneNearZero(x - k * LN2_HIGH - k * LN2_LOW);
  // Two factors, since 2^1024 and the subnormal powers would lose the result's bits if multiplied at once.
  return k > 0 ? value * 2 * powerOfTwo(k - 1) : value * powerOfTwo(k + 60) * powerOfTwo(-60);
}

/**
 * Computes the natural logarithm, from + - * / alone.
 *
 *     x = 2^e m, m in [1/sqrt 2, sqrt 2)    log(x) = e ln 2 + 2 (s + s^3/3 + s^5/5 + ...), s = (m-1)/(m+1)
 *
 * - **Numerics**: at most 1 unit in the last place off; log(0) = -Infinity, log of a negative number is NaN
 * - **Source**: the series of Gregory 1668, with the reduction of Cody & Waite 1980, chapter 5
 */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return Infinity;
  let e = 0;
  let m = x;
  // By 2^32 first, so that the ends of the range take about thirty steps and not a thousand.
  while (m >= 2 ** 32) {
    m /= 2 ** 32;
    e += 32;
  }
  while (m < 2 ** -32) {
    m *= 2 ** 32;
    e -= 32;
  }
  while (m >= Math.SQRT2) {
    m /= 2;
    e++;
  }
  while (m < Math.SQRT1_2) {
    m *= 2;
    e--;
  }
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s;
  let tail = 1 / 23;
  for (let odd = 21; odd >= 3; odd -= 2) tail = tail * z + 1 / odd;
  // log(1+f) = f - f^2/2 + s (f^2/2 + 2 z tail): f is exact and leads, so the rest rounds below its last bit.
  const half = 0.5 * f * f;
  return e * LN2_HIGH + (f - (half - (s * (half + 2 * z * tail) + e * LN2_LOW)));
}

/**
 * Computes the hyperbolic tangent, from + - * / alone.
 *
 *     tanh(x) = t / (t + 2), t = exp(2|x|) - 1, with the sign of x
 *
 * - **Numerics**: at most 2 units in the last place off, also near 0, where exp(2x) - 1 would cancel
 */
export function tanh(x: number): number {
  const a = Math.abs(x);
  if (a > 22) return x > 0 ? 1 : -1;
  if (!(a > 1e-9)) return x; // tanh(x) = x - x^3/3 + ... rounds to x; NaN and -0 come back as they are
  const k = nearestPower(2 * a);
  const p = expMinusOneNearZero(2 * a - k * LN2_HIGH - k * LN2_LOW);
  const scale = powerOfTwo(k);
  const t = scale * p + (scale - 1);
  return x > 0 ? t / (t + 2) : -t / (t + 2);
}

/**
 * Computes the logistic function 1 / (1 + exp(-x)), without overflow on either side.
 *
 * - **Numerics**: at most 2 units in the last place off
 */
export function sigmoid(x: number): number {
  const e = exp(-Math.abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}
