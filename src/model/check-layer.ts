/** checkLayer: is a layer's backward pass the derivative of its forward? */

import { complaint, show } from "../core/errors.js";
import { allocate, type DType, type Floats } from "../core/dtype.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Random } from "../core/random.js";
import type { Kernels } from "../kernels/types.js";
import { expectGradient, expectLayer } from "../layers/guards.js";
import { type Layer, type Mode } from "../layers/contract.js";
import { Parameter } from "../layers/parameter.js";
import { parametersByPath } from "./tree.js";
import { checkGradient, type GradientReport } from "../objective/check-gradient.js";
import type { Evaluation, Group, Objective, ProbeOptions } from "../objective/objective.js";
import { isTensor, Tensor } from "../core/tensor.js";

/** Options for `checkLayer`. */
export interface CheckLayerOptions extends ProbeOptions {
  /** Whose derivative to check; "train" would move the running statistics, and has the derivative of "probe". */
  readonly mode: Exclude<Mode, "train">;
  /** Draws the weights of the outputs, the direction and the coordinates. */
  readonly random: Random;
  /** The precision to check in, whatever the layer's own. Default: "float64". */
  readonly dtype?: DType | undefined;
  /** How many coordinates of the input and of each parameter to compare, all where there are fewer. Default: 3. */
  readonly coordinatesPerGroup?: number | undefined;
  /** Allowed error; see `checkGradient`. */
  readonly tolerance?: number | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

// What checkGradient takes, it checks itself.
const checkLayerRules = {
  mode: { kind: "word", words: ["probe", "inference"], cure: 'the derivative in mode "train" is that of "probe"' },
  random: { kind: "random" },
  dtype: { kind: "word", words: ["float32", "float64"], default: "float64" },
  coordinatesPerGroup: { kind: "any", optional: true },
  tolerance: { kind: "any", optional: true },
  kernels: { kind: "any", optional: true },
  signal: { kind: "any", optional: true },
  onProgress: { kind: "function", optional: true },
} as const satisfies OptionRules<CheckLayerOptions>;

/**
 * Checks a layer's hand-written backward pass against finite differences, with respect to its input and every parameter.
 *
 *   loss = Σ w y, with random weights w        (with w = 1 most wrong batch norms pass: their gradient is 0)
 *
 * The layer is left as it was. Give it an input that is nothing special: mean not 0, std not 1, some 5 to 64 rows; and
 * parameters away from their initial 0 and 1.
 *
 * Cost      as `checkGradient`, an evaluation being a forward and a backward pass
 *
 * @throws {TypeError} if layer, input or mode are not what they should be
 * @example
 * const random = new Random(1);
 * const input = Tensor.normal([6, 3], { random, mean: 0.5, std: 2 });
 * const report = await checkLayer(new BatchNorm({ features: 3 }), input, { mode: "probe", random });
 * report.verdict;   // => "agrees"
 */
export async function checkLayer(layer: Layer, input: Tensor, options: CheckLayerOptions): Promise<GradientReport> {
  const who = "checkLayer";
  expectLayer(who, layer);
  if (!isTensor(input)) throw new TypeError(complaint(who, "the input to be a Tensor", show(input)));
  const { mode, random, dtype, kernels, ...ofCheck } = readOptions(who, options, checkLayerRules);

  const parts: (Group & { readonly parameter: Parameter | undefined })[] = [
    { name: "input", role: "weight", shape: input.shape, start: 0, end: input.size, parameter: undefined },
  ];
  for (const [name, parameter] of parametersByPath(layer)) {
    const start = parts.at(-1)!.end;
    const { shape, size } = parameter.value;
    parts.push({ name, role: parameter.role, shape, start, end: start + size, parameter });
  }
  const point = new Float64Array(parts.at(-1)!.end);
  for (const { start, parameter } of parts) point.set((parameter?.value ?? input).data, start);

  let weights: Floats | undefined;
  const at = (where: Float64Array, wantsGradient: boolean): Evaluation => {
    const [x, ...values] = parts.map(({ shape, start, end }) => {
      const data = allocate(dtype, end - start);
      data.set(where.subarray(start, end));
      return new Tensor(data, shape);
    });
    const held = new Map(values.map((value, i) => [parts[i + 1]!.parameter!, value]));
    return Parameter.holding(held, () => {
      const forward = layer.forward(x!, { mode, kernels });
      weights ??= Tensor.normal(forward.output.shape, { random, dtype }).data;
      let loss = 0;
      for (let i = 0; i < weights.length; i++) loss += weights[i]! * forward.output.data[i]!;
      const gradient = new Float64Array(wantsGradient ? point.length : 0);
      if (!wantsGradient) return { loss, gradient };
      const { gradInput, gradients } = forward.backward(new Tensor(weights.slice(), forward.output.shape));
      expectGradient(who, "the input", gradInput, x!);
      gradient.set(gradInput.data, 0);
      for (const { name, start, parameter } of parts) {
        const part = parameter && gradients.get(parameter);
        if (part === undefined) continue;
        expectGradient(who, name, part, parameter!.value);
        gradient.set(part.data, start);
      }
      return { loss, gradient };
    });
  };
  const evaluate = (where: Float64Array): Evaluation => at(where, true);
  const lossOnly = (where: Float64Array): number => at(where, false).loss;
  const objective: Objective = Object.assign(evaluate, { lossOnly, dtype });
  return checkGradient(objective, point, { random, groups: parts, ...ofCheck });
}
