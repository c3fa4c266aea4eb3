/** Gradient clipping: limits the length of a gradient, or its values. */

import { complaint, expectNumber, show } from "../core/errors.js";
import { Tensor } from "../core/tensor.js";
import type { Gradients } from "../layers/contract.js";
import type { Parameter } from "../layers/parameter.js";

/** The result of `clipByNorm`. */
export interface GradientsClippedByNorm {
  /** The gradients to pass to the optimizer: the given ones if nothing was clipped, else scaled copies. */
  readonly gradients: Gradients;
  /** The norm before clipping. */
  readonly norm: number;
  /** The factor by which every gradient was multiplied; 1 if nothing was clipped. */
  readonly scale: number;
}

/** The result of `clipByValue`. */
export interface GradientsClippedByValue {
  /** The gradients to pass to the optimizer: the given ones if nothing was clipped, else copies. */
  readonly gradients: Gradients;
  /** How many values were clipped. */
  readonly clipped: number;
  /** How many values there are. */
  readonly size: number;
}

/**
 * Scales all gradients by one factor so that their common Euclidean norm is at most `limit`. Their direction stays the same.
 *
 *     norm = sqrt(Σ g²) over all trainable parameters      g *= limit / norm where norm > limit
 *
 * Gradients of parameters that are not trainable do not count toward the norm and are returned unchanged.
 *
 * - **Numerics**: summed in double precision
 * - **Cost**: one pass over the gradients, and a copy of them if they are clipped
 * - **Source**: Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063)
 *
 * @throws {RangeError} if the limit is not above 0, or a gradient has a value that is NaN or infinite
 * @example
 * const weight = new Parameter("weight", "weight", Tensor.from([0, 0]));
 * const { gradients, norm, scale } = clipByNorm(new Map([[weight, Tensor.from([3, 4])]]), 1);
 * [norm, scale];                      // => [5, 0.2]
 * gradients.get(weight)!.at(1);       // => about 0.8
 */
export function clipByNorm(gradients: Gradients, limit: number): GradientsClippedByNorm {
  const name = "clipByNorm";
  const own = trainable(name, gradients, limit);
  // Relative to the largest value, because the square of a value above 1e154 overflows.
  let largest = 0;
  for (const [, { data }] of own) for (const value of data) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return { gradients, norm: 0, scale: 1 };
  let sum = 0;
  for (const [, { data }] of own) for (const value of data) sum += (value / largest) * (value / largest);
  const norm = largest * Math.sqrt(sum);
  if (norm <= limit) return { gradients, norm, scale: 1 };
  const scale = limit / norm;
  return { gradients: changed(gradients, own, (value) => value * scale), norm, scale };
}

/**
 * Limits every value of the gradients to [-limit, limit]. Unlike `clipByNorm`, this changes the direction of the gradient.
 *
 * Gradients of parameters that are not trainable do not count and are returned unchanged.
 *
 * - **Cost**: one pass over the gradients, and a copy of them if any value is clipped
 *
 * @throws {RangeError} if the limit is not above 0, or a gradient has a value that is NaN or infinite
 * @example
 * const weight = new Parameter("weight", "weight", Tensor.from([0, 0]));
 * const { gradients, clipped } = clipByValue(new Map([[weight, Tensor.from([0.5, -4])]]), 1);
 * clipped;                                 // => 1
 * gradients.get(weight)!.toNested();       // => [0.5, -1]
 */
export function clipByValue(gradients: Gradients, limit: number): GradientsClippedByValue {
  const own = trainable("clipByValue", gradients, limit);
  let clipped = 0;
  let size = 0;
  for (const [, { data }] of own) {
    size += data.length;
    for (const value of data) if (Math.abs(value) > limit) clipped++;
  }
  if (clipped === 0) return { gradients, clipped, size };
  const clip = (value: number): number => Math.max(-limit, Math.min(limit, value));
  return { gradients: changed(gradients, own, clip), clipped, size };
}

/** Returns the gradients of the trainable parameters, which must be finite. */
function trainable(name: string, gradients: Gradients, limit: number): readonly [Parameter, Tensor][] {
  const { get, entries } = (gradients ?? {}) as Partial<Gradients>;
  if (typeof get !== "function" || typeof entries !== "function") {
    const cure = "pass what backward returns as `gradients`";
    throw new TypeError(complaint(name, "a Map of gradients", show(gradients), cure));
  }
  expectNumber(name, "limit", limit, { low: 0, withoutLow: true });
  const own = [...gradients.entries()].filter(([parameter]) => parameter.trainable);
  for (const [parameter, { data }] of own) {
    const index = data.findIndex((value) => !Number.isFinite(value));
    if (index < 0) continue;
    const got = `${data[index]} at index ${index} of ${show(parameter.name)}`;
    throw new RangeError(complaint(name, "finite gradients", got, "skip this step, or use a smaller learning rate"));
  }
  return own;
}

/** Returns the gradients with those of `own` replaced by changed copies. */
function changed(
  gradients: Gradients,
  own: readonly [Parameter, Tensor][],
  change: (value: number) => number,
): Gradients {
  const result = new Map(gradients);
  for (const [parameter, { data, shape }] of own) result.set(parameter, new Tensor(data.map(change), shape));
  return result;
}
