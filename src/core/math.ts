/**
 * exp, log, tanh and the logistic function, computed with + - * / and exact powers of two.
 *
 * The last bit of `Math.exp`, `Math.log` and `Math.tanh` differs between engines. These functions return the same bits everywhere.
 */

const LN2 = 0.6931471805599453;
// ln 2 as a sum. The first term has 21 trailing zero bits, which makes k * LN2_HIGH exact for |k| < 2^20.
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

// Computed on first use, because importing a file must not run anything.
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

/** Returns the integer nearest to x / ln 2. Math.round handles more cases and would make exp 1.6 times slower. */
function nearestPower(x: number): number {
  return Math.floor(x / LN2 + 0.5);
}

/** Computes exp(r) - 1 for |r| <= ln(2)/2 from 13 terms of the Taylor series. The 14th is below 4e-18. */
export function expMinusOneNearZero(r: number): number {
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
  // The leading term r is added last, which rounds only once.
  return r + r * r * sum;
}

/**
 * Computes the exponential function, using only + - * /.
 *
 *     x = k ln 2 + r, |r| <= ln(2)/2        exp(x) = 2^k exp(r)
 *
 * - **Numerics**: error of at most 1 unit in the last place; Infinity above 709.78, 0 below -745.13
 * - **Source**: Cody & Waite 1980, chapter 6
 */
export function exp(x: number): number {
  if (!(x > -708 && x < 709)) return expAtTheEnds(x);
  const k = nearestPower(x);
  return (1 + expMinusOneNearZero(x - k * LN2_HIGH - k * LN2_LOW)) * powerOfTwo(k);
}

/** Computes exp where the power of 2 is not a normal number. Separate from exp, which is thus short enough to be inlined. */
function expAtTheEnds(x: number): number {
  if (!(x <= 709.782712893384)) return x !== x ? NaN : Infinity;
  if (x < -745.1332191019412) return 0;
  const k = nearestPower(x);
  const value = 1 + expMinusOneNearZero(x - k * LN2_HIGH - k * LN2_LOW);
  // Multiplies in two steps, because 2^1024 overflows and the subnormal powers would round the result.
  return k > 0 ? value * 2 * powerOfTwo(k - 1) : value * powerOfTwo(k + 60) * powerOfTwo(-60);
}

/**
 * Computes the natural logarithm, using only + - * /.
 *
 *     x = 2^e m, m in [1/sqrt 2, sqrt 2)    log(x) = e ln 2 + 2 (s + s^3/3 + s^5/5 + ...), s = (m-1)/(m+1)
 *
 * - **Numerics**: error of at most 1 unit in the last place; log(0) is -Infinity, log of a negative number is NaN
 * - **Source**: Gregory 1668 for the series; Cody & Waite 1980, chapter 5, for the range reduction
 */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return Infinity;
  let e = 0;
  let m = x;
  // Factors of 2^32 first, which takes about 30 steps for the largest and smallest numbers instead of 1000.
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
  // log(1+f) = f - f^2/2 + s (f^2/2 + 2 z tail). The leading term f is exact, and the rest rounds below its last bit.
  const half = 0.5 * f * f;
  return e * LN2_HIGH + (f - (half - (s * (half + 2 * z * tail) + e * LN2_LOW)));
}

/**
 * Computes the hyperbolic tangent, using only + - * /.
 *
 *     tanh(x) = t / (t + 2), t = exp(2|x|) - 1, with the sign of x
 *
 * - **Numerics**: error of at most 2 units in the last place, even near 0, where computing exp(2x) - 1 directly would cancel
 */
export function tanh(x: number): number {
  const a = Math.abs(x);
  if (a > 22) return x > 0 ? 1 : -1;
  if (!(a > 1e-9)) return x; // tanh(x) = x - x^3/3 + ... rounds to x; NaN and -0 are returned unchanged
  const k = nearestPower(2 * a);
  const p = expMinusOneNearZero(2 * a - k * LN2_HIGH - k * LN2_LOW);
  const scale = powerOfTwo(k);
  const t = scale * p + (scale - 1);
  return x > 0 ? t / (t + 2) : -t / (t + 2);
}

/**
 * Computes the logistic function 1 / (1 + exp(-x)) without overflow for any x.
 *
 * - **Numerics**: error of at most 2 units in the last place
 */
export function sigmoid(x: number): number {
  const e = exp(-Math.abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}
