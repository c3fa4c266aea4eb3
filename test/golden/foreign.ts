/** Runs a case of the TensorFlow.js or Keras suite through this library. The cases speak PyTorch's language. */
import {
  Adam,
  AdamW,
  BatchNorm,
  type BatchNormOptions,
  Dense,
  type Kernels,
  type Layer,
  LayerNorm,
  meanSquaredError,
  type Mode,
  Parameter,
  Random,
  Sequential,
  SGD,
  type Shape,
  softmaxCrossEntropy,
  stateDict,
  Tensor,
} from "batchnorm";
import { type GoldenTensor, type GoldenTensors, load, numbersOf, tensorOf } from "./golden.js";

export type ForeignValue = number | GoldenTensor | readonly ForeignValue[] | { readonly [key: string]: ForeignValue };

type ForeignTolerance = Readonly<Record<string, { readonly rtol: number; readonly atol: number }>>;

interface ForeignAttributes {
  readonly channel_axis?: number;
  readonly eps?: number;
  readonly momentum?: number;
  readonly axes?: readonly number[] | null;
  readonly name?: string;
  readonly lr?: number;
  readonly nesterov?: boolean;
  readonly betas?: readonly [number, number];
  readonly weight_decay?: number;
  readonly amsgrad?: boolean;
  readonly epsilon_form?: string;
  readonly applications?: number;
  readonly steps?: number;
  readonly optimizer?: { readonly lr: number };
  readonly layers?: readonly ForeignLayer[];
}

type ForeignLayer =
  | { readonly type: "linear"; readonly in: number; readonly out: number; readonly bias: boolean }
  | { readonly type: "batchnorm"; readonly features: number; readonly eps: number; readonly momentum: number };

export interface ForeignCase {
  readonly id: string;
  readonly op: string;
  readonly attrs: ForeignAttributes;
  readonly inputs: Readonly<Record<string, GoldenTensor>> & {
    readonly params?: GoldenTensors;
    readonly grads?: readonly GoldenTensors[];
  };
  readonly expected: ForeignValue;
  readonly tolerance?: ForeignTolerance;
  readonly tolerance_strict?: ForeignTolerance;
  /** Which kernels to run it on. */
  readonly kernels?: Kernels;
}

/** Results by path, as in "steps.0.p". */
type Results = Readonly<Record<string, ArrayLike<number>>>;

/** How a case is run; undefined where no feature covers it. */
export function foreignRunner(one: ForeignCase): ((one: ForeignCase) => Results) | undefined {
  if (one.attrs.amsgrad === true || one.attrs.epsilon_form === "keras") return undefined;
  return runners[one.op];
}

const runners: Readonly<Record<string, (one: ForeignCase) => Results>> = {
  batchnorm_eval: (one) => batchNorm(one, "inference"),
  batchnorm_frozen: (one) => batchNorm(one, "inference"),
  batchnorm_train: (one) => batchNorm(one, "train"),
  batchnorm_train_axes: batchNormOverLeadingAxes,
  batchnorm_property: batchNormThreeTimes,
  moments,
  mlp_fit: fit,
  optimizer: optimizerSteps,
  optimizer_quadratic: optimizerOnQuadratic,
  dense,
  layernorm: layerNorm,
  activation: softmax,
  softmax_cross_entropy: crossEntropy,
  mse: ({ inputs, kernels }) => ({
    loss: [meanSquaredError(read(inputs, "prediction"), read(inputs, "target"), { kernels }).loss],
  }),
};

function read(inputs: Readonly<Record<string, GoldenTensor>>, name: string, shape?: Shape): Tensor {
  const tensor = tensorOf(inputs[name]!);
  return shape === undefined ? tensor : tensor.reshape(shape);
}

function batchNormOf({ attrs, inputs }: ForeignCase, options: Partial<BatchNormOptions> = {}): BatchNorm {
  const { x, weight, bias, running_mean: mean, running_var: variance } = inputs;
  const axis = attrs.channel_axis ?? 1;
  const layer = new BatchNorm({
    features: x!.shape.at(axis)!,
    axis,
    epsilon: attrs.eps,
    momentum: attrs.momentum,
    scale: weight !== undefined,
    center: bias !== undefined,
    varianceEstimator: "biased",
    dtype: "float64",
    ...options,
  });
  load(layer, {
    ...(weight && { gamma: weight }),
    ...(bias && { beta: bias }),
    ...(mean && { runningMean: mean }),
    ...(variance && { runningVariance: variance }),
    batchesTracked: 1,
  });
  return layer;
}

function batchNorm(one: ForeignCase, mode: Mode): Results {
  const { inputs, expected } = one;
  // With momentum 1 the running statistics are those of the batch.
  const layer = batchNormOf(one, "batch_mean" in (expected as object) ? { momentum: 1 } : {});
  const forward = layer.forward(read(inputs, "x"), { mode, kernels: one.kernels });
  const results: Record<string, ArrayLike<number>> = {
    y: forward.output.data,
    batch_mean: layer.runningMean.values,
    batch_var: layer.runningVariance.values,
    running_mean: layer.runningMean.values,
    running_var: layer.runningVariance.values,
    running_var_biased: layer.runningVariance.values,
  };
  if (inputs["dy"] !== undefined) {
    const { gradInput, gradients } = forward.backward(read(inputs, "dy"));
    results["dx"] = gradInput.data;
    results["dweight"] = gradients.get(layer.gamma!)!.data;
    results["dbias"] = gradients.get(layer.beta!)!.data;
  }
  return results;
}

/** Statistics over the leading axes alone are those of x seen as rows, with a feature for each of the other places. */
function batchNormOverLeadingAxes(one: ForeignCase): Results {
  const features = one.inputs["weight"]!.data.length;
  const rows = one.inputs["x"]!.data.length / features;
  const flat = (golden: GoldenTensor, shape: Shape): GoldenTensor => ({ ...golden, shape });
  const { x, weight, bias } = one.inputs;
  return batchNorm(
    {
      ...one,
      inputs: { x: flat(x!, [rows, features]), weight: flat(weight!, [features]), bias: flat(bias!, [features]) },
    },
    "train",
  );
}

/** Keras's property test: the same layer on its own output, again and again; momentum 1 keeps the last batch alone. */
function batchNormThreeTimes(one: ForeignCase): Results {
  const layer = batchNormOf(one, { scale: true, center: true });
  let input = read(one.inputs, "x");
  let output = input;
  for (let i = 0; i < one.attrs.applications!; i++) {
    input = output;
    output = layer.forward(input, { mode: "train", kernels: one.kernels }).output;
  }
  const again = layer.forward(input, { mode: "inference", kernels: one.kernels }).output;
  const out = momentsOf(again, one.attrs.channel_axis!, one.kernels);
  return {
    out_mean: out.mean,
    out_std: out.variance.map(Math.sqrt),
    running_mean: layer.runningMean.values,
    running_var: layer.runningVariance.values,
  };
}

/** Mean and biased variance of each feature: what momentum 1 leaves in the running statistics. */
function momentsOf(
  x: Tensor,
  axis: number,
  kernels?: Kernels,
): { readonly mean: Float64Array; readonly variance: Float64Array } {
  const layer = new BatchNorm({
    features: x.shape.at(axis)!,
    axis,
    momentum: 1,
    varianceEstimator: "biased",
    dtype: x.dtype,
  });
  layer.forward(x, { mode: "train", kernels });
  return { mean: layer.runningMean.values, variance: layer.runningVariance.values };
}

function moments({ attrs, inputs, kernels }: ForeignCase): Results {
  const x = read(inputs, "x");
  // Of a matrix summed over axis 0 the features are axis 1, and the other way round; without axes all is one feature.
  const { mean, variance } = attrs.axes
    ? momentsOf(x, 1 - attrs.axes[0]!, kernels)
    : momentsOf(x.reshape([x.size, 1]), 1, kernels);
  return { mean, var: variance };
}

/** A PyTorch weight is [outputs, inputs], ours the transpose. */
function transposed({ dtype, shape, data }: GoldenTensor): GoldenTensor {
  const [rows, columns] = shape as readonly [number, number];
  const turned = data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
  return { dtype, shape: [columns, rows], data: turned };
}

function fit({ attrs, inputs, kernels }: ForeignCase): Results {
  const layers = attrs.layers!.map((layer): Layer => {
    if (layer.type === "linear") {
      const { in: inputCount, out: outputs, bias } = layer;
      return new Dense({ inputs: inputCount, outputs, bias, random: new Random(1), dtype: "float64" });
    }
    const { features, eps: epsilon, momentum } = layer;
    const axis = attrs.channel_axis!;
    return new BatchNorm({ features, axis, epsilon, momentum, varianceEstimator: "biased", dtype: "float64" });
  });
  const model = new Sequential(layers);
  const isDense = (path: string): boolean => attrs.layers![Number(path.split(".")[0])]!.type === "linear";
  const ours = (path: string): string =>
    isDense(path) ? path : path.replace(".weight", ".gamma").replace(".bias", ".beta");
  load(
    model,
    Object.fromEntries(
      Object.entries(inputs.params!).map(([path, value]) => [
        ours(path),
        isDense(path) && path.endsWith(".weight") ? transposed(value) : value,
      ]),
    ),
  );
  const optimizer = new SGD(model.parameters, { learningRate: attrs.optimizer!.lr, kernels });
  const losses: number[] = [];
  for (let step = 0; step < attrs.steps!; step++) {
    const forward = model.forward(read(inputs, "x"), { mode: "train", kernels });
    const { loss, gradOutput } = meanSquaredError(forward.output, read(inputs, "target"), { kernels });
    losses.push(loss);
    optimizer.step(forward.backward(gradOutput).gradients);
  }
  const results: Record<string, ArrayLike<number>> = { losses };
  const state = stateDict(model);
  for (const path of Object.keys(inputs.params!)) {
    const { shape, values } = state[ours(path)]!;
    const back = isDense(path) && path.endsWith(".weight");
    results[`params.${path}`] = back ? numbersOf(transposed({ dtype: "float64", shape, data: values })) : values;
  }
  for (const [path, { values }] of Object.entries(state)) {
    if (path.endsWith(".runningMean")) results[`buffers.${path.replace("runningMean", "running_mean")}`] = values;
    if (path.endsWith(".runningVariance"))
      results[`buffers.${path.replace("runningVariance", "running_var_biased")}`] = values;
  }
  return results;
}

function optimizerOf({ attrs, kernels }: ForeignCase, parameter: Parameter): SGD | Adam | AdamW {
  const { name, lr, betas, eps, weight_decay: weightDecay, momentum, nesterov } = attrs;
  const learningRate = lr!;
  if (name === "sgd") return new SGD([parameter], { learningRate, momentum, nesterov, weightDecay, kernels });
  const [beta1, beta2] = betas!;
  const options = { learningRate, beta1, beta2, epsilon: eps, weightDecay, kernels };
  return name === "adam" ? new Adam([parameter], options) : new AdamW([parameter], options);
}

function optimizerSteps(one: ForeignCase): Results {
  const parameter = new Parameter("p", "weight", tensorOf(one.inputs.params!["p"]!));
  const optimizer = optimizerOf(one, parameter);
  const results: Record<string, ArrayLike<number>> = {};
  for (const [index, gradients] of one.inputs.grads!.entries()) {
    optimizer.step(new Map([[parameter, tensorOf(gradients["p"]!)]]));
    results[`steps.${index}.p`] = parameter.value.data.slice();
  }
  return results;
}

/** Minimizes p'Ap / 2, whose gradient is Ap. */
function optimizerOnQuadratic(one: ForeignCase): Results {
  const a = read(one.inputs, "A");
  const parameter = new Parameter("p", "weight", read(one.inputs, "p"));
  const optimizer = optimizerOf(one, parameter);
  const results: Record<string, ArrayLike<number>> = {};
  for (const index of (one.expected as { readonly steps: readonly GoldenTensor[] }).steps.keys()) {
    const p = parameter.value.data;
    const gradient = Float64Array.from(p, (_, i) => [...p].reduce((sum, value, j) => sum + a.at(i, j) * value, 0));
    optimizer.step(new Map([[parameter, new Tensor(gradient, parameter.value.shape)]]));
    results[`steps.${index}`] = p.slice();
  }
  return results;
}

function dense({ inputs, kernels }: ForeignCase): Results {
  const weight = read(inputs, "weight_io");
  const [inputCount, outputs] = weight.shape as readonly [number, number];
  const bias = inputs["bias"] && tensorOf(inputs["bias"]);
  const layer = new Dense({
    inputs: inputCount,
    outputs,
    bias: bias !== undefined,
    initial: { weight, bias },
    dtype: "float64",
  });
  return { y: layer.forward(read(inputs, "x"), { mode: "inference", kernels }).output.data };
}

/** Normalizing several trailing axes together is normalizing them as one. */
function layerNorm({ attrs, inputs, kernels }: ForeignCase): Results {
  const { x, weight, bias } = inputs;
  const features = (attrs as { readonly normalized_shape: Shape }).normalized_shape.reduce(
    (product, n) => product * n,
    1,
  );
  const epsilon = attrs.eps;
  const layer = new LayerNorm({
    features,
    epsilon,
    scale: weight !== undefined,
    center: bias !== undefined,
    dtype: "float64",
  });
  const flat = (golden: GoldenTensor): GoldenTensor => ({ ...golden, shape: [features] });
  load(layer, { ...(weight && { gamma: flat(weight) }), ...(bias && { beta: flat(bias) }) });
  const rows = read(inputs, "x", [x!.data.length / features, features]);
  return { y: layer.forward(rows, { mode: "inference", kernels }).output.data };
}

/** The gradient of the cross-entropy is (softmax - target) / rows. */
function softmax({ inputs, kernels }: ForeignCase): Results {
  const x = read(inputs, "x");
  const rows = x.shape[0]!;
  const labels = new Array<number>(rows).fill(0);
  const { gradOutput } = softmaxCrossEntropy(x, labels, { kernels });
  const classes = x.shape[1]!;
  return { y: gradOutput.data.map((value, i) => value * rows + (i % classes === 0 ? 1 : 0)) };
}

function crossEntropy({ inputs, kernels }: ForeignCase): Results {
  const logits = read(inputs, "logits");
  const { loss } = softmaxCrossEntropy(logits, numbersOf(inputs["labels"]!), { kernels });
  const fromDistributions = softmaxCrossEntropy(logits, read(inputs, "one_hot"), { kernels }).loss;
  // A label and the distribution that is all on it are one target: both must give the same bits.
  return { loss: [loss === fromDistributions ? loss : NaN] };
}
