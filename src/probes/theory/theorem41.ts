/** Theorem 4.1 of Santurkar et al. 2018: batch norm removes two directions from the gradient and divides it by the std. */

import { complaint, expectLength, ShapeError } from "../../core/errors.js";
import { type OptionRules, readOptions } from "../../core/options.js";
import type { Samples } from "../../core/samples.js";
import { expectFiniteValues } from "../shared/arguments.js";
import type { Kinds, Reasons } from "../shared/report.js";
import { expectFeatureAxis, gatherColumns, sampleView } from "../values/feature-columns.js";

const WHO = "theorem41";

/** Options for `theorem41`. */
export interface Theorem41Options {
  /** The epsilon of the BatchNorm. */
  readonly epsilon: number;
  /** The gamma of the BatchNorm, one value per feature. Default: all 1. */
  readonly gamma?: ArrayLike<number> | undefined;
  /** The gradient with respect to the input, as the network computed it, for the left side. Default: computed by formula. */
  readonly gradInput?: Samples | undefined;
  /** The axis of the features. Negative values count from the end. Default: 1. */
  readonly axis?: number | undefined;
}

const theorem41Rules = {
  epsilon: { kind: "number", low: 0 },
  gamma: { kind: "any", optional: true },
  gradInput: { kind: "any", optional: true },
  axis: { kind: "integer", default: 1 },
} as const satisfies OptionRules<Theorem41Options>;

/** Both sides of the theorem for one feature. */
export interface Theorem41Feature {
  /** ||gy||^2, the squared norm of the gradient with respect to the input. */
  readonly lhs: number | null;
  /** The term ||gz||^2, without the factor gamma^2 / sigma^2. */
  readonly scale: number;
  /** The term <1, gz>^2 / m. */
  readonly mean: number;
  /** The term <gz, yhat>^2 / m. */
  readonly projection: number | null;
  /** gamma^2 / sigma^2. */
  readonly factor: number | null;
  /** variance / (variance + epsilon). */
  readonly rho: number | null;
  /** The bound, factor (scale - mean - projection). */
  readonly rhs: number | null;
  /** factor (scale - mean - (2 - rho) projection), which equals lhs for every epsilon. */
  readonly rhsIdentity: number | null;
  /** The bound as printed in the first versions of the paper, with 1 / sqrt(m) in the last term. It does not hold. */
  readonly rhsPrinted: number | null;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/** The report of `theorem41`. */
export interface Theorem41Report {
  readonly probe: "theorem41";
  readonly kinds: Kinds;
  readonly epsilon: number;
  /** m, the number of values per feature. */
  readonly valuesPerFeature: number;
  /** The gradient that lhs was computed from. */
  readonly gradInput: "given" | "formula";
  readonly features: readonly Theorem41Feature[];
}

/**
 * Computes both sides of theorem 4.1 for each feature of a batch norm.
 *
 *     yhat = (y - mean) / sigma, sigma^2 = variance + epsilon, z = gamma yhat + beta
 *     ||gy||^2 <= gamma^2 / sigma^2 (||gz||^2 - <1, gz>^2 / m - <gz, yhat>^2 / m)
 *
 * For epsilon = 0 this is an equality. For epsilon > 0 it is one if the last term is multiplied by 2 - rho. Both gradients
 * belong to the same normalized network. The theorem does not bound the gradient of a network without batch norm.
 *
 * - **Shapes**: input, gradOutput and gradInput have the same shape, for example [rows, features] or [N, C, H, W]
 * - **Cost**: a few passes over the values
 * - **Source**: Santurkar, Tsipras, Ilyas & Madry 2018, theorem 4.1, with the factor 1/m from its proof
 *
 * @throws {TypeError | RangeError | ShapeError} if shapes or lengths do not match, or a value is not finite
 * @example
 * const input = { shape: [4, 1], data: [1, 2, 4, 5] };
 * const gradOutput = { shape: [4, 1], data: [1, -1, 2, 0] };
 * const [feature] = theorem41(input, gradOutput, { epsilon: 0, gamma: [2] }).features;
 * [feature!.lhs?.toFixed(2), feature!.rhs?.toFixed(2), feature!.rhsPrinted?.toFixed(2)]; // => ["7.84", "7.84", "7.68"]
 */
export function theorem41(input: Samples, gradOutput: Samples, options: Theorem41Options): Theorem41Report {
  const { epsilon, gamma, gradInput, axis } = readOptions(WHO, options, theorem41Rules);
  expectFeatureAxis(WHO, axis);
  const view = sampleView(`${WHO}, input`, input, axis);
  const { features } = view;
  const y = expectFiniteValues(WHO, "input", input.data, 1);
  const gz = expectValuesLike(input, "gradOutput", gradOutput);
  const gy = gradInput === undefined ? undefined : expectValuesLike(input, "gradInput", gradInput);
  const gammas = gamma === undefined ? undefined : expectFiniteValues(WHO, "gamma", gamma);
  if (gammas !== undefined) expectLength(WHO, "gamma", gammas, features);

  const byFeature = (values: Float64Array): Float64Array[] => {
    const columns = gatherColumns(values, view);
    return Array.from({ length: features }, (_, j) =>
      columns.values.subarray(columns.starts[j], columns.starts[j + 1]),
    );
  };
  const [ys, gzs, gys] = [byFeature(y), byFeature(gz), gy && byFeature(gy)];
  return {
    probe: "theorem41",
    kinds: { features: "exact" },
    epsilon,
    valuesPerFeature: y.length / features,
    gradInput: gy === undefined ? "formula" : "given",
    features: ys.map((_, j) => describeFeature(ys[j]!, gzs[j]!, gys?.[j], gammas?.[j] ?? 1, epsilon)),
  };
}

function describeFeature(
  y: Float64Array,
  gz: Float64Array,
  gy: Float64Array | undefined,
  gamma: number,
  epsilon: number,
): Theorem41Feature {
  const m = y.length;
  const center = sum(y) / m;
  const variance = sum(y.map((value) => (value - center) ** 2)) / m;
  const scale = sum(gz.map((value) => value * value));
  const total = sum(gz);
  const mean = total ** 2 / m;
  if (variance + epsilon === 0) {
    const nulls = {
      lhs: null,
      projection: null,
      factor: null,
      rho: null,
      rhs: null,
      rhsIdentity: null,
      rhsPrinted: null,
    };
    const reason = "the feature is constant and epsilon is 0";
    const reasons = Object.fromEntries(Object.keys(nulls).map((name) => [name, reason]));
    return { ...nulls, scale, mean, reasons };
  }
  const sigma = Math.sqrt(variance + epsilon);
  const yhat = y.map((value) => (value - center) / sigma);
  const product = sum(gz.map((value, i) => value * yhat[i]!));
  const projection = product ** 2 / m;
  const byFormula = (value: number, i: number): number =>
    (gamma / sigma) * (value - total / m - (yhat[i]! * product) / m);
  const factor = (gamma / sigma) ** 2;
  const rho = variance / (variance + epsilon);
  return {
    lhs: sum((gy ?? gz.map(byFormula)).map((value) => value * value)),
    scale,
    mean,
    projection,
    factor,
    rho,
    rhs: factor * (scale - mean - projection),
    rhsIdentity: factor * (scale - mean - (2 - rho) * projection),
    rhsPrinted: factor * (scale - mean - product ** 2 / Math.sqrt(m)),
    reasons: {},
  };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Requires finite values in the shape of the input. */
function expectValuesLike(input: Samples, name: string, samples: Samples): Float64Array {
  sampleView(`${WHO}, ${name}`, samples, 1);
  const [expected, got] = [input, samples].map(({ shape }) => `shape [${shape.join(", ")}]`);
  if (expected !== got) throw new ShapeError(complaint(WHO, `${name} of ${expected!}, as the input`, got!));
  return expectFiniteValues(WHO, name, samples.data);
}
