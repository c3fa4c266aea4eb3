/** Filter normalization: random directions that are scaled to the weights of each unit. */

import { type OptionRules, readOptions } from "../../core/options.js";
import type { Random, RandomState } from "../../core/random.js";
import { channelView, type ChannelView } from "../../core/shape.js";
import { expectPoint } from "../../objective/evaluate.js";
import type { Group } from "../../objective/objective.js";
import { randomNormal } from "../../objective/vector.js";
import { expectParameterGroups } from "../shared/arguments.js";

/** Options for `filterNormalizedDirection`. */
export interface FilterNormalizationOptions {
  readonly random: Random;
  /** How to treat biases, gammas and betas: keep them fixed ("ignore") or use their values as direction ("copy"). Default: "ignore". */
  readonly vectors?: "ignore" | "copy" | undefined;
}

const filterNormalizationRules = {
  random: { kind: "random" },
  vectors: { kind: "word", words: ["ignore", "copy"], default: "ignore" },
} as const satisfies OptionRules<FilterNormalizationOptions>;

/** A filter-normalized direction. */
export interface FilterNormalizedDirection {
  readonly values: Float64Array;
  readonly vectors: "ignore" | "copy";
  /** The state of the random stream before the draw. `Random.from` draws the same direction again. */
  readonly randomState: RandomState;
}

/**
 * Draws a random direction and scales each of its filters to the norm of the corresponding filter in the point.
 *
 *     d normal, then d_j <- d_j ||w_j|| / ||d_j|| for each output unit j
 *
 * The weights of a batch-normalized network can be scaled without changing the function that it computes. Along an unscaled
 * random direction, a network with larger weights appears flatter. Filter normalization removes this effect.
 *
 * - **Shapes**: a filter consists of the weights of one output: for a Dense weight [inputs, outputs] a column, for a Conv2d weight
 *   [outputs, inputs, height, width] all weights of an output channel. `outputAxis` of a group is the axis that counts the outputs
 * - **Source**: Li, Xu, Taylor, Studer & Goldstein 2018, section 4. Their code uses "copy"
 *
 * @throws {TypeError | RangeError | ShapeError} if point, groups or options are invalid
 * @example
 * const groups: Group[] = [{ name: "0.weight", role: "weight", shape: [2, 1], start: 0, end: 2 }];
 * const { values } = filterNormalizedDirection(Float64Array.of(3, 4), groups, { random: new Random(1) });
 * Math.sqrt(values[0]! ** 2 + values[1]! ** 2).toFixed(6); // => "5.000000"
 */
export function filterNormalizedDirection(
  point: Float64Array,
  groups: readonly Group[],
  options: FilterNormalizationOptions,
): FilterNormalizedDirection {
  const who = "filterNormalizedDirection";
  expectPoint(who, point);
  const { random, vectors } = readOptions(who, options, filterNormalizationRules);
  const randomState = random.state;
  const values = new Float64Array(point.length);
  for (const { role, shape, outputAxis, start, end } of expectParameterGroups(who, groups, point.length)) {
    const weights = point.subarray(start, end);
    if (role === "weight" && shape.length > 1) {
      const draw = randomNormal(end - start, random);
      values.set(stretchFilters(draw, weights, channelView(shape, outputAxis ?? -1)), start);
    } else if (vectors === "copy") {
      values.set(weights, start);
    }
  }
  return { values, vectors, randomState };
}

/** Scales the part of `draw` for each output to the norm of the same part of `weights`. */
function stretchFilters(draw: Float64Array, weights: Float64Array, { channels, inner }: ChannelView): Float64Array {
  const outputOf = (i: number): number => Math.floor(i / inner) % channels;
  const squaresOfDraw = new Float64Array(channels);
  const squaresOfWeights = new Float64Array(channels);
  for (let i = 0; i < draw.length; i++) {
    squaresOfDraw[outputOf(i)]! += draw[i]! ** 2;
    squaresOfWeights[outputOf(i)]! += weights[i]! ** 2;
  }
  return draw.map((value, i) => {
    const square = squaresOfDraw[outputOf(i)]!;
    return square === 0 ? 0 : value * Math.sqrt(squaresOfWeights[outputOf(i)]! / square);
  });
}
