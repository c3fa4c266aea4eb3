/** invariance and leastSquares: consequences of the scale invariance of weights before batch norm. */
import { modelObjective, Random, softmaxCrossEntropy } from "batchnorm";
import type { Source } from "../data.js";
import { weightsBeforeNorm } from "../networks.js";
import { prepare } from "./training.js";

export interface Invariance {
  /** Largest deviations when the weights before the BatchNorm layers are scaled. */
  readonly scales: readonly {
    readonly epsilon: number;
    readonly scale: number;
    /** |L(aW) - L(W)|. */
    readonly loss: number;
    /** |a ||g(aW)|| / ||g(W)|| - 1|, over the weights before BatchNorm layers. */
    readonly gradient: number;
    /** The largest |cosine| between a unit's weights and their gradient. */
    readonly cosine: number;
  }[];
  /** Relative error of the growth of ||W||^2 during training, compared with the sum of lr^2 ||g||^2. */
  readonly growthError: number;
}

const SCALES = [0.01, 0.1, 10, 100] as const;

export async function invariance(
  { seed, steps }: { readonly seed: number; readonly steps: number },
  source: Source,
): Promise<Invariance> {
  const scales: Invariance["scales"][number][] = [];
  for (const epsilon of [0, 1e-5]) {
    const network = { network: "batch norm", hidden: 3, width: 48, activation: "ReLU", epsilon } as const;
    const trainee = prepare({ network, learningRate: 0.1, batchSize: 64, seed }, source);
    const { images: input, labels: target } = trainee.next();
    const made = modelObjective(trainee.model, { input, target }, softmaxCrossEntropy, { mode: "probe" });
    // The last Dense is not followed by a BatchNorm.
    const groups = made.groups.filter(({ role }) => role === "weight").slice(0, -1);
    const before = await made.objective(made.point);
    for (const scale of SCALES) {
      const moved = made.point.slice();
      for (const { start, end } of groups) for (let i = start; i < end; i++) moved[i]! *= scale;
      const after = await made.objective(moved);
      const size = (gradient: Float64Array): number =>
        Math.sqrt(groups.reduce((sum, { start, end }) => sum + squares(gradient.subarray(start, end)), 0));
      const cosines = groups.flatMap(({ start, end, shape }) =>
        unitCosines(moved.subarray(start, end), after.gradient.subarray(start, end), shape[1]!),
      );
      scales.push({
        epsilon,
        scale,
        loss: Math.abs(after.loss - before.loss),
        gradient: Math.abs((scale * size(after.gradient)) / size(before.gradient) - 1),
        cosine: Math.max(...cosines),
      });
    }
  }
  return { scales, growthError: growthOf(seed, steps, source) };
}

const GROWTH_RATE = 1;

function growthOf(seed: number, steps: number, source: Source): number {
  const network = { network: "batch norm", hidden: 3, width: 48, activation: "ReLU" } as const;
  const trainee = prepare({ network, learningRate: GROWTH_RATE, batchSize: 64, seed }, source);
  const weights = weightsBeforeNorm(trainee);
  const size = (): number => weights.reduce((sum, { value }) => sum + squares(value.data), 0);
  const start = size();
  let predicted = 0;
  for (let step = 0; step < steps; step++) {
    const before = weights.map(({ value }) => value.copy().data);
    trainee.learn(trainee.next());
    // A step changes the weights by lr g.
    weights.forEach(({ value }, i) => (predicted += squares(value.data.map((now, j) => now - before[i]![j]!))));
  }
  return Math.abs((size() - start) / predicted - 1);
}

export interface LeastSquares {
  /** 2 / the largest eigenvalue of the inputs' second moments. */
  readonly edge: number;
  /** The residual sum of squares relative to that of the targets, for each learning rate; infinite after divergence. */
  readonly plain: readonly number[];
  readonly norm: readonly number[];
}

const INPUTS = 20;
const ROWS = 400;
const CONDITION = 100;
const LARGEST = 100;

export function leastSquares({
  seed,
  rates,
  steps,
}: {
  readonly seed: number;
  readonly rates: readonly number[];
  readonly steps: number;
}): Promise<LeastSquares> {
  const random = new Random(seed).fork("least squares");
  // Second moments fall from LARGEST to LARGEST / CONDITION along the axes; gradient descent is invariant to rotation.
  const stds = Array.from({ length: INPUTS }, (_, j) => Math.sqrt(LARGEST * CONDITION ** (-j / (INPUTS - 1))));
  const x = Array.from({ length: ROWS }, () => Float64Array.from(stds, (std) => random.normal(0, std)));
  center(x);
  const truth = Float64Array.from(stds, (std) => random.normal() / std);
  const y = x.map((row) => product(row, truth));
  const start = Float64Array.from(stds, () => random.normal(0, 1 / Math.sqrt(INPUTS)));
  return Promise.resolve({
    edge: 2 / largestEigenvalue(x),
    plain: rates.map((rate) => descend(x, y, start, rate, steps)),
    norm: rates.map((rate) => descendNormalized(x, y, start, rate, steps)),
  });
}

/** L = mean (w'x - y)^2 / 2. */
function descend(
  x: readonly Float64Array[],
  y: readonly number[],
  start: Float64Array,
  rate: number,
  steps: number,
): number {
  const w = start.slice();
  for (let step = 0; step < steps; step++) {
    const residuals = x.map((row, n) => product(row, w) - y[n]!);
    if (!residuals.every(Number.isFinite)) return Infinity;
    for (let j = 0; j < w.length; j++) w[j]! -= rate * meanProduct(residuals, x, j);
  }
  return relative(
    x.map((row, n) => product(row, w) - y[n]!),
    y,
  );
}

/** L = mean (s u - y)^2 / 2, u = w'x / std(w'x): the inputs are centered, and so is w'x. */
function descendNormalized(
  x: readonly Float64Array[],
  y: readonly number[],
  start: Float64Array,
  rate: number,
  steps: number,
): number {
  const w = start.slice();
  let scale = 1;
  const evaluate = (): { u: number[]; std: number; residuals: number[] } => {
    const v = x.map((row) => product(row, w));
    const std = Math.sqrt(squares(v) / v.length);
    const u = v.map((value) => value / std);
    return { u, std, residuals: u.map((value, n) => scale * value - y[n]!) };
  };
  for (let step = 0; step < steps; step++) {
    const { u, std, residuals } = evaluate();
    const along = residuals.reduce((sum, residual, n) => sum + residual * u[n]!, 0) / u.length;
    const dv = residuals.map((residual, n) => (scale / std) * (residual - u[n]! * along));
    for (let j = 0; j < w.length; j++) w[j]! -= rate * meanProduct(dv, x, j);
    scale -= along;
  }
  return relative(evaluate().residuals, y);
}

function relative(residuals: readonly number[], y: readonly number[]): number {
  const error = squares(residuals) / squares(y);
  return Number.isFinite(error) ? error : Infinity;
}

function center(x: readonly Float64Array[]): void {
  for (let j = 0; j < INPUTS; j++) {
    const mean = x.reduce((sum, row) => sum + row[j]!, 0) / x.length;
    for (const row of x) row[j]! -= mean;
  }
}

/** Computes the largest eigenvalue of the second moments by power iteration; all eigenvalues are positive. */
function largestEigenvalue(x: readonly Float64Array[]): number {
  let v = new Float64Array(INPUTS).fill(1 / Math.sqrt(INPUTS));
  let value = 0;
  for (let i = 0; i < 200; i++) {
    const projected = x.map((row) => product(row, v));
    const image = v.map((_, j) => meanProduct(projected, x, j));
    value = Math.sqrt(squares(image));
    v = image.map((each) => each / value);
  }
  return value;
}

function unitCosines(weights: Float64Array, gradient: Float64Array, units: number): number[] {
  return Array.from({ length: units }, (_, unit) => {
    const own = (_value: number, i: number): boolean => i % units === unit;
    const [w, g] = [weights.filter(own), gradient.filter(own)];
    const length = Math.sqrt(squares(w) * squares(g));
    return length === 0 ? 0 : Math.abs(product(w, g)) / length;
  });
}

function product(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function meanProduct(values: readonly number[], x: readonly Float64Array[], column: number): number {
  let sum = 0;
  for (let n = 0; n < values.length; n++) sum += values[n]! * x[n]![column]!;
  return sum / values.length;
}

function squares(values: ArrayLike<number>): number {
  return product(values, values);
}
