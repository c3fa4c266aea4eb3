/** modelObjective and outputObjective: a model with a batch and a loss, or with any function of its outputs, as an objective. */

import { complaint, expectLength, expectObject, show } from "../core/errors.js";
import { allocate, type DType, typedArrayName } from "../core/dtype.js";
import { type OptionRules, readOptions, type ReadOptions } from "../core/options.js";
import type { Kernels } from "../kernels/types.js";
import { expectGradient, expectLayer } from "../layers/guards.js";
import type { Forward, Gradients, Layer, Mode } from "../layers/contract.js";
import { Parameter } from "../layers/parameter.js";
import { endWithoutBackward } from "../layers/private-memory.js";
import { parametersByPath, streamsByPath } from "./tree.js";
import type { Evaluation, Group, Objective } from "../objective/objective.js";
import { expectTensor, isTensor, Tensor } from "../core/tensor.js";
import type { Loss, LossOptions, LossValue } from "../training/losses.js";

/** A batch: inputs and targets. */
export interface Batch<Target> {
  readonly input: Tensor;
  readonly target: Target;
}

/** Options for `modelObjective` and `outputObjective`. */
export interface ModelObjectiveOptions {
  /** "probe" for the loss that training minimizes, "inference" for that of the trained model. The two are different functions. */
  readonly mode: Exclude<Mode, "train">;
  /**
   * Row weights for the batch statistics and for the loss, which is called with the option `rowWeights`. The function of an
   * `outputObjective` does not receive them. Default: none.
   */
  readonly rowWeights?: ArrayLike<number> | Tensor | undefined;
  /** The parameters to vary. The others keep their current values. Default: all. */
  readonly parameters?: Iterable<Parameter> | undefined;
  /** The precision of the evaluation, independent of the model's dtype. Default: "float64". */
  readonly dtype?: DType | undefined;
  /** The kernel set. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

const modelObjectiveRules = {
  mode: { kind: "word", words: ["probe", "inference"], cure: "training would update the running statistics" },
  rowWeights: { kind: "any", optional: true },
  parameters: { kind: "any", optional: true },
  dtype: { kind: "word", words: ["float32", "float64"], default: "float64" },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<ModelObjectiveOptions>;

/** A model as an objective, with its current parameters as a point. */
export interface ModelObjective {
  readonly objective: Objective;
  /** The concatenated values of the parameters at the time of the call; a new array. */
  readonly point: Float64Array;
  /** The range of each parameter in the point, in the order of the forward pass. */
  readonly groups: readonly Group[];
  readonly mode: Exclude<Mode, "train">;
  readonly dtype: DType;
}

/**
 * Returns the loss of a model on a batch as an objective, for checks and probes.
 *
 * The objective depends only on the point. It copies the batch, the running statistics, the random streams and the fixed
 * parameters when it is created, so you can continue training between two evaluations without changing their results. An
 * evaluation uses these copies and then restores the model's values, versions, statistics and streams, even if it throws. Only
 * random streams that a layer lists in `streams` are restored.
 *
 * - **Modes**: probe: uses batch statistics and includes them in the gradient. inference: uses the running statistics
 * - **Numerics**: with float32, round-off dominates for steps below about 1e-6, so the default is float64
 * - **Cost**: a forward and a backward pass and two copies of the parameters per evaluation; only the forward pass for `lossOnly`
 *
 * @throws {TypeError} if mode, parameters or batch are invalid
 * @example
 * const random = new Random(1);
 * const model = new Sequential([new Dense({ inputs: 2, outputs: 3, random }), new BatchNorm({ features: 3 }), new Tanh()]);
 * const batch = { input: Tensor.normal([8, 2], { random }), target: Tensor.normal([8, 3], { random }) };
 * const { objective, point, groups } = modelObjective(model, batch, meanSquaredError, { mode: "probe" });
 * groups.map((group) => group.name);                                                // => ["0.weight", "0.bias", "1.gamma", "1.beta"]
 * (await checkObjective(objective, point, { random, groups })).verdict;              // => "agrees"
 */
export function modelObjective<Target>(
  model: Layer,
  batch: Batch<Target>,
  loss: Loss<Target>,
  options: ModelObjectiveOptions,
): ModelObjective {
  const who = "modelObjective";
  expectLayer(who, model);
  expectObject(who, "the batch", batch);
  if (typeof loss !== "function") throw new TypeError(complaint(who, "the loss to be a function", show(loss)));
  const read = readOptions(who, options, modelObjectiveRules);
  expectTensor(who, "batch.input", batch.input);
  const target = copyOf(batch.target, read.dtype);
  return objectiveOn(who, model, batch.input, read, (output, lossOptions) => loss(output, target, lossOptions));
}

/** A number computed from the output of a model, and its gradient with respect to that output. */
export interface OutputValue {
  readonly value: number;
  /** The gradient to pass to `backward`. It has the shape of the output. */
  readonly gradOutput: Tensor;
}

/**
 * Returns any function of the outputs of a model as an objective, for example the mean of one logit. Its value takes the place of
 * the loss, and its gradient with respect to the parameters that of the gradient.
 *
 * Everything else is as in `modelObjective`: what is copied, what is restored, and the options.
 *
 * - **Shapes**: `gradOutput` has the shape of the output, in its dtype
 * - **Modes**: as in `modelObjective`. In mode "probe", the gradient passes through the batch statistics
 * - **Cost**: as in `modelObjective`
 * - **Source**: Page 2019, "How to train your ResNet 7", which compares the gradients of the mean outputs with the sharpest
 *   directions of the loss
 *
 * @throws {TypeError} if the model, the input, the function or the options are invalid
 * @example
 * const random = new Random(1);
 * const model = new Sequential([new Dense({ inputs: 2, outputs: 3, random }), new BatchNorm({ features: 3 }), new Tanh()]);
 * const input = Tensor.normal([8, 2], { random });
 * // The mean over the batch of output 1
 * const meanOutput = (output: Tensor): OutputValue => {
 *   const [rows, units] = output.shape as [number, number];
 *   const gradOutput = Tensor.zeros(output.shape, output.dtype);
 *   let value = 0;
 *   for (let i = 1; i < output.size; i += units) {
 *     value += output.data[i]! / rows;
 *     gradOutput.data[i] = 1 / rows;
 *   }
 *   return { value, gradOutput };
 * };
 * const { objective, point, groups } = outputObjective(model, input, meanOutput, { mode: "probe" });
 * const { gradient } = await objective(point);
 * gradient.length;                                                                  // => 15
 * (await checkObjective(objective, point, { random, groups })).verdict;              // => "agrees"
 */
export function outputObjective(
  model: Layer,
  input: Tensor,
  valueOf: (output: Tensor) => OutputValue,
  options: ModelObjectiveOptions,
): ModelObjective {
  const who = "outputObjective";
  expectLayer(who, model);
  if (typeof valueOf !== "function") {
    throw new TypeError(complaint(who, "a function of the output", show(valueOf)));
  }
  const read = readOptions(who, options, modelObjectiveRules);
  expectTensor(who, "the input", input);
  return objectiveOn(who, model, input, read, (output) => {
    const returned = valueOf(output) as Partial<OutputValue> | undefined;
    const { value, gradOutput } = returned ?? {};
    if (typeof value !== "number" || !isTensor(gradOutput)) {
      throw new TypeError(
        complaint(who, "a function that returns { value: number, gradOutput: Tensor }", show(returned)),
      );
    }
    return { loss: value, gradOutput };
  });
}

/** Returns the objective of a model on one input: a loss of its output as a function of its parameters. */
function objectiveOn(
  who: string,
  model: Layer,
  given: Tensor,
  options: ReadOptions<ModelObjectiveOptions, typeof modelObjectiveRules>,
  loss: (output: Tensor, options: LossOptions) => LossValue,
): ModelObjective {
  const { mode, parameters, dtype, kernels } = options;
  const byPath = parametersByPath(model);
  const chosen: Partial<Iterable<Parameter>> | null = parameters === undefined ? byPath.values() : parameters;
  if (typeof chosen?.[Symbol.iterator] !== "function") {
    throw new TypeError(complaint(who, "parameters to be a list", show(parameters)));
  }
  const varied = new Set(chosen as Iterable<Parameter>);
  for (const parameter of varied) {
    if (![...byPath.values()].includes(parameter)) {
      throw new TypeError(complaint(who, "parameters of the model", `${show(parameter.name)} of another model`));
    }
  }
  // Copies of the batch and of the fixed parameters, in the dtype of the evaluation.
  const input = given.cast(dtype);
  const rowWeights = options.rowWeights === undefined ? undefined : copyOf(options.rowWeights, "float64");
  const held = new Map<Parameter, Tensor>();
  for (const parameter of byPath.values()) if (!varied.has(parameter)) held.set(parameter, parameter.value.cast(dtype));

  const entries = [...byPath].filter(([, parameter]) => varied.has(parameter));
  const flat = flatObjective(who, model, entries, { dtype, held }, () => {
    const forward = model.forward(input, { mode, kernels, rowWeights });
    const { loss: value, gradOutput } = loss(forward.output, { kernels, rowWeights });
    return { forward, loss: value, backward: () => forward.backward(gradOutput).gradients };
  });
  return { ...flat, objective: Object.assign(flat.objective, { mode }), mode, dtype };
}

/** A forward pass, its loss, and the backward pass. */
interface LossRun {
  readonly forward: Forward;
  readonly loss: number;
  readonly backward: () => Gradients;
}

/**
 * Returns an objective that runs a model with the values of the point as its parameters. During each evaluation the parameters
 * in `held` have the tensors given there, and statistics and random streams have the state that they had at the call.
 */
export function flatObjective(
  who: string,
  model: Layer,
  parameters: readonly (readonly [name: string, parameter: Parameter])[],
  { dtype, held }: { readonly dtype: DType; readonly held?: ReadonlyMap<Parameter, Tensor> },
  run: () => LossRun,
): Pick<ModelObjective, "objective" | "point" | "groups"> {
  const groups: Group[] = [];
  for (const [name, { role, value, outputAxis }] of parameters) {
    const start = groups.at(-1)?.end ?? 0;
    const axis = outputAxis === -1 ? {} : { outputAxis };
    groups.push({ name, role, shape: value.shape, ...axis, start, end: start + value.size });
  }
  const point = new Float64Array(groups.at(-1)?.end ?? 0);
  for (const [i, { start }] of groups.entries()) point.set(parameters[i]![1].value.data, start);
  const { length } = point;
  const inState = keptState(model);
  // Evaluations are synchronous, so all can use the same arrays.
  const values = new Map(held);
  const varied = groups.map(({ start, end, shape }, i) => {
    const data = allocate(dtype, end - start);
    values.set(parameters[i]![1], new Tensor(data, shape));
    return { data, start, end };
  });

  const at = <T>(where: Float64Array, work: () => T): T => {
    if (typedArrayName(where) !== "Float64Array") {
      throw new TypeError(complaint(who, "the point to be a Float64Array", show(where)));
    }
    expectLength(who, "the point", where, length);
    for (const { data, start, end } of varied) data.set(where.subarray(start, end));
    return inState(() => Parameter.holding(values, work));
  };
  const evaluate = (where: Float64Array): Evaluation =>
    at(where, () => {
      const { loss, backward } = run();
      const gradients = backward();
      const gradient = new Float64Array(length);
      for (const [i, { name, start }] of groups.entries()) {
        const parameter = parameters[i]![1];
        const part = gradients.get(parameter);
        if (part === undefined) continue;
        expectGradient(who, name, part, parameter.value);
        gradient.set(part.data, start);
      }
      return { loss, gradient };
    });
  const lossOnly = (where: Float64Array): number =>
    at(where, () => {
      const { forward, loss } = run();
      endWithoutBackward(forward);
      return loss;
    });
  return { objective: Object.assign(evaluate, { lossOnly, dtype }), point, groups };
}

/** Saves the running statistics and random streams of a model. Returns a function that runs a callback with the saved state. */
function keptState(model: Layer): <T>(work: () => T) => T {
  const statistics = model.statistics.map(({ values }) => ({ values, kept: values.slice() }));
  const streams = [...streamsByPath(model).values()].map((stream) => ({ stream, kept: stream.state }));
  return (work) => {
    const values = statistics.map((statistic) => statistic.values.slice());
    const states = streams.map(({ stream }) => stream.state);
    try {
      for (const statistic of statistics) statistic.values.set(statistic.kept);
      for (const { stream, kept } of streams) stream.restore(kept);
      return work();
    } finally {
      for (const [i, statistic] of statistics.entries()) statistic.values.set(values[i]!);
      for (const [i, { stream }] of streams.entries()) stream.restore(states[i]!);
    }
  };
}

/** Returns a copy of a target, which the caller may overwrite later. Tensors are converted to the dtype of the evaluation. */
export function copyOf<Target>(target: Target, dtype: DType): Target {
  if (isTensor(target)) return target.cast(dtype) as Target & Tensor;
  if (Array.isArray(target) || ArrayBuffer.isView(target))
    return (target as Target & Int32Array).slice() as Target & Int32Array;
  return target;
}
