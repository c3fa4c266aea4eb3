/** Internal covariate shift: how much the gradient of a layer changes because the layers below it were updated. */

import { complaint, show } from "../../core/errors.js";
import { expectObjective, type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Group, Objective, ProbeOptions } from "../../objective/objective.js";
import { addScaled, distance, norm } from "../../objective/vector.js";
import { type GradientChange, gradientChange } from "../landscape/gradient-change.js";
import { expectVector } from "../shared/arguments.js";
import { type Block, type BlockRule, blocksBy, blocksOf } from "../shared/blocks.js";
import type { ProbeReport } from "../shared/report.js";
import { ProbeRun } from "../shared/run.js";

const WHO = "internalCovariateShift";

/** Options for `internalCovariateShift`. Pass either `learningRate` or `moved`. */
export interface InternalCovariateShiftOptions extends ProbeOptions {
  /** The parameters by name, in the order of the forward pass. Together they must cover the point. */
  readonly groups: readonly Group[];
  /** The learning rate of a gradient descent step to x' = x - learningRate g(x). */
  readonly learningRate?: number | undefined;
  /** The point x' after any other update. */
  readonly moved?: Float64Array | undefined;
  /** The blocks of parameters that are updated and measured together. Default: "layer". */
  readonly blocks?: BlockRule | undefined;
  /** The parameters of the lower blocks that are updated: all, or only the weights. Default: "all". */
  readonly moves?: "all" | "weights" | undefined;
}

const internalCovariateShiftRules = {
  groups: { kind: "any" },
  learningRate: { kind: "number", low: 0, withoutLow: true, optional: true },
  moved: { kind: "any", optional: true },
  blocks: { kind: "any", default: "layer" },
  moves: { kind: "word", words: ["all", "weights"], default: "all" },
} as const satisfies ProbeRules<InternalCovariateShiftOptions>;

/** The change of the gradient of one block after an update of the blocks below it. */
export interface BlockShift {
  /** The path of its first layer. */
  readonly name: string;
  /** The names of its groups. */
  readonly members: readonly string[];
  /** The loss after the update of the blocks below. Infinity if it is not finite. */
  readonly lossPrime: number;
  /** The change for the weights. Null if the block has none. */
  readonly weight: GradientChange | null;
  /** The change for weights and biases. Null if the block has none. */
  readonly linear: GradientChange | null;
  /** The change for all parameters, including gamma and beta. */
  readonly all: GradientChange;
}

/** The report of `internalCovariateShift`. */
export interface InternalCovariateShiftReport extends ProbeReport {
  readonly probe: "internalCovariateShift";
  /** Null if `moved` was given. */
  readonly learningRate: number | null;
  /** The rule for the blocks; "given" for a list of blocks. */
  readonly blocksBy: "layer" | "module" | "given";
  readonly moves: "all" | "weights";
  /** ||x' - x||, over all parameters. */
  readonly distance: number;
  /** L(x). */
  readonly loss: number;
  /** ||g(x)|| of the whole gradient. */
  readonly gradNorm: number;
  /** One entry per block, in the order of the forward pass. */
  readonly blocks: readonly BlockShift[];
}

/**
 * Measures internal covariate shift as the change of the gradient of each layer after an update of the layers below it.
 *
 *     G_i = gradient of block i at x        G'_i = gradient of block i with blocks 1..i-1 at x' and blocks i..k at x
 *     difference = ||G - G'||        relativeDifference = ||G - G'|| / ||G||        cosine = <G, G'> / (||G|| ||G'||)
 *
 * The measured block and those above it are not updated, and both evaluations use the same batch. Below the first block there
 * is nothing to update, so its difference is 0 and its cosine 1. `blocks` and `moves` select what is updated. What is measured
 * is reported separately, as weight, linear and all.
 *
 * - **Units**: difference has the unit of the gradient. For small learning rates, difference and relativeDifference are
 *   proportional to the learning rate
 * - **Numerics**: if ||G|| or ||G'|| is below 1e-12 of the whole gradient, as for a bias before BatchNorm, the cosine would be
 *   round-off and is null. If the loss diverges, the difference is Infinity
 * - **Cost**: one evaluation per block
 * - **Source**: Santurkar, Tsipras, Ilyas & Madry 2018, definition 2.1
 *
 * @throws {TypeError | RangeError | ShapeError} if the options or the point are invalid, or loss or gradient at x is not finite
 * @example
 * // f(X) = X W w on one row (1, 2), with W a number a and w a number b: L = (a b - 1)^2
 * const objective: Objective = ([a, b]) => ({
 *   loss: (a! * b! - 1) ** 2,
 *   gradient: Float64Array.of(2 * (a! * b! - 1) * b!, 2 * (a! * b! - 1) * a!),
 * });
 * const groups: Group[] = [
 *   { name: "0.weight", role: "weight", shape: [1, 1], start: 0, end: 1 },
 *   { name: "1.weight", role: "weight", shape: [1, 1], start: 1, end: 2 },
 * ];
 * const report = await internalCovariateShift(objective, Float64Array.of(2, 1), { groups, learningRate: 0.25 });
 * report.blocks.map((block) => block.all.difference); // => [0, 2.5]
 */
export async function internalCovariateShift(
  objective: Objective,
  point: Float64Array,
  options: InternalCovariateShiftOptions,
): Promise<InternalCovariateShiftReport> {
  const read = readProbeOptions(WHO, options, internalCovariateShiftRules);
  const { groups, learningRate, moved, blocks: rule, moves } = read;
  if ((learningRate === undefined) === (moved === undefined)) {
    const got = `learningRate ${show(learningRate)} and moved ${show(moved)}`;
    throw new TypeError(complaint(WHO, "either a learningRate or the moved point", got));
  }
  expectObjective(WHO, objective, point);
  const movedPoint = moved === undefined ? undefined : expectVector(WHO, "moved", moved, point.length);
  const blocks = blocksOf(WHO, groups, rule, point.length);
  const run = new ProbeRun(WHO, objective, point, read, blocks.length);
  const x = run.point;

  const { loss, gradient } = await run.finiteAt(x);
  const gradNorm = norm(gradient);
  const xPrime = movedPoint ?? addScaled(x, -learningRate!, gradient);
  const mixed = x.slice();
  const shifts: BlockShift[] = [];
  for (const [i, block] of blocks.entries()) {
    const far = i === 0 ? { loss, gradient } : await run.farAt(mixed.slice());
    shifts.push(describeBlock(block, gradient, gradNorm, far.loss, far.gradient));
    for (const { role, start, end } of block.groups) {
      if (moves === "all" || role === "weight") mixed.set(xPrime.subarray(start, end), start);
    }
  }
  return {
    ...run.describe(WHO, { blocks: "exact", distance: "exact" }),
    learningRate: learningRate ?? null,
    blocksBy: blocksBy(rule),
    moves,
    distance: distance(xPrime, x),
    loss,
    gradNorm,
    blocks: shifts,
  };
}

function describeBlock(
  block: Block,
  g: Float64Array,
  gradNorm: number,
  lossPrime: number,
  gPrime: Float64Array | null,
): BlockShift {
  const changeOf = (...roles: readonly Group["role"][]): GradientChange | null => {
    const measured = block.groups.filter((group) => roles.includes(group.role));
    return measured.length === 0 ? null : gradientChange(g, gPrime, measured, gradNorm);
  };
  return {
    name: block.name,
    members: block.groups.map((group) => group.name),
    lossPrime,
    weight: changeOf("weight"),
    linear: changeOf("weight", "bias"),
    all: gradientChange(g, gPrime, block.groups, gradNorm),
  };
}
