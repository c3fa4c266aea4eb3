/** modelObjective: a model with a batch and a loss, seen as an objective. */

import { complaint, expectLength, expectObject, show } from "../core/errors.js";
import { allocate, type DType, typedArrayName } from "../core/dtype.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Kernels } from "../kernels/types.js";
import { expectGradient, expectLayer } from "../layers/guards.js";
import type { Gradients, Layer, Mode } from "../layers/contract.js";
import { Parameter } from "../layers/parameter.js";
import { parametersByPath } from "./tree.js";
import type { Evaluation, Group, Objective } from "../objective/objective.js";
import { expectTensor, isTensor, Tensor } from "../core/tensor.js";
import type { Loss } from "../training/losses.js";

/** A batch: what goes in and what should come out. */
export interface Batch<Target> {
  readonly input: Tensor;
  readonly target: Target;
}

/** Options for `modelObjective`. */
export interface ModelObjectiveOptions {
  /** "probe" for the landscape that training sees, "inference" for that of the trained model: they are different functions. */
  readonly mode: Exclude<Mode, "train">;
  /** The parameters to vary; the others stay as they are. Default: all. */
  readonly parameters?: Iterable<Parameter> | undefined;
  /** The precision to evaluate in, whatever the model's own. Default: "float64". */
  readonly dtype?: DType | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

const modelObjectiveRules = {
  mode: { kind: "word", words: ["probe", "inference"], cure: "training would move the running statistics" },
  parameters: { kind: "any", optional: true },
  dtype: { kind: "word", words: ["float32", "float64"], default: "float64" },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<ModelObjectiveOptions>;

/** A model as an objective, and where the model stands now. */
export interface ModelObjective {
  readonly objective: Objective;
  /** The parameters' values at the time of the call, one after another; a fresh array. */
  readonly point: Float64Array;
  /** Which stretch of the point is which parameter, in the order of the forward pass. */
  readonly groups: readonly Group[];
  readonly mode: Exclude<Mode, "train">;
  readonly dtype: DType;
}

/**
 * Makes an objective of a model, a batch and a loss, for the checks and the probes.
 *
 * Each evaluation lends the parameters other tensors for as long as it takes, in double precision unless told otherwise; so
 * the model's own values, versions, running statistics and random streams are never touched, also when an evaluation throws.
 *
 * - **Modes**: probe: the batch's statistics, and the gradient goes through them. inference: the running statistics
 * - **Numerics**: a float32 objective moves by less than asked below steps of about 1e-6; hence the float64 default
 * - **Cost**: an evaluation is a forward and a backward pass and two copies of the parameters; `lossOnly` the forward alone
 *
 * @throws {TypeError} if mode, parameters or batch are not what they should be
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
  const { mode, parameters, dtype, kernels } = readOptions(who, options, modelObjectiveRules);
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
  const held = new Map<Parameter, Tensor>();
  for (const parameter of byPath.values()) if (!varied.has(parameter)) held.set(parameter, parameter.value.cast(dtype));

  const entries = [...byPath].filter(([, parameter]) => varied.has(parameter));
  const flat = flatObjective(who, entries, { dtype, held }, () => {
    const { output, backward } = model.forward(input, { mode, kernels });
    const { loss: value, gradOutput } = loss(output, target, { kernels });
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
 * Makes an objective of some parameters by name and a run of the model: at each evaluation the parameters hold the values of
 * the point, and those in `held` the tensors given there.
 */
export function flatObjective(
  who: string,
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
    return Parameter.holding(values, work);
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

/** A target that the caller may write to: a tensor in the dtype of the evaluation, labels as they are. */
function copyOf<Target>(target: Target, dtype: DType): Target {
  if (isTensor(target)) return target.cast(dtype) as Target & Tensor;
  if (Array.isArray(target) || ArrayBuffer.isView(target))
    return (target as Target & Int32Array).slice() as Target & Int32Array;
  return target;
}
