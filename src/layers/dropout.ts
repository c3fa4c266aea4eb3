/** Dropout: zeroes values at random during training. */

import { type OptionRules, readOptions } from "../core/options.js";
import type { Random } from "../core/random.js";
import type { Tensor } from "../core/tensor.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { afterPass, beginForward, guardedForward } from "./forward.js";
import { noGradients } from "./gradients.js";
import type { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { gradientInPlace, outputInPlace, registerOwn } from "./private-memory.js";

/** Options for `Dropout`. */
export interface DropoutOptions {
  /** The probability that a value is dropped, in [0, 1). */
  readonly rate: number;
  /** Seeds the layer's own stream, which advances with every pass in mode "train". Several layers may share this argument. */
  readonly random: Random;
}

const dropoutRules = {
  rate: { kind: "number", low: 0, high: 1, withoutHigh: true },
  random: { kind: "random" },
} as const satisfies OptionRules<DropoutOptions>;

/**
 * Sets each value to 0 with probability `rate`, and divides the others by 1 - rate, so that the expectation of y is x.
 *
 *     y = m x / (1 - rate)      m = 0 with probability rate, else 1
 *
 * Before a batch norm, dropout makes the variance of the batch larger than that at inference (Li et al. 2019): place it after the
 * last batch norm.
 *
 * - **Shapes**: y like x
 * - **Modes**: train draws a new mask. probe draws, from a copy of the stream, the mask of the next train pass on a batch of that
 *   shape: the same answer every time. inference returns the values of x
 * - **Cost**: 32 random bits per value; keeps one byte per value
 * - **Source**: Srivastava et al. 2014; Li et al. 2019 (arXiv:1801.05134)
 *
 * @throws {RangeError} if the rate is not in [0, 1)
 * @example
 * const dropout = new Dropout({ rate: 0.5, random: new Random(1) });
 * const x = Tensor.from([[1, 2, 3, 4]]);
 * dropout.forward(x, { mode: "train" }).output.toNested();       // => [[2, 0, 6, 8]]
 * dropout.forward(x, { mode: "inference" }).output.toNested();   // => [[1, 2, 3, 4]]
 */
export class Dropout implements Layer {
  readonly rate: number;
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];
  readonly streams: ReadonlyMap<string, Random>;
  private readonly random: Random;
  /** The streams of the current passes: the second occurrence of a layer in a model continues the stream of the first. */
  private readonly running = new WeakMap<NonNullable<Pass["defer"]>, Random>();

  /** Creates the layer with a stream of its own. */
  constructor(options: DropoutOptions) {
    const { rate, random } = readOptions("Dropout", options, dropoutRules);
    this.rate = rate;
    // A copy of the stream would give all layers that were made from it the same mask.
    this.random = random.fork(`dropout ${random.integer(2 ** 32)}`);
    this.streams = new Map([["dropout", this.random]]);
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("Dropout", input, pass, []);
    const drops = pass.mode !== "inference" && this.rate > 0;
    const kept = drops ? this.draw(input.size, pass) : undefined;
    const scale = 1 / (1 - this.rate);
    /** A product also where the factor is 0: NaN stays NaN. */
    const mask = (from: Tensor, to: Tensor): Tensor => {
      const [x, y] = [from.data, to.data];
      if (kept !== undefined) for (let i = 0; i < x.length; i++) y[i] = x[i]! * (kept[i] === 1 ? scale : 0);
      else if (x !== y) y.set(x);
      return to;
    };
    const output = mask(input, outputInPlace(input, pass));
    return guardedForward(name, output, [], [], (gradOutput) => {
      return { gradInput: mask(gradOutput, gradientInPlace(gradOutput, input)), gradients: noGradients };
    });
  }

  /** Draws which values are kept: 1, or 0 for those that are dropped. */
  private draw(size: number, pass: Pass): Uint8Array {
    const { defer } = pass;
    const random = (defer && this.running.get(defer)) ?? this.random.copy();
    if (defer) this.running.set(defer, random);
    const kept = new Uint8Array(size);
    const bound = this.rate * 2 ** 32;
    for (let i = 0; i < size; i++) kept[i] = random.bits() < bound ? 0 : 1;
    const { state } = random;
    if (pass.mode === "train") afterPass(pass, () => this.random.restore(state));
    return kept;
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}
