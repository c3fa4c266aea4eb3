/**
 * Wrong versions of the arithmetic, each a mistake that somebody has made. The tests that hold the right code must reject
 * every one of them: `layers/mutants.test.ts` sees to it. A mutant without a mistake comes first, to show that it is the mistake
 * that is rejected.
 */
import type { Floats } from "../../src/core/dtype.js";
import type { BatchNormBackwardArguments, ElementwiseBackwardArguments, Kernels } from "../../src/kernels/types.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { reciprocalStd } from "../../src/kernels/plain/batch-norm.js";
import { BatchNorm } from "../../src/layers/batch-norm.js";
import { Random } from "../../src/core/random.js";
import { Tanh } from "../../src/layers/activations.js";
import { Dense } from "../../src/layers/dense.js";
import { Dropout } from "../../src/layers/dropout.js";
import { Flatten } from "../../src/layers/flatten.js";
import { AveragePool2d, GlobalAveragePool } from "../../src/layers/pooling.js";
import { Residual } from "../../src/layers/residual.js";
import { LogSoftmax, Softmax } from "../../src/layers/softmax.js";
import type { Backward, Forward, Layer, Mode, Pass } from "../../src/layers/contract.js";
import type { Parameter } from "../../src/layers/parameter.js";
import { Sequential } from "../../src/layers/sequential.js";
import type { ChannelView } from "../../src/core/shape.js";
import type { Tensor } from "../../src/core/tensor.js";
import type { LayerCase } from "./cases.js";

/** A wrong kernel set, and the rows of the table where the mistake makes a difference. */
export interface KernelMutant {
  readonly name: string;
  /** A new one each time: some remember things, which is their mistake. */
  readonly make: () => Kernels;
  readonly mode: Exclude<Mode, "train">;
  readonly shows: (row: LayerCase) => boolean;
}

const kind =
  (name: string, and: (row: LayerCase) => boolean = () => true) =>
  (row: LayerCase): boolean =>
    row.kind === name && and(row);
const has =
  (parameter: string) =>
  (row: LayerCase): boolean =>
    row.parameters.includes(parameter);
const named =
  (...parts: readonly string[]) =>
  (row: LayerCase): boolean =>
    parts.some((part) => row.name.includes(part));

// --- batch norm: the backward pass as a formula for each value, given the sums of its channel

interface Sums {
  readonly m: number;
  readonly gamma: number;
  readonly rstd: number;
  readonly dy: number;
  readonly dyXhat: number;
  readonly dyX: number;
}

interface BatchNormFormula {
  readonly dx: (dy: number, xhat: number, sums: Sums) => number;
  readonly dgamma: (sums: Sums) => number;
  readonly dbeta: (sums: Sums) => number;
  /** How the arrays are read. */
  readonly view: (view: ChannelView) => ChannelView;
  /** How many values are left out at the end of the sums. */
  readonly leftOut: number;
}

const right: BatchNormFormula = {
  dx: (dy, xhat, { m, gamma, rstd, dy: sum, dyXhat }) => gamma * rstd * (dy - sum / m - (xhat * dyXhat) / m),
  dgamma: ({ dyXhat }) => dyXhat,
  dbeta: ({ dy }) => dy,
  view: (view) => view,
  leftOut: 0,
};

function batchNormBackwardBy(changes: Partial<BatchNormFormula>): (args: BatchNormBackwardArguments) => void {
  const formula = { ...right, ...changes };
  return ({ view, x, dy, gamma, mean, rstd, dx, dgamma, dbeta }) => {
    const { outer, channels, inner } = formula.view(view);
    const m = outer * inner;
    const place = (v: number, c: number): number => (Math.floor(v / inner) * channels + c) * inner + (v % inner);
    for (let c = 0; c < channels; c++) {
      const xhat = (v: number): number => (x[place(v, c)]! - mean[c]!) * rstd[c]!;
      const sums = { m, gamma: gamma?.[c] ?? 1, rstd: rstd[c]!, dy: 0, dyXhat: 0, dyX: 0 };
      for (let v = 0; v < m - formula.leftOut; v++) {
        sums.dy += dy[place(v, c)]!;
        sums.dyXhat += dy[place(v, c)]! * xhat(v);
        sums.dyX += dy[place(v, c)]! * x[place(v, c)]!;
      }
      for (let v = 0; v < m; v++) dx[place(v, c)] = formula.dx(dy[place(v, c)]!, xhat(v), sums);
      if (dgamma) dgamma[c] = formula.dgamma(sums);
      if (dbeta) dbeta[c] = formula.dbeta(sums);
    }
  };
}

function batchNorm(
  name: string,
  changes: Partial<BatchNormFormula>,
  and: (row: LayerCase) => boolean = () => true,
): KernelMutant {
  const make = (): Kernels => ({ ...plainKernels, batchNormBackward: batchNormBackwardBy(changes) });
  return { name: `batch norm: ${name}`, make, mode: "probe", shows: kind("BatchNorm", and) };
}

// Two samples are ±1 after normalization, whatever they were: there the gradient vanishes, and so do most mistakes.
const crowded = (row: LayerCase): boolean => !named("the least batch")(row);
const images = named("[N, C, L]", "[N, C, H, W]", "[N, C, D, H, W]", "axis -2", "axis 0");
// where exchanging the samples and the positions gives another view
const exchangeable = (row: LayerCase): boolean =>
  images(row) && !named("one sample", "axis 0")(row) && row.shape[0] !== positions(row);
const positions = ({ shape }: LayerCase): number => shape.slice(2).reduce((product, size) => product * size, 1);

/** `normalizeBackward` with Σ dy in the place of Σ dy xhat. */
function dgammaWithoutXhat(): Kernels {
  return {
    ...plainKernels,
    normalizeBackward: (args) => {
      plainKernels.normalizeBackward(args);
      if (args.dgamma) plainKernels.normalizeBackward({ ...args, dgamma: undefined, dbeta: args.dgamma });
    },
  };
}

const batchNormMutants: readonly KernelMutant[] = [
  batchNorm("mean term dropped", {
    dx: (dy, xhat, { m, gamma, rstd, dyXhat }) => gamma * rstd * (dy - (xhat * dyXhat) / m),
  }),
  batchNorm("variance term dropped", { dx: (dy, _, { m, gamma, rstd, dy: sum }) => gamma * rstd * (dy - sum / m) }),
  batchNorm("statistics treated as constants", { dx: (dy, _, { gamma, rstd }) => gamma * rstd * dy }),
  batchNorm("variance term with the other sign", {
    dx: (dy, xhat, { m, gamma, rstd, dy: sum, dyXhat }) => gamma * rstd * (dy - sum / m + (xhat * dyXhat) / m),
  }),
  batchNorm("variance term divided by M - 1", {
    dx: (dy, xhat, { m, gamma, rstd, dy: sum, dyXhat }) => gamma * rstd * (dy - sum / m - (xhat * dyXhat) / (m - 1)),
  }),
  batchNorm("mean term divided by M - 1", {
    dx: (dy, xhat, { m, gamma, rstd, dy: sum, dyXhat }) => gamma * rstd * (dy - sum / (m - 1) - (xhat * dyXhat) / m),
  }),
  batchNorm("1/M missing", {
    dx: (dy, xhat, { gamma, rstd, dy: sum, dyXhat }) => gamma * rstd * (dy - sum - xhat * dyXhat),
  }),
  batchNorm(
    "gamma forgotten",
    { dx: (dy, xhat, sums) => right.dx(dy, xhat, { ...sums, gamma: 1 }) },
    (row) => has("gamma")(row) && crowded(row),
  ),
  batchNorm("rstd forgotten", { dx: (dy, xhat, sums) => right.dx(dy, xhat, { ...sums, rstd: 1 }) }, crowded),
  batchNorm("rstd squared", { dx: (dy, xhat, sums) => right.dx(dy, xhat, { ...sums, rstd: sums.rstd ** 2 }) }, crowded),
  batchNorm("dgamma without xhat", { dgamma: ({ dy }) => dy }, has("gamma")),
  batchNorm("dgamma with x instead of xhat", { dgamma: ({ dyX }) => dyX }, has("gamma")),
  batchNorm("dgamma a mean instead of a sum", { dgamma: ({ dyXhat, m }) => dyXhat / m }, has("gamma")),
  batchNorm("dbeta a mean instead of a sum", { dbeta: ({ dy, m }) => dy / m }, has("beta")),
  batchNorm(
    "dbeta times gamma",
    { dbeta: ({ dy, gamma }) => dy * gamma },
    (row) => has("gamma")(row) && has("beta")(row),
  ),
  batchNorm("last value left out of the sums", { leftOut: 1 }),
  // [N, C, L] read as [L, C, N], as when somebody transposes the wrong way
  batchNorm(
    "sums over the wrong view",
    { view: ({ outer, channels, inner }) => ({ outer: inner, channels, inner: outer }) },
    exchangeable,
  ),
  // [N, C, L] read as [N L, C]: channels last
  batchNorm(
    "sums as of channels last",
    { view: ({ outer, channels, inner }) => ({ outer: outer * inner, channels, inner: 1 }) },
    images,
  ),
  {
    name: "batch norm: epsilon forgotten in the backward pass",
    make: () => ({
      ...plainKernels,
      batchNormBackward: (args) => {
        const { channels } = args.view;
        const statistics = {
          mean: new Float64Array(channels),
          variance: new Float64Array(channels),
          rstd: args.rstd.slice(),
        };
        plainKernels.batchNormForward({ view: args.view, x: args.x, epsilon: 0, y: args.x.slice(), ...statistics });
        plainKernels.batchNormBackward({ ...args, rstd: statistics.rstd });
      },
    }),
    mode: "probe",
    shows: kind("BatchNorm", named("epsilon 0.001", "epsilon 0.5", "the least batch")),
  },
  {
    name: "batch norm: statistics of an earlier batch in the backward pass",
    make: () => {
      let first: Pick<BatchNormBackwardArguments, "mean" | "rstd"> | undefined;
      return {
        ...plainKernels,
        batchNormForward: (args) => {
          plainKernels.batchNormForward(args);
          first ??= { mean: args.mean.slice(), rstd: args.rstd.slice() };
        },
        batchNormBackward: (args) => plainKernels.batchNormBackward({ ...args, ...first }),
      };
    },
    mode: "probe",
    shows: kind("BatchNorm"),
  },
  {
    name: "batch norm: normalized with the unbiased variance",
    make: () => ({
      ...plainKernels,
      batchNormForward: (args) => {
        plainKernels.moments(args);
        const m = args.view.outer * args.view.inner;
        args.variance.forEach((variance, c) => (args.variance[c] = (variance * m) / (m - 1)));
        reciprocalStd(args);
        plainKernels.normalize(args);
      },
    }),
    mode: "probe",
    shows: kind("BatchNorm"),
  },
  {
    name: "batch norm: constants in the forward pass, the batch in the backward pass",
    make: () => ({
      ...plainKernels,
      batchNormForward: (args) => {
        args.mean.fill(0);
        args.rstd.fill(1);
        plainKernels.normalize(args);
      },
    }),
    mode: "probe",
    shows: kind("BatchNorm"),
  },
  {
    name: "batch norm: the batch in the backward pass of inference",
    make: () => ({ ...plainKernels, normalizeBackward: (args) => plainKernels.batchNormBackward(args) }),
    mode: "inference",
    shows: kind("BatchNorm", (row) => row.statistics.length > 0),
  },
  {
    name: "batch norm: dgamma without xhat in inference",
    make: dgammaWithoutXhat,
    mode: "inference",
    shows: kind("BatchNorm", (row) => row.statistics.length > 0 && has("gamma")(row)),
  },
];

// --- group norm and layer norm: the gradient goes through gamma by `normalizeBackward`, then through each group's statistics
//     by `batchNormBackward`

function groupNorm(
  name: string,
  change: (args: BatchNormBackwardArguments, features: BatchNormBackwardArguments) => void,
  shows: (row: LayerCase) => boolean,
): KernelMutant {
  const make = (): Kernels => {
    let features: BatchNormBackwardArguments | undefined;
    return {
      ...plainKernels,
      normalizeBackward: (args) => {
        features = args;
        plainKernels.normalizeBackward(args);
      },
      batchNormBackward: (args) => {
        change(args, features!);
      },
    };
  };
  return { name: `group norm: ${name}`, make, mode: "probe", shows };
}

const sampleNorm = (row: LayerCase): boolean => row.kind === "LayerNorm" || row.kind === "GroupNorm";

// With channels last, each sample is a call of its own.
const inOneCall = (row: LayerCase): boolean => sampleNorm(row) && !named("[N, H, W, C]", "axis 2")(row);

const groupNormMutants: readonly KernelMutant[] = [
  groupNorm("statistics treated as constants", (args) => plainKernels.normalizeBackward(args), sampleNorm),
  groupNorm(
    "gamma outside the sums, where batch norm has it",
    (args, { view: { channels, inner }, dy, gamma }) => {
      plainKernels.batchNormBackward({ ...args, dy });
      for (let i = 0; i < args.dx.length; i++) args.dx[i]! *= gamma?.[Math.floor(i / inner) % channels] ?? 1;
    },
    (row) => inOneCall(row) && has("gamma")(row) && !named("a group each")(row),
  ),
  groupNorm(
    "sums over the whole sample",
    (args, { view: { outer: samples } }) => {
      const groups = args.view.channels / samples;
      const view = { outer: 1, channels: samples, inner: args.view.inner * groups };
      const each = (values: Float64Array): Float64Array =>
        Float64Array.from({ length: samples }, (_, n) => values[n * groups]!);
      plainKernels.batchNormBackward({ ...args, view, mean: each(args.mean), rstd: each(args.rstd) });
    },
    (row) => row.kind === "GroupNorm" && inOneCall(row) && !named("one group")(row),
  ),
  {
    name: "group norm: dgamma without xhat",
    make: dgammaWithoutXhat,
    mode: "probe",
    shows: (row) => sampleNorm(row) && has("gamma")(row),
  },
];

// --- dense

const denseMutants: readonly KernelMutant[] = [
  {
    name: "dense: weight not transposed in the input gradient",
    make: () => ({ ...plainKernels, matmulTransposedB: (args) => plainKernels.matmul(args) }),
    mode: "probe",
    shows: kind("Dense", named("square")),
  },
  {
    name: "dense: last row left out of the weight gradient",
    make: () => ({
      ...plainKernels,
      matmulTransposedA: (args) => {
        const a = args.a.slice();
        a.fill(0, a.length - args.rows);
        plainKernels.matmulTransposedA({ ...args, a });
      },
    }),
    mode: "probe",
    shows: kind("Dense"),
  },
  {
    name: "dense: weight gradient a mean over the batch",
    make: () => ({
      ...plainKernels,
      matmulTransposedA: (args) => {
        plainKernels.matmulTransposedA(args);
        args.out.forEach((value, i) => (args.out[i] = value / args.inner));
      },
    }),
    mode: "probe",
    shows: kind("Dense"),
  },
  {
    name: "dense: bias gradient a mean over the batch",
    make: () => ({
      ...plainKernels,
      columnSums: (args) => {
        plainKernels.columnSums(args);
        args.out.forEach((value, i) => (args.out[i] = value / args.rows));
      },
    }),
    mode: "probe",
    shows: kind("Dense", has("bias")),
  },
  {
    name: "dense: bias forgotten in the forward pass",
    make: () => ({ ...plainKernels, matmul: (args) => plainKernels.matmul({ ...args, bias: undefined }) }),
    mode: "probe",
    shows: kind("Dense", has("bias")),
  },
];

// --- convolutions and pooling

function windowed(
  name: string,
  layer: "Conv2d" | "MaxPool2d",
  changes: Partial<Kernels>,
  shows: (row: LayerCase) => boolean = () => true,
): KernelMutant {
  const make = (): Kernels => ({ ...plainKernels, ...changes });
  return { name: `${layer}: ${name}`, make, mode: "probe", shows: kind(layer, shows) };
}

const isPadded = named('"padding":1', '"padding":"same"', '"padding":[2,0]');
const overlaps = named('"size":3,"stride":1', '"size":3,"stride":2');

const windowMutants: readonly KernelMutant[] = [
  windowed(
    "weight not flipped in the input gradient, as if it were a convolution of dy",
    "Conv2d",
    {
      convolve2dGradInput: (args) => {
        const { windowHeight: h, windowWidth: w } = args.shape;
        const flipped = args.weight.map((_, i) => args.weight[i - (i % (h * w)) + (h * w - 1 - (i % (h * w)))]!);
        plainKernels.convolve2dGradInput({ ...args, weight: flipped });
      },
    },
    (row) => !named('"size":1')(row),
  ),
  windowed(
    "inputs and outputs of the weight exchanged",
    "Conv2d",
    {
      convolve2dGradInput: (args) => {
        const { channels, windowHeight, windowWidth } = args.shape;
        const area = windowHeight * windowWidth;
        const exchanged = args.weight.map((_, i) => {
          const [o, c, at] = [Math.floor(i / area / channels), Math.floor(i / area) % channels, i % area];
          return args.weight[(c * args.outputs + o) * area + at]!;
        });
        plainKernels.convolve2dGradInput({ ...args, weight: exchanged });
      },
    },
    named('"inputs":3,"outputs":3', '"inputs":2,"outputs":2'),
  ),
  windowed(
    "padding forgotten in the input gradient",
    "Conv2d",
    {
      convolve2dGradInput: (args) =>
        plainKernels.convolve2dGradInput({ ...args, shape: { ...args.shape, top: 0, left: 0 } }),
    },
    isPadded,
  ),
  windowed(
    "padding forgotten in the weight gradient",
    "Conv2d",
    {
      convolve2dGradWeight: (args) =>
        plainKernels.convolve2dGradWeight({ ...args, shape: { ...args.shape, top: 0, left: 0 } }),
    },
    isPadded,
  ),
  windowed(
    "stride forgotten in the weight gradient",
    "Conv2d",
    {
      convolve2dGradWeight: (args) =>
        plainKernels.convolve2dGradWeight({ ...args, shape: { ...args.shape, strideY: 1, strideX: 1 } }),
    },
    named('"stride":2', '"stride":3', '"stride":[1,2]'),
  ),
  windowed("last image left out of the weight gradient", "Conv2d", {
    convolve2dGradWeight: (args) => {
      const dy = args.dy.slice();
      dy.fill(0, dy.length - dy.length / args.shape.batch);
      plainKernels.convolve2dGradWeight({ ...args, dy });
    },
  }),
  windowed(
    "bias gradient a mean over the pixels",
    "Conv2d",
    {
      convolve2dGradWeight: (args) => {
        plainKernels.convolve2dGradWeight(args);
        const { batch, outHeight, outWidth } = args.shape;
        args.dbias?.forEach((value, o) => (args.dbias![o] = value / (batch * outHeight * outWidth)));
      },
    },
    (row) => has("bias")(row) && row.output.reduce((product, size) => product * size, 1) > row.output[1]!,
  ),
  windowed(
    "bias forgotten in the forward pass",
    "Conv2d",
    { convolve2d: (args) => plainKernels.convolve2d({ ...args, bias: undefined }) },
    has("bias"),
  ),
  windowed("gradient to the first pixel, not to the maximum", "MaxPool2d", {
    maxPool2dGradient: (args) => plainKernels.maxPool2dGradient({ ...args, argmax: args.argmax.map(() => 0) }),
  }),
  windowed(
    "gradient of one window where windows overlap",
    "MaxPool2d",
    {
      maxPool2dGradient: ({ shape, dy, argmax, dx }) => {
        const [plane, pixels] = [shape.outHeight * shape.outWidth, shape.height * shape.width];
        dx.fill(0);
        argmax.forEach((index, i) => (dx[Math.floor(i / plane) * pixels + index] = dy[i]!));
      },
    },
    overlaps,
  ),
];

// --- activations

function elementwise(
  name: string,
  layer: string,
  kernel: "reluBackward" | "leakyReluBackward" | "sigmoidBackward" | "tanhBackward",
  derivative: (y: number) => number,
): KernelMutant {
  const wrong = ({ y, dy, dx }: ElementwiseBackwardArguments): void => {
    for (let i = 0; i < dx.length; i++) dx[i] = dy[i]! * derivative(y[i]!);
  };
  return { name, make: () => ({ ...plainKernels, [kernel]: wrong }), mode: "probe", shows: kind(layer) };
}

const activationMutants: readonly KernelMutant[] = [
  elementwise("relu: mask y >= 0", "ReLU", "reluBackward", (y) => (y >= 0 ? 1 : 0)),
  elementwise("relu: mask the wrong way round", "ReLU", "reluBackward", (y) => (y > 0 ? 0 : 1)),
  elementwise("leaky relu: slope forgotten", "LeakyReLU", "leakyReluBackward", (y) => (y > 0 ? 1 : 0)),
  elementwise("leaky relu: slope everywhere", "LeakyReLU", "leakyReluBackward", () => 0.01),
  elementwise("sigmoid: 1 - y forgotten", "Sigmoid", "sigmoidBackward", (y) => y),
  elementwise("sigmoid: y squared", "Sigmoid", "sigmoidBackward", (y) => y * (1 - y * y)),
  elementwise("tanh: 1 - y", "Tanh", "tanhBackward", (y) => 1 - y),
  elementwise("tanh: 1 + y squared", "Tanh", "tanhBackward", (y) => 1 + y * y),
];

/** Kernel sets whose backward pass is not the derivative of their forward pass. */
export const kernelMutants: readonly KernelMutant[] = [
  ...batchNormMutants,
  ...groupNormMutants,
  ...denseMutants,
  ...windowMutants,
  ...activationMutants,
];

/** The same machinery with the right formula. */
export const faultless: KernelMutant = batchNorm("no mistake", {});

// --- losses

/** A wrong kernel of a loss. */
export interface LossMutant {
  readonly name: string;
  readonly loss: "softmaxCrossEntropy" | "meanSquaredError";
  readonly kernels: Kernels;
}

function scaledLoss(
  loss: LossMutant["loss"],
  name: string,
  factor: (size: number, rows: number) => number,
): LossMutant {
  const stretch = (gradient: Floats, rows: number): void =>
    gradient.forEach((value, i) => (gradient[i] = value * factor(gradient.length, rows)));
  const kernels: Kernels = {
    ...plainKernels,
    softmaxCrossEntropy: (args) => {
      const value = plainKernels.softmaxCrossEntropy(args);
      stretch(args.dlogits, args.rows);
      return value;
    },
    meanSquaredError: (args) => {
      const value = plainKernels.meanSquaredError(args);
      stretch(args.dprediction, args.prediction.length);
      return value;
    },
  };
  return { name, loss, kernels };
}

/** Losses whose gradient is not theirs. */
export const lossMutants: readonly LossMutant[] = [
  scaledLoss("softmaxCrossEntropy", "softmax cross-entropy: gradient without 1/N", (_, rows) => rows),
  scaledLoss(
    "softmaxCrossEntropy",
    "softmax cross-entropy: gradient a mean over the classes too",
    (size, rows) => rows / size,
  ),
  {
    name: "softmax cross-entropy: target not subtracted",
    loss: "softmaxCrossEntropy",
    kernels: {
      ...plainKernels,
      softmaxCrossEntropy: (args) => {
        const value = plainKernels.softmaxCrossEntropy(args);
        args.labels?.forEach((label, row) => (args.dlogits[row * args.classes + label]! += 1 / args.rows));
        return value;
      },
    },
  },
  {
    name: "softmax cross-entropy: label smoothing in the loss alone",
    loss: "softmaxCrossEntropy",
    kernels: {
      ...plainKernels,
      softmaxCrossEntropy: (args) => {
        const value = plainKernels.softmaxCrossEntropy(args);
        plainKernels.softmaxCrossEntropy({ ...args, labelSmoothing: 0 });
        return value;
      },
    },
  },
  scaledLoss("meanSquaredError", "mean squared error: gradient without the 2", () => 0.5),
  scaledLoss("meanSquaredError", "mean squared error: gradient without 1/size", (size) => size),
];

// --- whole layers

/** A layer that is wrong as a whole, where no kernel is. */
export interface LayerMutant {
  readonly name: string;
  /** Of the input. Default: [6, 3]. */
  readonly shape?: readonly number[];
  readonly make: (how: ConstructorParameters<typeof Dense>[0]) => Layer;
}

/** A model that keeps the last gradient of a layer used twice, instead of the sum. */
class Overwriting implements Layer {
  readonly parameters: readonly Parameter[];
  readonly statistics = [];
  readonly children: ReadonlyMap<string, Layer>;

  constructor(readonly layer: Layer) {
    this.parameters = layer.parameters;
    this.children = new Map([["0", layer]]);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const first = this.layer.forward(input, pass);
    const second = this.layer.forward(first.output, pass);
    return {
      output: second.output,
      backward: (gradOutput): Backward => first.backward(second.backward(gradOutput).gradInput),
    };
  }
}

/** A dense layer that hands on its parameters' gradients and forgets its input's. */
class Dropping extends Dense {
  override forward(input: Tensor, pass: Pass): Forward {
    const { output, backward } = super.forward(input, pass);
    return {
      output,
      backward: (gradOutput): Backward => {
        const { gradInput, gradients } = backward(gradOutput);
        gradInput.data.fill(0);
        return { gradInput, gradients };
      },
    };
  }
}

/** A dense layer that forgets the gradient of its bias altogether. */
class Forgetful extends Dense {
  override forward(input: Tensor, pass: Pass): Forward {
    const { output, backward } = super.forward(input, pass);
    return {
      output,
      backward: (gradOutput): Backward => {
        const { gradInput, gradients } = backward(gradOutput);
        return { gradInput, gradients: new Map([...gradients].filter(([parameter]) => parameter !== this.bias)) };
      },
    };
  }
}

/** A layer with another gradient of its input, computed from its output and the gradient of that. */
class OtherGradient implements Layer {
  readonly parameters: readonly Parameter[];
  readonly statistics = [];

  constructor(
    readonly layer: Layer,
    readonly gradient: (y: Tensor, dy: Tensor, dx: Tensor) => void,
  ) {
    this.parameters = layer.parameters;
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { output, backward } = this.layer.forward(input, pass);
    return {
      output,
      backward: (gradOutput): Backward => {
        const { gradInput, gradients } = backward(gradOutput);
        this.gradient(output, gradOutput, gradInput);
        return { gradInput, gradients };
      },
    };
  }
}

const other = (
  name: string,
  layer: () => Layer,
  gradient: OtherGradient["gradient"],
  shape?: number[],
): LayerMutant => ({
  name,
  make: () => new OtherGradient(layer(), gradient),
  ...(shape && { shape }),
});

/** Sums Σ_j f(j) over the row of three that index i is in. */
const rowSum = (i: number, f: (j: number) => number): number =>
  [0, 1, 2].reduce((sum, j) => sum + f(i - (i % 3) + j), 0);

const imageMutants: readonly LayerMutant[] = [
  other(
    "softmax: gradient of a sigmoid, without the other classes",
    () => new Softmax(),
    ({ data: y }, { data: dy }, { data: dx }) => dx.forEach((_, i) => (dx[i] = dy[i]! * y[i]! * (1 - y[i]!))),
  ),
  other(
    "softmax: sum over the whole batch",
    () => new Softmax(),
    ({ data: y }, { data: dy }, { data: dx }) => {
      let sum = 0;
      for (let j = 0; j < y.length; j++) sum += y[j]! * dy[j]!;
      dx.forEach((_, i) => (dx[i] = y[i]! * (dy[i]! - sum)));
    },
  ),
  other(
    "log softmax: the logarithm where the probability belongs",
    () => new LogSoftmax(),
    ({ data: y }, { data: dy }, { data: dx }) =>
      dx.forEach((_, i) => (dx[i] = dy[i]! - y[i]! * rowSum(i, (j) => dy[j]!))),
  ),
  other(
    "log softmax: gradient of the softmax",
    () => new LogSoftmax(),
    ({ data: y }, { data: dy }, { data: dx }) =>
      dx.forEach((_, i) => (dx[i] = Math.exp(y[i]!) * (dy[i]! - rowSum(i, (j) => dy[j]! * Math.exp(y[j]!))))),
  ),
  other(
    "dropout: no mask in the backward pass",
    () => new Dropout({ rate: 0.5, random: new Random(1) }),
    (_, { data: dy }, { data: dx }) => dx.set(dy),
  ),
  other(
    "dropout: not scaled in the backward pass",
    () => new Dropout({ rate: 0.5, random: new Random(1) }),
    (_, __, { data: dx }) => dx.forEach((value, i) => (dx[i] = value / 2)),
  ),
  other(
    "global average pool: a sum in the backward pass",
    () => new GlobalAveragePool(),
    (_, __, { data: dx }) => dx.forEach((value, i) => (dx[i] = value * 4)),
    [2, 3, 2, 2],
  ),
  other(
    "average pool: padding left out of the count in the backward pass",
    () => new AveragePool2d({ size: 2, padding: 1 }),
    (_, __, { data: dx }) => dx.forEach((value, i) => (dx[i] = value * 4)),
    [2, 3, 2, 2],
  ),
  other(
    "flatten: channels last in the backward pass",
    () => new Flatten(),
    (_, { data: dy }, { data: dx }) =>
      dx.forEach((__, i) => (dx[i] = dy[i - (i % 12) + (i % 3) * 4 + (Math.floor(i / 3) % 4)]!)),
    [2, 3, 2, 2],
  ),
  other(
    "residual: gradient of the body alone",
    () => new Residual({ body: new Tanh() }),
    (_, { data: dy }, { data: dx }) => dx.forEach((value, i) => (dx[i] = value - dy[i]!)),
  ),
  other(
    "residual: gradient of the shortcut alone",
    () => new Residual({ body: new Tanh() }),
    (_, { data: dy }, { data: dx }) => dx.set(dy),
  ),
];

/** Layers whose backward pass is not the derivative of their forward pass. They take and give [N, 3] unless another shape is said. */
export const layerMutants: readonly LayerMutant[] = [
  { name: "a layer used twice has its last gradient, not the sum", make: (how) => new Overwriting(new Dense(how)) },
  { name: "no input gradient", make: (how) => new Dropping(how) },
  { name: "no gradient of the bias", make: (how) => new Forgetful(how) },
  { name: "no gradient of a bias deep inside", make: (how) => new Sequential([new Sequential([new Forgetful(how)])]) },
  ...imageMutants,
];

// --- running statistics

type Options = ConstructorParameters<typeof BatchNorm>[0];

/** A batch norm that follows its batches by another rule. */
export interface StatisticsMutant {
  readonly name: string;
  readonly make: (options: Options) => BatchNorm;
}

class OtherRule extends BatchNorm {
  readonly #rule: (norm: BatchNorm, mean: Float64Array, variance: Float64Array) => void;

  constructor(options: Options, rule: (norm: BatchNorm, mean: Float64Array, variance: Float64Array) => void) {
    super(options);
    this.#rule = rule;
  }

  override track(mean: Float64Array, variance: Float64Array): void {
    this.#rule(this, mean, variance);
  }
}

/** The right rule with the right rate, unless told otherwise. */
function follow(
  norm: BatchNorm,
  mean: Float64Array,
  variance: Float64Array,
  rate: (count: number) => number = (count) => norm.momentum ?? 1 / count,
): void {
  const count = ++norm.batchesTracked.values[0]!;
  const r = rate(count);
  for (const [running, batch] of [
    [norm.runningMean.values, mean],
    [norm.runningVariance.values, variance],
  ] as const) {
    for (let c = 0; c < norm.features; c++) running[c] = (1 - r) * running[c]! + r * batch[c]!;
  }
}

const rule = (
  name: string,
  how: (norm: BatchNorm, mean: Float64Array, variance: Float64Array) => void,
): StatisticsMutant => ({
  name,
  make: (options) => new OtherRule(options, how),
});

/** A batch norm that is given another pass than it was asked for. */
class OtherMode extends BatchNorm {
  readonly #other: (mode: Mode) => Mode;

  constructor(options: Options, other: (mode: Mode) => Mode) {
    super(options);
    this.#other = other;
  }

  override forward(input: Tensor, pass: Pass): Forward {
    return super.forward(input, { ...pass, mode: this.#other(pass.mode) });
  }
}

const mode = (name: string, other: (mode: Mode) => Mode): StatisticsMutant => ({
  name,
  make: (options) => new OtherMode(options, other),
});

const swapped = { biased: "unbiased", unbiased: "biased" } as const;

/** Batch norms whose running statistics are wrong. */
export const statisticsMutants: readonly StatisticsMutant[] = [
  {
    name: "biased for unbiased variance, and the other way round",
    make: (options) =>
      new BatchNorm({ ...options, varianceEstimator: swapped[options.varianceEstimator ?? "unbiased"] }),
  },
  rule("momentum the wrong way round, as Keras means it", (norm, mean, variance) =>
    follow(norm, mean, variance, (count) => 1 - (norm.momentum ?? 1 / count)),
  ),
  rule("the first batch taken whole", (norm, mean, variance) =>
    follow(norm, mean, variance, (count) => (count === 1 ? 1 : (norm.momentum ?? 1 / count))),
  ),
  rule("cumulative average off by one", (norm, mean, variance) =>
    follow(norm, mean, variance, (count) => norm.momentum ?? 1 / (count + 1)),
  ),
  rule("cumulative average with the default momentum", (norm, mean, variance) =>
    follow(norm, mean, variance, () => norm.momentum ?? 0.1),
  ),
  rule("mean not tracked", (norm, mean, variance) => {
    const kept = norm.runningMean.values.slice();
    follow(norm, mean, variance);
    norm.runningMean.values.set(kept);
  }),
  rule("variance not tracked", (norm, mean, variance) => {
    const kept = norm.runningVariance.values.slice();
    follow(norm, mean, variance);
    norm.runningVariance.values.set(kept);
  }),
  rule("standard deviation instead of variance", (norm, mean, variance) => follow(norm, mean, variance.map(Math.sqrt))),
  rule("divided by 1 - (1 - momentum)^k, as if they had started at 0", (norm, mean, variance) => {
    follow(norm, mean, variance);
    if (norm.momentum === null) return;
    const debias = 1 - (1 - norm.momentum) ** norm.batchesTracked.values[0]!;
    norm.runningVariance.values.forEach((value, c) => (norm.runningVariance.values[c] = value / debias));
  }),
  rule("rounded to float32", (norm, mean, variance) => {
    follow(norm, mean, variance);
    norm.runningMean.values.forEach((value, c) => (norm.runningMean.values[c] = Math.fround(value)));
  }),
  rule("batches not counted", (norm, mean, variance) => {
    follow(norm, mean, variance);
    norm.batchesTracked.values[0] = 1;
  }),
  mode("tracked in probe too", (asked) => (asked === "probe" ? "train" : asked)),
  mode("tracked in inference too", (asked) => (asked === "inference" ? "train" : asked)),
  mode("never tracked", (asked) => (asked === "train" ? "probe" : asked)),
  mode("running statistics normalize in training", (asked) => (asked === "probe" ? "inference" : asked)),
  mode("the batch normalizes in inference", (asked) => (asked === "inference" ? "probe" : asked)),
];

/** The same machinery with the right rule. */
export const faultlessStatistics: StatisticsMutant = rule("no mistake", follow);
