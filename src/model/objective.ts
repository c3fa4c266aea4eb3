/** modelObjective: a model with a batch and a loss, as an objective. */

import { complaint, expectLength, expectObject, show } from "../core/errors.js";
import { allocate, type DType, typedArrayName } from "../core/dtype.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Kernels } from "../kernels/types.js";
import { expectGradient, expectLayer } from "../layers/guards.js";
import type { Gradients, Layer, Mode } from "../layers/contract.js";
import { Parameter } from "../layers/parameter.js";
import { parametersByPath, streamsByPath } from "./tree.js";
import type { Evaluation, Group, Objective } from "../objective/objective.js";
import { expectTensor, isTensor, Tensor } from "../core/tensor.js";
import type { Loss } from "../training/losses.js";

/** A batch: inputs and targets. */
export interface Batch<Target> {
  readonly input: Tensor;
  readonly target: Target;
}

/** Options for `modelObjective`. */
export interface ModelObjectiveOptions {
  /** "probe" for the landscape that training sees, "inference" for that of the trained model: they are different functions. */
  readonly mode: Exclude<Mode, "train">;
  /**
   * Row weights of the batch, for the statistics of batch norm and for the loss, which is called with them as its option
   * `rowWeights`. Default: none.
   */
  readonly rowWeights?: ArrayLike<number> | Tensor | undefined;
  /** The parameters to vary; the others are kept as they are now. Default: all. */
  readonly parameters?: Iterable<Parameter> | undefined;
  /** The precision to evaluate in, whatever the model's own. Default: "float64". */
  readonly dtype?: DType | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

const modelObjectiveRules = {
  mode: { kind: "word", words: ["probe", "inference"], cure: "training would move the running statistics" },
  rowWeights: { kind: "any", optional: true },
  parameters: { kind: "any", optional: true },
  dtype: { kind: "word", words: ["float32", "float64"], default: "float64" },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<ModelObjectiveOptions>;

/** A model as an objective, and the point at which the model is now. */
export interface ModelObjective {
  readonly objective: Objective;
  /** The values of the parameters at the time of the call, concatenated; a fresh array. */
  readonly point: Float64Array;
  /** The range of each parameter in the point, in the order of the forward pass. */
  readonly groups: readonly Group[];
  readonly mode: Exclude<Mode, "train">;
  readonly dtype: DType;
}

/**
 * Returns the loss of a model on a batch as an objective, for checks and probes.
 *
 * An objective is a function of the point alone. Batch, running statistics, random streams and the parameters that do not vary are
 * copied when it is created, so training can continue between two evaluations without changing the answers. Each evaluation
 * lends the model these copies and leaves values, versions, statistics and streams as they were, also when it throws. The
 * streams are those that a layer names in `streams`.
 *
 * - **Modes**: probe: the batch's statistics, and the gradient goes through them. inference: the running statistics
 * - **Numerics**: steps of less than about 1e-6 are lost to round-off in a float32 objective; hence the float64 default
 * - **Cost**: an evaluation is a forward and a backward pass and two copies of the parameters; `lossOnly` is the forward pass alone
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
  const { mode, parameters, dtype, kernels, ...read } = readOptions(who, options, modelObjectiveRules);
  expectTensor(who, "batch.input", batch.input);
  const byPath = parametersByPath(model);
  const chosen: Partial<Iterable<Parameter>> | null = parameters === undefined ? byPath.values() : parameters;
  if (typeof chosen?.[Symbol.iterator] !== "function") {
    throw new TypeError(complaint(who, "parameters to be a list", show(parameters)));
  }
  const varied = new Set(chosen as Iterable<Parameter>);
  for (const parameter of varied) {
    if (![...byPath.values()].includes(parameter)) {
      throw new TypeError(complaint(who, "parameters of the model", `a foreign ${show(parameter.name)}`));
    }
  }
  // Copies in the dtype of the evaluation: of the batch, and of the parameters that do not vary.
  const input = batch.input.cast(dtype);
  const target = copyOf(batch.target, dtype);
  const rowWeights = read.rowWeights === undefined ? undefined : copyOf(read.rowWeights, "float64");
  const held = new Map<Parameter, Tensor>();
  for (const parameter of byPath.values()) if (!varied.has(parameter)) held.set(parameter, parameter.value.cast(dtype));

  const entries = [...byPath].filter(([, parameter]) => varied.has(parameter));
  const flat = flatObjective(who, model, entries, { dtype, held }, () => {
    const { output, backward } = model.forward(input, { mode, kernels, rowWeights });
    const { loss: value, gradOutput } = loss(output, target, { kernels, rowWeights });
    return { loss: value, backward: () => backward(gradOutput).gradients };
  });
  return { ...flat, objective: Object.assign(flat.objective, { mode }), mode, dtype };
}

/** A loss, and the gradients that its backward pass would give. */
interface LossRun {
  readonly loss: number;
  readonly backward: () => Gradients;
}

/**
 * Returns an objective of named parameters and a run of a model. During each evaluation the parameters hold the values of the
 * point, those in `held` the tensors given there, and statistics and streams of the model the state that they have now.
 */
export function flatObjective(
  who: string,
  model: Layer,
  parameters: readonly (readonly [name: string, parameter: Parameter])[],
  { dtype, held }: { readonly dtype: DType; readonly held?: ReadonlyMap<Parameter, Tensor> },
  run: () => LossRun,
): Pick<ModelObjective, "objective" | "point" | "groups"> {
  const groups: Group[] = [];
  for (const [name, { role, value }] of parameters) {
    const start = groups.at(-1)?.end ?? 0;
    groups.push({ name, role, shape: value.shape, start, end: start + value.size });
  }
  const point = new Float64Array(groups.at(-1)?.end ?? 0);
  for (const [i, { start }] of groups.entries()) point.set(parameters[i]![1].value.data, start);
  const { length } = point;
  const inState = keptState(model);

  const at = <T>(where: Float64Array, work: () => T): T => {
    if (typedArrayName(where) !== "Float64Array") {
      throw new TypeError(complaint(who, "the point to be a Float64Array", show(where)));
    }
    expectLength(who, "the point", where, length);
    const values = new Map(held);
    for (const [i, { start, end, shape }] of groups.entries()) {
      const data = allocate(dtype, end - start);
      data.set(where.subarray(start, end));
      values.set(parameters[i]![1], new Tensor(data, shape));
    }
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
  const lossOnly = (where: Float64Array): number => at(where, () => run().loss);
  return { objective: Object.assign(evaluate, { lossOnly, dtype }), point, groups };
}

/** Remembers the running statistics and random streams of a model, and returns a function that runs work with them as they are now. */
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

/** Returns a copy of a target, which its owner may overwrite: a tensor in the dtype of the evaluation, labels as they are. */
export function copyOf<Target>(target: Target, dtype: DType): Target {
  if (isTensor(target)) return target.cast(dtype) as Target & Tensor;
  if (Array.isArray(target) || ArrayBuffer.isView(target))
    return (target as Target & Int32Array).slice() as Target & Int32Array;
  return target;
}
