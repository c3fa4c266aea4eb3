/**
 * Every kernel once more, slowly: index by index from the equations, in double precision, without a trick. The kernel sets
 * are held against these.
 */
import { exp, log, sigmoid, tanh } from "../../src/core/math.js";
import { type Floats } from "../../src/core/dtype.js";
import type {
  AdamArguments,
  BatchNormBackwardArguments,
  MatmulArguments,
  NormalizeArguments,
  SGDArguments,
  SoftmaxCrossEntropyArguments,
} from "../../src/kernels/types.js";

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** out[i, j] = bias[j] + Σ_k a(i, k) b(k, j) */
export function matmul(
  { rows, inner, columns, a, b, bias }: Omit<MatmulArguments, "out">,
  form: "matmul" | "matmulTransposedA" | "matmulTransposedB",
): number[] {
  const atA = (i: number, k: number): number => (form === "matmulTransposedA" ? a[k * rows + i]! : a[i * inner + k]!);
  const atB = (k: number, j: number): number =>
    form === "matmulTransposedB" ? b[j * inner + k]! : b[k * columns + j]!;
  return range(rows).flatMap((i) =>
    range(columns).map((j) => {
      let total = bias?.[j] ?? 0;
      for (let k = 0; k < inner; k++) total += atA(i, k) * atB(k, j);
      return total;
    }),
  );
}

/** Where the values of channel c stand. */
function placesOf({ outer, channels, inner }: NormalizeArguments["view"], c: number): number[] {
  const places: number[] = [];
  for (let o = 0; o < outer; o++) for (let i = 0; i < inner; i++) places.push((o * channels + c) * inner + i);
  return places;
}

/** The mean and the biased variance of some values; the mean is refined once, since a sum of many large values rounds. */
function momentsOf(values: readonly number[]): { mean: number; variance: number } {
  const rough = sum(values) / values.length;
  const mean = rough + sum(values.map((value) => value - rough)) / values.length;
  return { mean, variance: sum(values.map((value) => (value - mean) ** 2)) / values.length };
}

/** 1 / sqrt(variance + epsilon), 0 where that is 1 / 0. */
const reciprocal = (square: number): number => (square === 0 ? 0 : 1 / Math.sqrt(square));

/** Mean, variance and rstd of each channel. */
export function statistics(
  view: NormalizeArguments["view"],
  x: Floats,
  epsilon: number,
): { mean: Float64Array; variance: Float64Array; rstd: Float64Array } {
  const moments = range(view.channels).map((c) => momentsOf(placesOf(view, c).map((at) => x[at]!)));
  return {
    mean: Float64Array.from(moments, ({ mean }) => mean),
    variance: Float64Array.from(moments, ({ variance }) => variance),
    rstd: Float64Array.from(moments, ({ variance }) => reciprocal(variance + epsilon)),
  };
}

/** y = gamma (x - mean) rstd + beta */
export function normalize({ view, x, gamma, beta, mean, rstd }: Omit<NormalizeArguments, "y">): Float64Array {
  const y = new Float64Array(x.length);
  for (const c of range(view.channels)) {
    for (const at of placesOf(view, c)) {
      y[at] = (gamma?.[c] ?? 1) * (x[at]! - mean[c]!) * rstd[c]! + (beta?.[c] ?? 0);
    }
  }
  return y;
}

interface NormGradients {
  readonly dx: Float64Array;
  readonly dgamma: Float64Array;
  readonly dbeta: Float64Array;
}

/** dx = gamma rstd (dy - mean(dy) - xhat mean(dy xhat)), without the two means where the statistics are constants. */
export function normalizeBackward(args: Omit<BatchNormBackwardArguments, "dx">, throughBatch: boolean): NormGradients {
  const { view, x, dy, gamma, mean, rstd } = args;
  const dx = new Float64Array(x.length);
  const [dgamma, dbeta] = [new Float64Array(view.channels), new Float64Array(view.channels)];
  for (const c of range(view.channels)) {
    const places = placesOf(view, c);
    const xhat = (at: number): number => (x[at]! - mean[c]!) * rstd[c]!;
    dbeta[c] = sum(places.map((at) => dy[at]!));
    dgamma[c] = sum(places.map((at) => dy[at]! * xhat(at)));
    for (const at of places) {
      const part = throughBatch ? (dbeta[c] + xhat(at) * dgamma[c]) / places.length : 0;
      dx[at] = (gamma?.[c] ?? 1) * rstd[c]! * (dy[at]! - part);
    }
  }
  return { dx, dgamma, dbeta };
}

/** x [samples, channels, inner] with the channels of each sample in groups of neighbors. */
interface GroupNormProblem {
  readonly samples: number;
  readonly groups: number;
  readonly channels: number;
  readonly inner: number;
  readonly x: Floats;
  readonly gamma: Floats | undefined;
  readonly beta: Floats | undefined;
}

/** Of each group of each sample: its values' places, each with its channel. */
function placesOfGroups({ samples, groups, channels, inner }: GroupNormProblem): { at: number; c: number }[][] {
  const perGroup = channels / groups;
  return range(samples * groups).map((row) =>
    range(perGroup).flatMap((part) => {
      const c = (row % groups) * perGroup + part;
      const plane = Math.floor(row / groups) * channels + c;
      return range(inner).map((i) => ({ at: plane * inner + i, c }));
    }),
  );
}

/** y, mean and rstd of group normalization. */
export function groupNorm(args: GroupNormProblem & { readonly epsilon: number }): {
  y: Float64Array;
  mean: Float64Array;
  rstd: Float64Array;
} {
  const { x, gamma, beta, epsilon, samples, groups } = args;
  const y = new Float64Array(x.length);
  const [mean, rstd] = [new Float64Array(samples * groups), new Float64Array(samples * groups)];
  placesOfGroups(args).forEach((places, row) => {
    const moments = momentsOf(places.map(({ at }) => x[at]!));
    mean[row] = moments.mean;
    rstd[row] = reciprocal(moments.variance + epsilon);
    for (const { at, c } of places) {
      y[at] = (gamma?.[c] ?? 1) * (x[at]! - moments.mean) * rstd[row] + (beta?.[c] ?? 0);
    }
  });
  return { y, mean, rstd };
}

/** dx = rstd (gamma dy - mean(gamma dy) - xhat mean(gamma dy xhat)) */
export function groupNormBackward(
  args: GroupNormProblem & { readonly dy: Floats; readonly mean: Float64Array; readonly rstd: Float64Array },
): NormGradients {
  const { x, dy, gamma, mean, rstd, channels } = args;
  const dx = new Float64Array(x.length);
  const [dgamma, dbeta] = [new Float64Array(channels), new Float64Array(channels)];
  placesOfGroups(args).forEach((places, row) => {
    const xhat = (at: number): number => (x[at]! - mean[row]!) * rstd[row]!;
    const dxhat = places.map(({ at, c }) => (gamma?.[c] ?? 1) * dy[at]!);
    const shift = sum(dxhat) / places.length;
    const slope = sum(places.map(({ at }, i) => dxhat[i]! * xhat(at))) / places.length;
    places.forEach(({ at, c }, i) => {
      dbeta[c]! += dy[at]!;
      dgamma[c]! += dy[at]! * xhat(at);
      dx[at] = rstd[row]! * (dxhat[i]! - shift - xhat(at) * slope);
    });
  });
  return { dx, dgamma, dbeta };
}

/** The activations of one value and, from the output, their derivatives. */
export const activations: Readonly<
  Record<
    "relu" | "leakyRelu" | "sigmoid" | "tanh",
    { readonly of: (x: number, slope: number) => number; readonly derivative: (y: number, slope: number) => number }
  >
> = {
  relu: { of: (x) => (x > 0 || Number.isNaN(x) ? x : 0), derivative: (y) => (y > 0 ? 1 : 0) },
  leakyRelu: { of: (x, slope) => (x > 0 ? x : slope * x), derivative: (y, slope) => (y > 0 ? 1 : slope) },
  sigmoid: { of: sigmoid, derivative: (y) => y * (1 - y) },
  tanh: { of: tanh, derivative: (y) => 1 - y * y },
};

/** The mean loss and its gradient. */
export function softmaxCrossEntropy(args: Omit<SoftmaxCrossEntropyArguments, "dlogits">): {
  loss: number;
  dlogits: Float64Array;
} {
  const { rows, classes, logits, labels, probabilities, labelSmoothing } = args;
  const dlogits = new Float64Array(rows * classes);
  let loss = 0;
  for (const n of range(rows)) {
    const z = range(classes).map((k) => logits[n * classes + k]!);
    const target = range(classes).map((k) => probabilities?.[n * classes + k] ?? (labels?.[n] === k ? 1 : 0));
    const t = target.map((value) => (1 - labelSmoothing) * value + labelSmoothing / classes);
    const largest = z.reduce((m, value) => (value <= m ? m : value), -Infinity);
    const total = sum(z.map((value) => exp(value - largest)));
    const weight = sum(t);
    z.forEach((value, k) => {
      if (t[k] !== 0) loss -= (t[k]! * (value - largest - log(total))) / rows;
      dlogits[n * classes + k] = ((exp(value - largest) / total) * weight - t[k]!) / rows;
    });
  }
  return { loss, dlogits };
}

/** Values and velocity after one step. */
export function sgd(args: SGDArguments): { values: number[]; velocity: number[] } {
  const { learningRate, momentum, nesterov, weightDecay } = args;
  const gradient = Array.from(args.gradient, (g, i) => g + weightDecay * args.values[i]!);
  const velocity = gradient.map((g, i) => momentum * (args.velocity?.[i] ?? 0) + g);
  const step = gradient.map((g, i) =>
    args.velocity === undefined ? g : nesterov ? g + momentum * velocity[i]! : velocity[i]!,
  );
  return { values: Array.from(args.values, (value, i) => value - learningRate * step[i]!), velocity };
}

/** Values and moments after one step. */
export function adam(args: AdamArguments): { values: number[]; firstMoment: number[]; secondMoment: number[] } {
  const { learningRate, beta1, beta2, correction1, correction2, epsilon, weightDecay, decoupled } = args;
  const gradient = Array.from(args.gradient, (g, i) => (decoupled ? g : g + weightDecay * args.values[i]!));
  const firstMoment = gradient.map((g, i) => beta1 * args.firstMoment[i]! + (1 - beta1) * g);
  const secondMoment = gradient.map((g, i) => beta2 * args.secondMoment[i]! + (1 - beta2) * g * g);
  const values = Array.from(args.values, (value, i) => {
    const kept = decoupled ? value - learningRate * weightDecay * value : value;
    const deviation = Math.sqrt(secondMoment[i]! / correction2) + epsilon;
    return kept - (learningRate * (firstMoment[i]! / correction1)) / deviation;
  });
  return { values, firstMoment, secondMoment };
}
