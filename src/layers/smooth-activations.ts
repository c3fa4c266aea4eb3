/** SiLU, GELU, ELU and Softplus: activations that are smooth at 0. Computed in TypeScript from the library's own functions. */

import { exp, sigmoid, tanh } from "../core/math.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { erfc, expm1, log1p } from "../core/special.js";
import type { Tensor } from "../core/tensor.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { beginForward, guardedForward } from "./forward.js";
import { noGradients } from "./gradients.js";
import type { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { gradientInPlace, outputOverRead, registerOwn } from "./private-memory.js";

/**
 * Applies the sigmoid linear unit, y = x sigmoid(x), also called swish.
 *
 * - **Shapes**: y has the same shape as x
 * - **Numerics**: computed in double precision and then rounded; bit-identical in every engine and on every kernel set
 * - **Cost**: one pass forward and one backward, which reads x; both in TypeScript
 * - **Source**: Elfwing, Uchibe & Doya 2018 (arXiv:1702.03118)
 *
 * @example
 * new SiLU().forward(Tensor.from([[0, 100]]), { mode: "inference" }).output.toNested();   // => [[0, 100]]
 */
export class SiLU implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor() {
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const value = (x: number): number => times(x, sigmoid(x));
    const slope = (x: number): number => sigmoid(x) + times(x, sigmoid(x) * sigmoid(-x));
    return pointwise("SiLU", input, pass, value, slope);
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/** Options for `GELU`. */
export interface GELUOptions {
  /** "none" for the exact function, or "tanh" for its approximation, as in GPT-2. Default: "none", as in PyTorch. */
  readonly approximate?: "none" | "tanh" | undefined;
}

const geluRules = {
  approximate: { kind: "word", words: ["none", "tanh"], default: "none" },
} as const satisfies OptionRules<GELUOptions>;

// sqrt(2/π), 1/sqrt(2) and 1/sqrt(2π)
const TANH_SCALE = 0.7978845608028654;
const ROOT_HALF = 0.7071067811865476;
const DENSITY_AT_0 = 0.3989422804014327;

/**
 * Applies the Gaussian error linear unit, y = x Φ(x), where Φ is the distribution function of the standard normal distribution.
 *
 *     y = x erfc(-x / sqrt(2)) / 2                                    approximate: "none"
 *     y = x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))) / 2               approximate: "tanh"
 *
 * - **Shapes**: y has the same shape as x
 * - **Numerics**: computed in double precision and then rounded; bit-identical in every engine and on every kernel set
 * - **Cost**: one pass forward and one backward, which reads x; both in TypeScript
 * - **Source**: Hendrycks & Gimpel 2016 (arXiv:1606.08415)
 *
 * @throws {TypeError} if `approximate` is neither "none" nor "tanh"
 * @example
 * new GELU().forward(Tensor.from([[0, 100]]), { mode: "inference" }).output.toNested();   // => [[0, 100]]
 */
export class GELU implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];
  readonly approximate: "none" | "tanh";

  /** Creates the layer. */
  constructor(options: GELUOptions = {}) {
    this.approximate = readOptions("GELU", options, geluRules).approximate;
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    return this.approximate === "tanh"
      ? pointwise("GELU", input, pass, tanhGELU, tanhGELUSlope)
      : pointwise("GELU", input, pass, exactGELU, exactGELUSlope);
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

function exactGELU(x: number): number {
  return times(x, 0.5 * erfc(-x * ROOT_HALF));
}

/** Computes Φ(x) + x φ(x), where φ is the density. */
function exactGELUSlope(x: number): number {
  return 0.5 * erfc(-x * ROOT_HALF) + times(x, DENSITY_AT_0 * exp(-0.5 * x * x));
}

function tanhGELU(x: number): number {
  return times(x, 0.5 * (1 + tanh(TANH_SCALE * (x + 0.044715 * x * x * x))));
}

function tanhGELUSlope(x: number): number {
  const t = tanh(TANH_SCALE * (x + 0.044715 * x * x * x));
  return 0.5 * (1 + t) + times(x * TANH_SCALE * (1 + 3 * 0.044715 * x * x), 0.5 * (1 - t * t));
}

/** Options for `ELU`. */
export interface ELUOptions {
  /** The limit of -y as x goes to -infinity, above 0. Default: 1. */
  readonly alpha?: number | undefined;
}

const eluRules = {
  alpha: { kind: "number", low: 0, withoutLow: true, default: 1 },
} as const satisfies OptionRules<ELUOptions>;

/**
 * Applies the exponential linear unit, y = x where x > 0, else alpha (exp(x) - 1).
 *
 * - **Shapes**: y has the same shape as x
 * - **Numerics**: no cancellation near 0; computed in double precision and then rounded; bit-identical in every engine and on every
 *   kernel set; the derivative at 0 is taken as alpha
 * - **Cost**: one pass forward and one backward, which reads x; both in TypeScript
 * - **Source**: Clevert, Unterthiner & Hochreiter 2016 (arXiv:1511.07289)
 *
 * @throws {RangeError} if alpha is not above 0
 * @example
 * new ELU({ alpha: 2 }).forward(Tensor.from([[-100, 3]]), { mode: "inference" }).output.toNested();   // => [[-2, 3]]
 */
export class ELU implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];
  readonly alpha: number;

  /** Creates the layer. */
  constructor(options: ELUOptions = {}) {
    this.alpha = readOptions("ELU", options, eluRules).alpha;
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { alpha } = this;
    const value = (x: number): number => (x > 0 ? x : alpha * expm1(x));
    const slope = (x: number): number => (x > 0 ? 1 : alpha * exp(x));
    return pointwise("ELU", input, pass, value, slope);
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/**
 * Applies softplus, y = ln(1 + exp(x)), a smooth form of ReLU.
 *
 * - **Shapes**: y has the same shape as x
 * - **Numerics**: computed as max(x, 0) + ln(1 + exp(-|x|)), so it never overflows; in double precision and then rounded;
 *   bit-identical in every engine and on every kernel set
 * - **Cost**: one pass forward and one backward, which reads x; both in TypeScript
 * - **Source**: Dugas et al. 2001
 *
 * @example
 * new Softplus().forward(Tensor.from([[-1000, 1000]]), { mode: "inference" }).output.toNested();   // => [[0, 1000]]
 */
export class Softplus implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor() {
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const value = (x: number): number => Math.max(x, 0) + log1p(exp(-Math.abs(x)));
    return pointwise("Softplus", input, pass, value, sigmoid);
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/** Computes x factor, which is 0 for a factor of 0, even if x is infinite. */
function times(x: number, factor: number): number {
  return factor === 0 ? 0 : x * factor;
}

/** Applies a function of one number to every value. `slope` is its derivative. */
function pointwise(
  kind: string,
  input: Tensor,
  pass: Pass,
  value: (x: number) => number,
  slope: (x: number) => number,
): Forward {
  const { name } = beginForward(kind, input, pass, []);
  const output = outputOverRead(input, pass);
  for (let i = 0; i < input.size; i++) output.data[i] = value(input.data[i]!);
  return guardedForward(name, output, [], [input], (gradOutput) => {
    const gradInput = gradientInPlace(gradOutput, input);
    for (let i = 0; i < input.size; i++) gradInput.data[i] = gradOutput.data[i]! * slope(input.data[i]!);
    return { gradInput, gradients: noGradients };
  });
}
