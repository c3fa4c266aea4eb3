/**
 * THE TABLE: layer x options x shape, and what is refused. Every generic test runs over every row, in every mode and dtype.
 *
 * A new layer gets its rows here and is then tested by `layers/every-layer.test.ts`: numerical gradients, purity, independence
 * of passes, state, refusals. What is special about a layer is tested in a file of its own.
 */
import type { DType } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { LeakyReLU, ReLU, Sigmoid, Tanh } from "../../src/layers/activations.js";
import { BatchNorm, type BatchNormOptions } from "../../src/layers/batch-norm.js";
import { BatchRenorm } from "../../src/variants/batch-renorm.js";
import { Dense } from "../../src/layers/dense.js";
import { Conv2d, type Conv2dOptions } from "../../src/layers/conv2d.js";
import { Dropout } from "../../src/layers/dropout.js";
import { Flatten } from "../../src/layers/flatten.js";
import { BatchRMSNorm } from "../../src/variants/batch-rms-norm.js";
import { DynamicTanh } from "../../src/variants/dynamic-tanh.js";
import { GhostBatchNorm } from "../../src/variants/ghost-batch-norm.js";
import { GroupNorm, LayerNorm } from "../../src/layers/group-norm.js";
import type { Layer, Mode } from "../../src/layers/contract.js";
import { LpNorm } from "../../src/variants/lp-norm.js";
import { MeanOnlyNorm } from "../../src/variants/mean-only-norm.js";
import { NoiseInjection, type NoiseInjectionOptions } from "../../src/variants/noise-injection.js";
import { AveragePool2d, GlobalAveragePool, MaxPool2d, type PoolOptions } from "../../src/layers/pooling.js";
import { RMSNorm } from "../../src/layers/rms-norm.js";
import { ELU, GELU, SiLU, Softplus } from "../../src/layers/smooth-activations.js";
import { Residual } from "../../src/layers/residual.js";
import { Sequential } from "../../src/layers/sequential.js";
import { LogSoftmax, Softmax } from "../../src/layers/softmax.js";
import type { Shape } from "../../src/core/shape.js";

/** What a row needs to make its layer. */
export interface Making {
  readonly random: Random;
  readonly dtype: DType;
}

/** A layer that works. */
export interface LayerCase {
  /** Kind, layout and options, as in "BatchNorm [N, C, H, W], no gamma". */
  readonly name: string;
  readonly kind: string;
  /** A new layer, with the initial values that its constructor gives it. */
  readonly make: (making: Making) => Layer;
  /** Of the input. */
  readonly shape: Shape;
  /** Of the output. */
  readonly output: Shape;
  /** The paths of the parameters, in order. */
  readonly parameters: readonly string[];
  /** The paths of the running statistics, in order. */
  readonly statistics: readonly string[];
}

/** An input that a layer must refuse. */
export interface Refusal {
  readonly name: string;
  readonly make: (making: Making) => Layer;
  readonly shape: Shape;
  /** Of the input; the layer is float32. */
  readonly dtype?: DType;
  readonly mode: Mode;
  /** In the form of `expectRefusal`. */
  readonly refusal: string;
}

const STATISTICS = ["runningMean", "runningVariance", "batchesTracked"];

/** Each layout of PyTorch and of Keras, with 5 to 64 values a feature and features that are no multiple of a vector. */
export const layouts: readonly { readonly name: string; readonly shape: Shape; readonly axis: number }[] = [
  { name: "[N, C]", shape: [7, 3], axis: 1 },
  { name: "[N, C, L]", shape: [4, 3, 5], axis: 1 },
  { name: "[N, C, H, W]", shape: [3, 5, 2, 3], axis: 1 },
  { name: "[N, C, D, H, W]", shape: [2, 3, 2, 3, 2], axis: 1 },
  { name: "[N, L, C]", shape: [4, 5, 3], axis: -1 },
  { name: "[N, H, W, C]", shape: [3, 2, 3, 5], axis: -1 },
  { name: "[N, D, H, W, C]", shape: [2, 2, 3, 2, 3], axis: 4 },
];

function batchNorm(
  name: string,
  shape: Shape,
  { axis = 1, ...options }: Omit<BatchNormOptions, "features" | "dtype">,
): LayerCase {
  const features = shape.at(axis)!;
  return {
    name: `BatchNorm ${name}`,
    kind: "BatchNorm",
    make: ({ dtype }) => new BatchNorm({ features, axis, ...options, dtype }),
    shape,
    output: shape,
    parameters: [...(options.scale === false ? [] : ["gamma"]), ...(options.center === false ? [] : ["beta"])],
    statistics: options.trackRunningStatistics === false ? [] : STATISTICS,
  };
}

const batchNorms: readonly LayerCase[] = [
  ...layouts.flatMap(({ name, shape, axis }) => [
    batchNorm(name, shape, { axis }),
    batchNorm(`${name}, no gamma`, shape, { axis, scale: false }),
    batchNorm(`${name}, no beta`, shape, { axis, center: false }),
    batchNorm(`${name}, neither`, shape, { axis, scale: false, center: false }),
    batchNorm(`${name}, not tracking`, shape, { axis, trackRunningStatistics: false }),
  ]),
  ...[0, 1e-3, 0.5].flatMap((epsilon) => [
    batchNorm(`[N, C], epsilon ${epsilon}`, [9, 4], { epsilon }),
    batchNorm(`[N, C, L], epsilon ${epsilon}`, [3, 4, 3], { epsilon }),
  ]),
  batchNorm("[C, N], axis 0", [4, 7], { axis: 0 }),
  batchNorm("[N, C, L], axis -2", [4, 3, 5], { axis: -2 }),
  batchNorm("[N, C], one feature", [6, 1], {}),
  batchNorm("[N, C], 64 rows of 9", [64, 9], {}),
  batchNorm("[N, C], the least batch", [2, 3], { epsilon: 0.5 }),
  batchNorm("[N, C, L], one sample", [1, 3, 7], {}),
  batchNorm("[N, C], momentum 1", [6, 3], { momentum: 1 }),
  batchNorm("[N, C], cumulative", [6, 3], { momentum: null }),
  batchNorm("[N, C], biased", [6, 3], { varianceEstimator: "biased" }),
];

function simple(
  name: string,
  shape: Shape,
  make: LayerCase["make"],
  parameters: readonly string[],
  output = shape,
): LayerCase {
  return { name, kind: name.split(" ")[0]!, make, shape, output, parameters, statistics: [] };
}

const others: readonly LayerCase[] = [
  simple("Dense [N, C]", [6, 4], (how) => new Dense({ inputs: 4, outputs: 3, ...how }), ["weight", "bias"], [6, 3]),
  simple(
    "Dense [N, C], no bias",
    [6, 4],
    (how) => new Dense({ inputs: 4, outputs: 3, bias: false, ...how }),
    ["weight"],
    [6, 3],
  ),
  simple("Dense [N, C], square", [5, 3], (how) => new Dense({ inputs: 3, outputs: 3, ...how }), ["weight", "bias"]),
  simple(
    "Dense [N, L, C]",
    [2, 3, 4],
    (how) => new Dense({ inputs: 4, outputs: 5, initial: "he", ...how }),
    ["weight", "bias"],
    [2, 3, 5],
  ),
  simple("Dense [N, C], one by one", [5, 1], (how) => new Dense({ inputs: 1, outputs: 1, ...how }), ["weight", "bias"]),
  ...([[6, 5], [4], [2, 3, 2, 2]] as const).flatMap((shape) => [
    simple(`ReLU rank ${shape.length}`, shape, () => new ReLU(), []),
    simple(`LeakyReLU rank ${shape.length}`, shape, () => new LeakyReLU(), []),
    simple(`LeakyReLU rank ${shape.length}, slope 0.3`, shape, () => new LeakyReLU({ slope: 0.3 }), []),
    simple(`Sigmoid rank ${shape.length}`, shape, () => new Sigmoid(), []),
    simple(`Tanh rank ${shape.length}`, shape, () => new Tanh(), []),
    simple(`SiLU rank ${shape.length}`, shape, () => new SiLU(), []),
    simple(`GELU rank ${shape.length}`, shape, () => new GELU(), []),
    simple(`GELU rank ${shape.length}, tanh`, shape, () => new GELU({ approximate: "tanh" }), []),
    simple(`ELU rank ${shape.length}`, shape, () => new ELU(), []),
    simple(`ELU rank ${shape.length}, alpha 0.3`, shape, () => new ELU({ alpha: 0.3 }), []),
    simple(`Softplus rank ${shape.length}`, shape, () => new Softplus(), []),
  ]),
  ...[true, false].flatMap((scale) =>
    [true, false].flatMap((center) => {
      const parameters = [...(scale ? ["gamma"] : []), ...(center ? ["beta"] : [])];
      const options = `${scale ? "" : ", no gamma"}${center ? "" : ", no beta"}`;
      const layer: LayerCase["make"] = ({ dtype }) => new LayerNorm({ features: 5, scale, center, dtype });
      const group: LayerCase["make"] = ({ dtype }) => new GroupNorm({ groups: 2, features: 6, scale, center, dtype });
      return [
        simple(`LayerNorm [N, C]${options}`, [4, 5], layer, parameters),
        simple(`LayerNorm [N, L, C]${options}`, [2, 3, 5], layer, parameters),
        simple(`GroupNorm [N, C]${options}`, [4, 6], group, parameters),
        simple(`GroupNorm [N, C, L]${options}`, [3, 6, 2], group, parameters),
        simple(`GroupNorm [N, C, H, W]${options}`, [2, 6, 2, 2], group, parameters),
        simple(
          `GroupNorm [N, H, W, C]${options}`,
          [3, 2, 2, 6],
          ({ dtype }) => new GroupNorm({ groups: 2, features: 6, axis: -1, scale, center, dtype }),
          parameters,
        ),
      ];
    }),
  ),
  ...[true, false].flatMap((scale) =>
    [1e-5, 0, 0.5].flatMap((epsilon) => {
      const rms: LayerCase["make"] = ({ dtype }) => new RMSNorm({ features: 5, epsilon, scale, dtype });
      const options = `${scale ? "" : ", no gamma"}, epsilon ${epsilon}`;
      const parameters = scale ? ["gamma"] : [];
      return [
        simple(`RMSNorm [N, C]${options}`, [4, 5], rms, parameters),
        simple(`RMSNorm [N, L, C]${options}`, [2, 3, 5], rms, parameters),
      ];
    }),
  ),
  simple("LayerNorm [N, C], epsilon 0", [4, 5], ({ dtype }) => new LayerNorm({ features: 5, epsilon: 0, dtype }), [
    "gamma",
    "beta",
  ]),
  simple(
    "GroupNorm [N, C, L], one group",
    [3, 4, 2],
    ({ dtype }) => new GroupNorm({ groups: 1, features: 4, epsilon: 0.5, dtype }),
    ["gamma", "beta"],
  ),
  simple(
    "GroupNorm [N, L, C, M], axis 2",
    [2, 3, 4, 2],
    ({ dtype }) => new GroupNorm({ groups: 2, features: 4, axis: 2, dtype }),
    ["gamma", "beta"],
  ),
  simple(
    "GroupNorm [N, L, C], one group",
    [3, 4, 2],
    ({ dtype }) => new GroupNorm({ groups: 1, features: 2, axis: -1, dtype }),
    ["gamma", "beta"],
  ),
  simple(
    "GroupNorm [N, C, L], a group each (instance norm)",
    [3, 4, 5],
    ({ dtype }) => new GroupNorm({ groups: 4, features: 4, dtype }),
    ["gamma", "beta"],
  ),
];

/** The stream is the row's own, as that of the noise below. */
function dropout(shape: Shape, rate: number): LayerCase {
  const name = `Dropout rank ${shape.length}, rate ${rate}`;
  return simple(name, shape, () => new Dropout({ rate, random: new Random(3).fork(name) }), []);
}

function conv(options: Omit<Conv2dOptions, "dtype" | "random">, shape: Shape, output: Shape): LayerCase {
  const parameters = options.bias === false ? ["weight"] : ["weight", "bias"];
  const name = `Conv2d ${JSON.stringify(options)} over ${shape.join(" x ")}`;
  return simple(name, shape, (how) => new Conv2d({ ...options, ...how }), parameters, output);
}

function pools(options: PoolOptions, shape: Shape, output: Shape): LayerCase[] {
  const name = `${JSON.stringify(options)} over ${shape.join(" x ")}`;
  return [
    simple(`MaxPool2d ${name}`, shape, () => new MaxPool2d(options), [], output),
    simple(`AveragePool2d ${name}`, shape, () => new AveragePool2d(options), [], output),
  ];
}

const windows: readonly LayerCase[] = [
  conv({ inputs: 2, outputs: 3, size: 3 }, [2, 2, 5, 4], [2, 3, 3, 2]),
  conv({ inputs: 3, outputs: 3, size: 3, padding: 1 }, [2, 3, 4, 4], [2, 3, 4, 4]),
  conv({ inputs: 3, outputs: 2, size: 3, padding: "same", bias: false }, [2, 3, 3, 5], [2, 2, 3, 5]),
  conv({ inputs: 1, outputs: 2, size: [2, 4], padding: "same" }, [2, 1, 4, 5], [2, 2, 4, 5]),
  conv({ inputs: 2, outputs: 2, size: 3, stride: 2, padding: "same" }, [2, 2, 6, 5], [2, 2, 3, 3]),
  conv({ inputs: 1, outputs: 2, size: [3, 1], stride: 3, padding: "same" }, [2, 1, 7, 4], [2, 2, 3, 2]),
  conv({ inputs: 3, outputs: 5, size: 1, initial: "he" }, [2, 3, 3, 2], [2, 5, 3, 2]),
  conv({ inputs: 3, outputs: 2, size: 1, stride: 2, bias: false }, [2, 3, 5, 4], [2, 2, 3, 2]),
  conv({ inputs: 2, outputs: 2, size: 3, stride: 2, padding: 1 }, [2, 2, 5, 6], [2, 2, 3, 3]),
  conv({ inputs: 2, outputs: 1, size: 2, stride: 3 }, [2, 2, 6, 5], [2, 1, 2, 2]),
  conv({ inputs: 1, outputs: 2, size: [3, 1], stride: [1, 2], padding: [2, 0] }, [2, 1, 3, 5], [2, 2, 5, 3]),
  conv({ inputs: 2, outputs: 3, size: [3, 4] }, [3, 2, 3, 4], [3, 3, 1, 1]),
  conv({ inputs: 1, outputs: 1, size: 5, padding: 2 }, [1, 1, 2, 2], [1, 1, 2, 2]),
  conv({ inputs: 1, outputs: 1, size: 1 }, [4, 1, 1, 1], [4, 1, 1, 1]),
  ...pools({ size: 2 }, [2, 3, 4, 4], [2, 3, 2, 2]),
  ...pools({ size: 2 }, [2, 1, 5, 3], [2, 1, 2, 1]),
  ...pools({ size: 3, stride: 2, padding: 1 }, [2, 2, 5, 6], [2, 2, 3, 3]),
  ...pools({ size: 3, stride: 1 }, [2, 2, 4, 5], [2, 2, 2, 3]),
  ...pools({ size: [1, 3], stride: [2, 3], padding: [0, 1] }, [1, 3, 3, 6], [1, 3, 2, 2]),
  ...pools({ size: 1, stride: 3 }, [2, 2, 4, 5], [2, 2, 2, 2]),
  ...pools({ size: [3, 4] }, [3, 2, 3, 4], [3, 2, 1, 1]),
];

/** What a convolutional network needs beside its convolutions. */
const images: readonly LayerCase[] = [
  ...windows,
  ...([[5, 3], [4], [2, 3, 2, 2]] as const).flatMap((shape) => [
    simple(`Softmax rank ${shape.length}`, shape, () => new Softmax(), []),
    simple(`LogSoftmax rank ${shape.length}`, shape, () => new LogSoftmax(), []),
    dropout(shape, 0.3),
  ]),
  ...([1, 0, -2] as const).flatMap((axis) => [
    simple(`Softmax [N, C, L], axis ${axis}`, [3, 4, 2], () => new Softmax({ axis }), []),
    simple(`LogSoftmax [N, C, L], axis ${axis}`, [3, 4, 2], () => new LogSoftmax({ axis }), []),
  ]),
  simple("Softmax [N, C], one class", [3, 1], () => new Softmax(), []),
  simple("LogSoftmax [N, C], 33 classes", [2, 33], () => new LogSoftmax(), []),
  dropout([6, 5], 0),
  dropout([6, 5], 0.9),
  simple("Flatten [N, C]", [3, 4], () => new Flatten(), []),
  simple("Flatten [N, C, H, W]", [2, 3, 2, 3], () => new Flatten(), [], [2, 18]),
  simple("GlobalAveragePool [N, C, L]", [3, 2, 5], () => new GlobalAveragePool(), [], [3, 2]),
  simple("GlobalAveragePool [N, C, H, W]", [2, 3, 2, 3], () => new GlobalAveragePool(), [], [2, 3]),
  simple("GlobalAveragePool [N, C, 1, 1]", [4, 3, 1, 1], () => new GlobalAveragePool(), [], [4, 3]),
];

/** The stream is the row's own, the same at every call: a saved state does not hold it. */
function noise(name: string, shape: Shape, options: Omit<NoiseInjectionOptions, "random">): LayerCase {
  return simple(
    `NoiseInjection ${name}`,
    shape,
    () => new NoiseInjection({ random: new Random(3).fork(name), ...options }),
    [],
  );
}

const affine = ["gamma", "beta"];

/** The layers for experiments on why batch norm works. */
const specials: readonly LayerCase[] = [
  ...layouts.flatMap(({ name, shape, axis }) => [
    ...[1, 2, Infinity].map((p) => ({
      ...simple(
        `LpNorm ${name}, p = ${p}`,
        shape,
        ({ dtype }) => new LpNorm({ features: shape.at(axis)!, p, axis, dtype }),
        affine,
      ),
      statistics: ["runningMean", "runningNorm", "batchesTracked"],
    })),
    {
      ...simple(
        `GhostBatchNorm ${name}`,
        shape,
        ({ dtype }) => new GhostBatchNorm({ features: shape.at(axis)!, groupSize: 2, axis, dtype }),
        affine,
      ),
      statistics: STATISTICS,
    },
    // Where the corrections are at their limits: elsewhere the paper's gradient is not that of the output (golden tests).
    {
      ...simple(
        `BatchRenorm ${name}, no correction`,
        shape,
        ({ dtype }) => new BatchRenorm({ features: shape.at(axis)!, axis, dtype, largestScale: 1, largestShift: 0 }),
        affine,
      ),
      statistics: STATISTICS,
    },
    noise(name, shape, { axis }),
    simple(`DynamicTanh ${name}`, shape, ({ dtype }) => new DynamicTanh({ features: shape.at(axis)!, axis, dtype }), [
      "alpha",
      ...affine,
    ]),
    {
      ...simple(
        `MeanOnlyNorm ${name}`,
        shape,
        ({ dtype }) => new MeanOnlyNorm({ features: shape.at(axis)!, axis, dtype }),
        ["beta"],
      ),
      statistics: ["runningMean", "batchesTracked"],
    },
    {
      ...simple(
        `BatchRMSNorm ${name}`,
        shape,
        ({ dtype }) => new BatchRMSNorm({ features: shape.at(axis)!, axis, dtype }),
        affine,
      ),
      statistics: ["runningMeanSquare", "batchesTracked"],
    },
  ]),
  ...[true, false].flatMap((scale) =>
    [true, false].flatMap((center) => {
      const parameters = [...(scale ? ["gamma"] : []), ...(center ? ["beta"] : [])];
      const options = `${scale ? "" : ", no gamma"}${center ? "" : ", no beta"}`;
      const ghost: LayerCase["make"] = ({ dtype }) =>
        new GhostBatchNorm({ features: 3, groupSize: 4, scale, center, dtype });
      const untracked: LayerCase["make"] = ({ dtype }) =>
        new GhostBatchNorm({ features: 3, groupSize: 4, scale, center, trackRunningStatistics: false, dtype });
      const renorm: LayerCase["make"] = ({ dtype }) =>
        new BatchRenorm({ features: 3, largestScale: 1, largestShift: 0, scale, center, dtype });
      return [
        {
          ...simple(`GhostBatchNorm [N, C], a row left over${options}`, [9, 3], ghost, parameters),
          statistics: STATISTICS,
        },
        simple(`GhostBatchNorm [N, C], not tracking${options}`, [10, 3], untracked, parameters),
        {
          ...simple(
            `BatchRMSNorm [N, C]${options}`,
            [9, 3],
            ({ dtype }) => new BatchRMSNorm({ features: 3, scale, center, epsilon: 0.5, dtype }),
            parameters,
          ),
          statistics: ["runningMeanSquare", "batchesTracked"],
        },
        { ...simple(`BatchRenorm [N, C]${options}`, [9, 3], renorm, parameters), statistics: STATISTICS },
      ];
    }),
  ),
  {
    ...simple("MeanOnlyNorm [N, C], no beta", [9, 3], () => new MeanOnlyNorm({ features: 3, center: false }), []),
    statistics: ["runningMean", "batchesTracked"],
  },
  simple("DynamicTanh [N, C], alpha 2", [9, 3], ({ dtype }) => new DynamicTanh({ features: 3, alpha: 2, dtype }), [
    "alpha",
    ...affine,
  ]),
  noise("[N, C], identity in inference", [7, 3], { inference: "identity" }),
  noise("[N, C], a drift of the units alone", [7, 3], { sampleMeanSpread: 0, sampleScaleStd: 0 }),
];

const models: readonly LayerCase[] = [
  {
    name: "Sequential of smooth activations and RMSNorm",
    kind: "Sequential",
    make: (how) =>
      new Sequential([
        new Dense({ inputs: 4, outputs: 5, ...how }),
        new RMSNorm({ features: 5, dtype: how.dtype }),
        new GELU(),
        new SiLU(),
        new RMSNorm({ features: 5, dtype: how.dtype }),
        new ELU(),
        new Residual({ body: new GELU({ approximate: "tanh" }) }),
        new Softplus(),
      ]),
    shape: [6, 4],
    output: [6, 5],
    parameters: ["0.weight", "0.bias", "1.gamma", "4.gamma"],
    statistics: [],
  },
  {
    name: "Sequential of Dense, BatchNorm, Tanh, Dense",
    kind: "Sequential",
    make: (how) =>
      new Sequential([
        new Dense({ inputs: 4, outputs: 5, bias: false, ...how }),
        new BatchNorm({ features: 5, dtype: how.dtype }),
        new Tanh(),
        new Dense({ inputs: 5, outputs: 2, ...how }),
      ]),
    shape: [8, 4],
    output: [8, 2],
    parameters: ["0.weight", "1.gamma", "1.beta", "3.weight", "3.bias"],
    statistics: STATISTICS.map((name) => `1.${name}`),
  },
  {
    name: "Sequential, nested, with a bias before the batch norm",
    kind: "Sequential",
    make: (how) =>
      new Sequential([
        new Sequential([
          new Dense({ inputs: 3, outputs: 4, ...how }),
          new Sequential([new BatchNorm({ features: 4, dtype: how.dtype }), new Sigmoid()]),
        ]),
        new LayerNorm({ features: 4, dtype: how.dtype }),
      ]),
    shape: [6, 3],
    output: [6, 4],
    parameters: ["0.0.weight", "0.0.bias", "0.1.0.gamma", "0.1.0.beta", "1.gamma", "1.beta"],
    statistics: STATISTICS.map((name) => `0.1.0.${name}`),
  },
  {
    name: "Sequential with layers used twice",
    kind: "Sequential",
    make: (how) => {
      const shared = new Dense({ inputs: 3, outputs: 3, ...how });
      const norm = new BatchNorm({ features: 3, dtype: how.dtype });
      return new Sequential([shared, norm, new Tanh(), shared, norm]);
    },
    shape: [7, 3],
    output: [7, 3],
    parameters: ["0.weight", "0.bias", "1.gamma", "1.beta"],
    statistics: STATISTICS.map((name) => `1.${name}`),
  },
  {
    name: "Sequential of one layer",
    kind: "Sequential",
    make: ({ dtype }) => new Sequential([new BatchNorm({ features: 3, dtype })]),
    shape: [5, 3],
    output: [5, 3],
    parameters: ["0.gamma", "0.beta"],
    statistics: STATISTICS.map((name) => `0.${name}`),
  },
  {
    name: "Sequential, a small convolutional network",
    kind: "Sequential",
    make: (how) =>
      new Sequential([
        new Conv2d({ inputs: 2, outputs: 3, size: 3, padding: 1, bias: false, ...how }),
        new BatchNorm({ features: 3, dtype: how.dtype }),
        new Tanh(),
        new MaxPool2d({ size: 2 }),
        new Conv2d({ inputs: 3, outputs: 3, size: 2, ...how }),
        new Sigmoid(),
        new AveragePool2d({ size: 2, stride: 1, padding: 1 }),
        new Flatten(),
        new Dense({ inputs: 12, outputs: 2, ...how }),
        new LogSoftmax(),
      ]),
    shape: [3, 2, 4, 5],
    output: [3, 2],
    parameters: ["0.weight", "1.gamma", "1.beta", "4.weight", "4.bias", "8.weight", "8.bias"],
    statistics: STATISTICS.map((name) => `1.${name}`),
  },
  {
    name: "Sequential with ReLU, over images",
    kind: "Sequential",
    make: ({ dtype }) =>
      new Sequential([
        new BatchNorm({ features: 3, dtype }),
        new ReLU(),
        new GroupNorm({ groups: 3, features: 3, dtype }),
      ]),
    shape: [4, 3, 3, 2],
    output: [4, 3, 3, 2],
    parameters: ["0.gamma", "0.beta", "2.gamma", "2.beta"],
    statistics: STATISTICS.map((name) => `0.${name}`),
  },
];

const residuals: readonly LayerCase[] = [
  {
    name: "Residual around a Dense",
    kind: "Residual",
    make: (how) => new Residual({ body: new Dense({ inputs: 3, outputs: 3, ...how }) }),
    shape: [5, 3],
    output: [5, 3],
    parameters: ["body.weight", "body.bias"],
    statistics: [],
  },
  {
    name: "Residual with a projection",
    kind: "Residual",
    make: (how) =>
      new Residual({
        body: new Sequential([
          new Dense({ inputs: 3, outputs: 4, bias: false, ...how }),
          new BatchNorm({ features: 4, dtype: how.dtype }),
          new Tanh(),
          new Dense({ inputs: 4, outputs: 2, ...how }),
        ]),
        projection: new Sequential([
          new Dense({ inputs: 3, outputs: 2, bias: false, ...how }),
          new BatchNorm({ features: 2, dtype: how.dtype }),
        ]),
      }),
    shape: [7, 3],
    output: [7, 2],
    parameters: [
      ...["body.0.weight", "body.1.gamma", "body.1.beta", "body.3.weight", "body.3.bias"],
      ...["projection.0.weight", "projection.1.gamma", "projection.1.beta"],
    ],
    statistics: ["body.1", "projection.1"].flatMap((path) => STATISTICS.map((name) => `${path}.${name}`)),
  },
  {
    name: "Residual around an activation, which would write over the input of both ways",
    kind: "Residual",
    make: (how) =>
      new Sequential([
        new Dense({ inputs: 3, outputs: 3, ...how }),
        new Residual({ body: new Tanh() }),
        new Residual({ body: new Sequential([new Sigmoid(), new Flatten()]), projection: new Flatten() }),
      ]),
    shape: [4, 3],
    output: [4, 3],
    parameters: ["0.weight", "0.bias"],
    statistics: [],
  },
  {
    name: "Residual, a block of a ResNet with a stride",
    kind: "Residual",
    make: (how) =>
      new Residual({
        body: new Sequential([
          new Conv2d({ inputs: 2, outputs: 3, size: 3, stride: 2, padding: 1, bias: false, ...how }),
          new BatchNorm({ features: 3, dtype: how.dtype }),
          new Tanh(),
          new Conv2d({ inputs: 3, outputs: 3, size: 3, padding: 1, bias: false, ...how }),
          new BatchNorm({ features: 3, dtype: how.dtype }),
        ]),
        projection: new Sequential([
          new Conv2d({ inputs: 2, outputs: 3, size: 1, stride: 2, bias: false, ...how }),
          new BatchNorm({ features: 3, dtype: how.dtype }),
        ]),
      }),
    shape: [3, 2, 4, 3],
    output: [3, 3, 2, 2],
    parameters: [
      ...["body.0.weight", "body.1.gamma", "body.1.beta", "body.3.weight", "body.4.gamma", "body.4.beta"],
      ...["projection.0.weight", "projection.1.gamma", "projection.1.beta"],
    ],
    statistics: ["body.1", "body.4", "projection.1"].flatMap((path) => STATISTICS.map((name) => `${path}.${name}`)),
  },
  {
    name: "Residual with one layer on both ways, nested",
    kind: "Residual",
    make: (how) => {
      const shared = new Dense({ inputs: 3, outputs: 3, ...how });
      const inner = new Residual({ body: new Sequential([shared, new Tanh()]), projection: shared });
      return new Residual({ body: new Sequential([inner, new BatchNorm({ features: 3, dtype: how.dtype })]) });
    },
    shape: [6, 3],
    output: [6, 3],
    parameters: ["body.0.body.0.weight", "body.0.body.0.bias", "body.1.gamma", "body.1.beta"],
    statistics: STATISTICS.map((name) => `body.1.${name}`),
  },
];

/** Every layer that works, with every option and layout. */
export const layerCases: readonly LayerCase[] = [
  ...batchNorms,
  ...others,
  ...images,
  ...specials,
  ...models,
  ...residuals,
];

const smallConv: Refusal["make"] = (how) => new Conv2d({ inputs: 3, outputs: 2, size: 3, ...how });
const norm: Refusal["make"] = ({ dtype }) => new BatchNorm({ features: 3, dtype });
const dense: Refusal["make"] = (how) => new Dense({ inputs: 3, outputs: 2, ...how });
const modes: readonly Mode[] = ["train", "probe", "inference"];

/** Every input that a layer must refuse. The layers are new: no batch was tracked. */
export const refusals: readonly Refusal[] = [
  ...modes.flatMap((mode): Refusal[] => [
    {
      name: `BatchNorm, other features, ${mode}`,
      make: norm,
      shape: [4, 5],
      mode,
      refusal: "ShapeError: BatchNorm: 3 | 1 | [4, 5]",
    },
    {
      name: `BatchNorm, float64 input, ${mode}`,
      make: norm,
      shape: [4, 3],
      dtype: "float64",
      mode,
      refusal: "TypeError: BatchNorm: input | float32 | float64 | cure",
    },
    {
      name: `Dense, other inputs, ${mode}`,
      make: dense,
      shape: [4, 2],
      mode,
      refusal: "ShapeError: Dense: input | [N, 3] | [4, 2]",
    },
    {
      name: `Dense, rank 1, ${mode}`,
      make: dense,
      shape: [3],
      mode,
      refusal: "ShapeError: Dense: input | [N, 3] | [3]",
    },
    {
      name: `Dense, float64 input, ${mode}`,
      make: dense,
      shape: [4, 3],
      dtype: "float64",
      mode,
      refusal: "TypeError: Dense: input | float32 | float64 | cure",
    },
    {
      name: `LayerNorm, other features, ${mode}`,
      make: ({ dtype }) => new LayerNorm({ features: 3, dtype }),
      shape: [3, 4],
      mode,
      refusal: "ShapeError: LayerNorm: 3 | [3, 4]",
    },
    {
      name: `LayerNorm, rank 1, ${mode}`,
      make: ({ dtype }) => new LayerNorm({ features: 3, dtype }),
      shape: [3],
      mode,
      refusal: "ShapeError: LayerNorm: 3 | [3]",
    },
    {
      name: `RMSNorm, other features, ${mode}`,
      make: ({ dtype }) => new RMSNorm({ features: 3, dtype }),
      shape: [3, 4],
      mode,
      refusal: "ShapeError: RMSNorm: 3 | [3, 4]",
    },
    {
      name: `GroupNorm, other features, ${mode}`,
      make: ({ dtype }) => new GroupNorm({ groups: 2, features: 4, dtype }),
      shape: [4, 3],
      mode,
      refusal: "ShapeError: GroupNorm: 4 | 1 | [4, 3]",
    },
    {
      name: `GroupNorm, features on axis 0, ${mode}`,
      make: ({ dtype }) => new GroupNorm({ groups: 2, features: 4, axis: -2, dtype }),
      shape: [4, 3],
      mode,
      refusal: "ShapeError: GroupNorm: axis 0 | -2 | [4, 3]",
    },
    {
      name: `GroupNorm, float64 input, ${mode}`,
      make: ({ dtype }) => new GroupNorm({ groups: 2, features: 4, dtype }),
      shape: [3, 4],
      dtype: "float64",
      mode,
      refusal: "TypeError: GroupNorm: input | float32 | float64 | cure",
    },
    {
      name: `Conv2d, other inputs, ${mode}`,
      make: smallConv,
      shape: [2, 4, 5, 5],
      mode,
      refusal: "ShapeError: Conv2d: input | [N, 3, H, W] | [2, 4, 5, 5]",
    },
    {
      name: `Conv2d, channels last, ${mode}`,
      make: smallConv,
      shape: [2, 5, 5, 3],
      mode,
      refusal: "ShapeError: Conv2d: input | [N, 3, H, W] | [2, 5, 5, 3] | cure",
    },
    {
      name: `Conv2d, rank 3, ${mode}`,
      make: smallConv,
      shape: [3, 5, 5],
      mode,
      refusal: "ShapeError: Conv2d: input | [N, 3, H, W] | [3, 5, 5]",
    },
    {
      name: `Conv2d, a window larger than the image, ${mode}`,
      make: smallConv,
      shape: [2, 3, 2, 5],
      mode,
      refusal: "RangeError: Conv2d: 3 x 3 | 2 x 5 | [2, 3, 2, 5] | cure",
    },
    {
      name: `Conv2d, a window larger than the padded image, ${mode}`,
      make: (how) => new Sequential([new Conv2d({ inputs: 1, outputs: 1, size: [2, 7], padding: [0, 1], ...how })]),
      shape: [2, 1, 4, 4],
      mode,
      refusal: 'RangeError: Conv2d "0": 2 x 7 | 4 x 6 | [2, 1, 4, 4] | cure',
    },
    {
      name: `Conv2d, float64 input, ${mode}`,
      make: smallConv,
      shape: [2, 3, 5, 5],
      dtype: "float64",
      mode,
      refusal: "TypeError: Conv2d: input | float32 | float64 | cure",
    },
    {
      name: `MaxPool2d, rank 2, ${mode}`,
      make: () => new MaxPool2d({ size: 2 }),
      shape: [3, 4],
      mode,
      refusal: "ShapeError: MaxPool2d: input | [N, C, H, W] | [3, 4]",
    },
    {
      name: `AveragePool2d, a window larger than the image, ${mode}`,
      make: () => new AveragePool2d({ size: 4, padding: 1 }),
      shape: [2, 1, 1, 4],
      mode,
      refusal: "RangeError: AveragePool2d: 4 x 4 | 3 x 6 | [2, 1, 1, 4] | cure",
    },
    {
      name: `Softmax, an axis that the input has not, ${mode}`,
      make: () => new Softmax({ axis: 2 }),
      shape: [3, 4],
      mode,
      refusal: "ShapeError: Softmax: axis | 2 | [3, 4]",
    },
    {
      name: `LogSoftmax, rank 0, ${mode}`,
      make: () => new LogSoftmax(),
      shape: [],
      mode,
      refusal: "ShapeError: LogSoftmax: axis | -1 | []",
    },
    {
      name: `Flatten, rank 1, ${mode}`,
      make: () => new Flatten(),
      shape: [3],
      mode,
      refusal: "ShapeError: Flatten: axes | [N, ...] | [3]",
    },
    {
      name: `GlobalAveragePool, rank 2, ${mode}`,
      make: () => new GlobalAveragePool(),
      shape: [3, 4],
      mode,
      refusal: "ShapeError: GlobalAveragePool: [N, C, H, W] | [3, 4]",
    },
    {
      name: `Residual, a body of another shape, ${mode}`,
      make: (how) => new Residual({ body: dense(how) }),
      shape: [4, 3],
      mode,
      refusal: "ShapeError: Residual: input | [4, 2] | [4, 3] | cure",
    },
    {
      name: `Residual, a projection of another shape, ${mode}`,
      make: (how) => new Sequential([new Residual({ body: dense(how), projection: new Flatten() })]),
      shape: [4, 3],
      mode,
      refusal: 'ShapeError: Residual "0": projection | [4, 2] | [4, 3] | cure',
    },
    {
      name: `Residual, whose projection refuses, ${mode}`,
      make: (how) => new Residual({ body: dense(how), projection: new BatchNorm({ features: 4 }) }),
      shape: [5, 3],
      mode,
      refusal: 'ShapeError: BatchNorm "projection": 4 | 1 | [5, 3]',
    },
    {
      name: `Sequential, whose second layer refuses, ${mode}`,
      make: (how) => new Sequential([dense(how), new BatchNorm({ features: 4 })]),
      shape: [5, 3],
      mode,
      refusal: 'ShapeError: BatchNorm "1": 4 | 1 | [5, 2]',
    },
  ]),
  ...(["train", "probe"] as const).flatMap((mode): Refusal[] => [
    {
      name: `BatchNorm, a batch of one, ${mode}`,
      make: norm,
      shape: [1, 3],
      mode,
      refusal: `RangeError: BatchNorm: 2 | "${mode}" | [1, 3] | cure`,
    },
    {
      name: `BatchNorm, one value a feature in an image, ${mode}`,
      make: norm,
      shape: [1, 3, 1, 1],
      mode,
      refusal: `RangeError: BatchNorm: 2 | "${mode}" | [1, 3, 1, 1] | cure`,
    },
    {
      name: `BatchNorm inside models, a batch of one, ${mode}`,
      make: (how) => new Sequential([new Sequential([dense(how)]), new Sequential([new BatchNorm({ features: 2 })])]),
      shape: [1, 3],
      mode,
      refusal: `RangeError: BatchNorm "1.0": 2 | "${mode}" | [1, 2] | cure`,
    },
  ]),
  ...modes.map((mode): Refusal => ({
    name: `BatchNorm without tracking, a batch of one, ${mode}`,
    make: ({ dtype }) => new BatchNorm({ features: 3, dtype, trackRunningStatistics: false }),
    shape: [1, 3],
    mode,
    refusal: `RangeError: BatchNorm: 2 | "${mode}" | [1, 3] | cure`,
  })),
  ...[
    ["MeanOnlyNorm", ({ dtype }: Making): Layer => new MeanOnlyNorm({ features: 3, dtype })] as const,
    ["BatchRMSNorm", ({ dtype }: Making): Layer => new BatchRMSNorm({ features: 3, dtype })] as const,
    ["DynamicTanh", ({ dtype }: Making): Layer => new DynamicTanh({ features: 3, dtype })] as const,
  ].flatMap(([kind, make]): Refusal[] => [
    {
      name: `${kind}, other features`,
      make,
      shape: [4, 5],
      mode: "probe",
      refusal: `ShapeError: ${kind}: 3 | 1 | [4, 5]`,
    },
    {
      name: `${kind}, float64 input`,
      make,
      shape: [4, 3],
      dtype: "float64",
      mode: "probe",
      refusal: `TypeError: ${kind}: input | float32 | float64 | cure`,
    },
    ...(kind === "DynamicTanh"
      ? []
      : [
          {
            name: `${kind}, a batch of one`,
            make,
            shape: [1, 3],
            mode: "train" as const,
            refusal: `RangeError: ${kind}: 2 | "train" | [1, 3] | cure`,
          },
          {
            name: `${kind}, inference before tracking`,
            make,
            shape: [4, 3],
            mode: "inference" as const,
            refusal: `RangeError: ${kind}: "inference" | none | cure`,
          },
        ]),
  ]),
  {
    name: "BatchNorm, rank 1",
    make: norm,
    shape: [3],
    mode: "train",
    refusal: "ShapeError: BatchNorm: 3 | 1 | [3]",
  },
  {
    name: "BatchNorm, rank 0",
    make: norm,
    shape: [],
    mode: "train",
    refusal: "ShapeError: BatchNorm: 3 | 1 | []",
  },
  {
    name: "BatchNorm, axis -1 over channels first",
    make: ({ dtype }) => new BatchNorm({ features: 3, axis: -1, dtype }),
    shape: [2, 3, 4, 5],
    mode: "train",
    refusal: "ShapeError: BatchNorm: 3 | -1 | [2, 3, 4, 5]",
  },
  {
    name: "BatchNorm, an axis that the input has not",
    make: ({ dtype }) => new BatchNorm({ features: 3, axis: -3, dtype }),
    shape: [4, 3],
    mode: "probe",
    refusal: "ShapeError: BatchNorm: 3 | -3 | [4, 3]",
  },
  {
    name: "BatchNorm, inference before tracking",
    make: norm,
    shape: [4, 3],
    mode: "inference",
    refusal: 'RangeError: BatchNorm: "inference" | none | cure',
  },
];
