/** Curvature by layer: the eigenvalues of the diagonal blocks of the Hessian, and the norms of the blocks between layers. */

import type { Random, RandomState } from "../../core/random.js";
import { expectObjective, type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Group, Objective, ProbeOptions } from "../../objective/objective.js";
import { addScaled, dot, norm, randomDirection, scaled } from "../../objective/vector.js";
import { type Block, type BlockRule, blocksBy, blocksOf } from "../shared/blocks.js";
import type { ProbeReport } from "../shared/report.js";
import { ProbeRun, reserveDraws } from "../shared/run.js";
import type { Eigenvalue } from "./curvature.js";
import { CheckedProducts, checksOf, defaultDifferenceStep, productNote } from "./hessian.js";
import { lanczos } from "./lanczos.js";

const WHO = "curvatureByLayer";

/** Options for `curvatureByLayer`. */
export interface CurvatureByLayerOptions extends ProbeOptions {
  /** The parameters by name, in the order of the forward pass. Together they must cover the point. */
  readonly groups: readonly Group[];
  /** Draws the start directions. */
  readonly random: Random;
  /**
   * The blocks of the Hessian, as in `internalCovariateShift`. Default: "layer". For one block per parameter, pass
   * `groups.map(({ name }) => [name])`.
   */
  readonly blocks?: BlockRule | undefined;
  /** The number of Lanczos steps per block, at most one per parameter of the block. Default: 20. */
  readonly steps?: number | undefined;
  /** The number of power iterations per pair of blocks. 0 leaves out the pairs. Default: 10. */
  readonly iterations?: number | undefined;
  /** The finite-difference step. Default: as for `hessianVectorProduct`. */
  readonly differenceStep?: number | undefined;
}

const curvatureByLayerRules = {
  groups: { kind: "any" },
  random: { kind: "random" },
  blocks: { kind: "any", default: "layer" },
  steps: { kind: "count", default: 20 },
  iterations: { kind: "count", least: 0, default: 10 },
  differenceStep: { kind: "number", low: 0, withoutLow: true, optional: true },
} as const satisfies ProbeRules<CurvatureByLayerOptions>;

/** The curvature within one block. */
export interface BlockCurvature {
  /** The path of its first layer. */
  readonly name: string;
  /** The names of its groups. */
  readonly members: readonly string[];
  /** The number of its coordinates. */
  readonly size: number;
  /** The number of Lanczos steps. */
  readonly steps: number;
  /** A lower bound for the largest eigenvalue of the block (with its sign, not by magnitude). */
  readonly largest: Eigenvalue;
  /** An upper bound for its smallest eigenvalue. */
  readonly smallest: Eigenvalue;
}

/** The coupling of two blocks. */
export interface BlocksNorm {
  /** The names of the two blocks. */
  readonly blocks: readonly [string, string];
  /** A lower bound for ||H_ij||, the largest singular value of the block of the Hessian between them. */
  readonly norm: number;
  /** A singular value lies within this distance of `norm`, up to the error of the products. */
  readonly residual: number;
}

/** The report of `curvatureByLayer`. */
export interface CurvatureByLayerReport extends ProbeReport {
  readonly probe: "curvatureByLayer";
  /** The rule for the blocks; "given" for a list of blocks. */
  readonly blocksBy: "layer" | "module" | "given";
  readonly iterations: number;
  /** The finite-difference step h of the products. */
  readonly differenceStep: number;
  /** The largest ||Hv at h - Hv at h/2|| / ||v|| among the checked products: up to 8, evenly spaced. */
  readonly productError: number;
  /** The largest |<u, Hv> - <v, Hu>| that was found, for directions of length 1. It is 0 for a true Hessian. */
  readonly asymmetry: number;
  /** A warning if the products are too inaccurate for reliable values; otherwise null. */
  readonly note: string | null;
  /** The state of the random stream before the draws. `Random.from` draws the same starts again. */
  readonly randomState: RandomState;
  /** One entry per block, in the order of the forward pass. */
  readonly blocks: readonly BlockCurvature[];
  /** One entry per pair of blocks. Empty if `iterations` is 0. */
  readonly between: readonly BlocksNorm[];
}

/**
 * Estimates the curvature of each layer alone and the coupling of each pair of layers.
 *
 *     H = [H_11 H_12 ...; H_21 H_22 ...; ...]      largest and smallest eigenvalue of each H_ii      ||H_ij|| = largest singular value
 *
 * The largest eigenvalue of the whole Hessian is at least that of every diagonal block. If it is much larger, the sharpest
 * direction changes several layers together.
 *
 * - **Units**: loss per squared parameter. Like all curvature, the values of a weight W before a normalization layer shrink if the
 *   weight grows: H_ii as 1 / ||W||^2
 * - **Numerics**: eigenvalues by Lanczos within the block; norms by power iteration with H_ij H_ji, which converges slowly if the
 *   two largest singular values are close. Check `note` first, then each residual
 * - **Cost**: with k blocks, 2 k `steps` and 2 k (k - 1) `iterations` evaluations, and 2 for each of up to 8 products that are
 *   checked at half the difference step. Stores one vector of the size of a block per step
 * - **Source**: Martens & Grosse 2015 (arXiv:1503.05671), which approximates the curvature by its diagonal blocks; power
 *   iteration: Golub & Van Loan, Matrix Computations, section 8.2
 *
 * @throws {TypeError | RangeError | ShapeError} if the options or the point are invalid, or loss or gradient is not finite near the
 *   point
 * @example
 * // L = (x^2 + 9 y^2) / 2 + 2 x y
 * const coupled: Objective = ([x, y]) => ({
 *   loss: 0.5 * (x! ** 2 + 9 * y! ** 2) + 2 * x! * y!,
 *   gradient: Float64Array.of(x! + 2 * y!, 9 * y! + 2 * x!),
 * });
 * const groups: Group[] = [
 *   { name: "0.weight", role: "weight", shape: [1, 1], start: 0, end: 1 },
 *   { name: "1.weight", role: "weight", shape: [1, 1], start: 1, end: 2 },
 * ];
 * const report = await curvatureByLayer(coupled, Float64Array.of(3, 1), { groups, random: new Random(1) });
 * report.blocks.map(({ largest }) => largest.value.toFixed(6)); // => ["1.000000", "9.000000"]
 * report.between[0]?.norm.toFixed(6);                           // => "2.000000"
 */
export async function curvatureByLayer(
  objective: Objective,
  point: Float64Array,
  options: CurvatureByLayerOptions,
): Promise<CurvatureByLayerReport> {
  const read = readProbeOptions(WHO, options, curvatureByLayerRules);
  const { groups, random, blocks: rule, iterations } = read;
  expectObjective(WHO, objective, point);
  const blocks = blocksOf(WHO, groups, rule, point.length).map((block) => new Coordinates(block, point.length));
  const pairs = iterations === 0 ? [] : blocks.flatMap((a, i) => blocks.slice(i + 1).map((b) => [a, b] as const));
  const steps = blocks.map(({ size }) => Math.min(read.steps, size));
  const count = steps.reduce((sum, each) => sum + each, 2 * iterations * pairs.length);
  const run = new ProbeRun(WHO, objective, point, read, 2 * (count + checksOf(count)));
  const draw = (stream: Random): Float64Array => randomDirection(run.point.length, stream);
  const { own, randomState } = await reserveDraws(WHO, random, blocks.length + pairs.length, draw, read);
  const step = read.differenceStep ?? defaultDifferenceStep(run);
  const products = new CheckedProducts(run, step, count);

  let asymmetry = 0;
  const within: BlockCurvature[] = [];
  for (const [i, block] of blocks.entries()) {
    const multiply = (part: Float64Array): Promise<Float64Array> => blockTimes(products, block, part, block);
    const ritz = await lanczos(multiply, block.size, steps[i]!, own);
    asymmetry = Math.max(asymmetry, ritz.asymmetry);
    const { name, members, size } = block;
    const largest = { value: ritz.values.at(-1)!, residual: ritz.residuals.at(-1)! };
    const smallest = { value: ritz.values[0]!, residual: ritz.residuals[0]! };
    within.push({ name, members, size, steps: steps[i]!, largest, smallest });
  }
  const between: BlocksNorm[] = [];
  for (const [a, b] of pairs) {
    const found = await normBetween(products, a, b, iterations, own);
    asymmetry = Math.max(asymmetry, found.asymmetry);
    between.push({ blocks: [a.name, b.name], norm: found.norm, residual: found.residual });
  }
  return {
    ...run.describe(WHO, { largest: "lower bound", smallest: "upper bound", between: "lower bound" }),
    blocksBy: blocksBy(rule),
    iterations,
    differenceStep: step,
    productError: products.error,
    asymmetry,
    note: productNote(asymmetry, products.relativeError, products.largestProduct, step),
    randomState,
    blocks: within,
    between,
  };
}

/** The coordinates of a block in the point. */
class Coordinates {
  readonly name: string;
  readonly members: readonly string[];
  readonly size: number;
  private readonly groups: readonly Group[];

  constructor(
    { name, groups }: Block,
    private readonly length: number,
  ) {
    this.name = name;
    this.members = groups.map((group) => group.name);
    this.size = groups.reduce((sum, { start, end }) => sum + end - start, 0);
    this.groups = groups;
  }

  /** Returns the block's part of a vector. */
  partOf(vector: Float64Array): Float64Array {
    const part = new Float64Array(this.size);
    let at = 0;
    for (const { start, end } of this.groups) {
      part.set(vector.subarray(start, end), at);
      at += end - start;
    }
    return part;
  }

  /** Returns the vector with this part and 0 elsewhere. */
  extend(part: Float64Array): Float64Array {
    const vector = new Float64Array(this.length);
    let at = 0;
    for (const { start, end } of this.groups) {
      vector.set(part.subarray(at, at + end - start), start);
      at += end - start;
    }
    return vector;
  }
}

/** Returns H_ij v for a vector v of block j. */
async function blockTimes(
  products: CheckedProducts,
  block: Coordinates,
  part: Float64Array,
  from: Coordinates,
): Promise<Float64Array> {
  return block.partOf(await products.times(from.extend(part)));
}

/** Estimates ||H_ab|| by power iteration. Each iteration multiplies with H_ab and then with H_ba. */
async function normBetween(
  products: CheckedProducts,
  a: Coordinates,
  b: Coordinates,
  iterations: number,
  random: Random,
): Promise<{ readonly norm: number; readonly residual: number; readonly asymmetry: number }> {
  let v = randomDirection(b.size, random);
  let found = { norm: 0, residual: 0 };
  let asymmetry = 0;
  for (let i = 0; i < iterations; i++) {
    const image = await blockTimes(products, a, v, b);
    const value = norm(image);
    const u = value === 0 ? randomDirection(a.size, random) : scaled(1 / value, image);
    const back = await blockTimes(products, b, u, a);
    asymmetry = Math.max(asymmetry, Math.abs(dot(v, back) - dot(u, image)));
    // (u, v) / sqrt(2) as an eigenvector of the matrix with H_ab and H_ba beside a diagonal of zeros
    found = { norm: value, residual: norm(addScaled(back, -value, v)) / Math.SQRT2 };
    const size = norm(back);
    v = size === 0 ? randomDirection(b.size, random) : scaled(1 / size, back);
  }
  return { ...found, asymmetry };
}
