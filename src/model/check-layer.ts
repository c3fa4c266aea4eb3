/** checkLayer: compares a layer's backward pass with the derivative of its forward pass. */

import type { DType, Floats } from "../core/dtype.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Random } from "../core/random.js";
import type { Kernels } from "../kernels/types.js";
import { expectGradient, expectLayer } from "../layers/guards.js";
import type { Layer, Mode } from "../layers/contract.js";
import { Parameter } from "../layers/parameter.js";
import { flatObjective } from "./objective.js";
import { parametersByPath } from "./tree.js";
import { checkGradient, type GradientReport } from "../objective/check-gradient.js";
import type { ProbeOptions } from "../objective/objective.js";
import { expectTensor, Tensor } from "../core/tensor.js";

/** Options for `checkLayer`. */
export interface CheckLayerOptions extends ProbeOptions {
  /** The mode whose derivative to check. "train" has the derivative of "probe", but updates the running statistics. */
  readonly mode: Exclude<Mode, "train">;
  /** Draws the weights of the outputs, the direction and the coordinates. */
  readonly random: Random;
  /** The precision to check in, whatever the layer's own. Default: "float64". */
  readonly dtype?: DType | undefined;
  /** The number of coordinates of the input and of each parameter to compare. Default: 3. */
  readonly coordinatesPerGroup?: number | undefined;
  /** The allowed error; see `checkGradient`. */
  readonly tolerance?: number | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

// checkGradient checks its own options.
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
 *     loss = Σ w y, with random weights w        (w = 1 would let most wrong batch norms pass: their gradient is 0)
 *
 * The layer is left as it was. Use an ordinary input (mean other than 0, standard deviation other than 1, 5 to 64 rows) and
 * parameters other than their initial 0 and 1.
 *
 * - **Cost**: that of `checkGradient`, where an evaluation is a forward and a backward pass
 *
 * @throws {TypeError} if layer, input or mode are invalid
 * @example
 * const random = new Random(1);
 * const input = Tensor.normal([6, 3], { random, mean: 0.5, std: 2 });
 * const report = await checkLayer(new BatchNorm({ features: 3 }), input, { mode: "probe", random });
 * report.verdict;   // => "agrees"
 */
export async function checkLayer(layer: Layer, input: Tensor, options: CheckLayerOptions): Promise<GradientReport> {
  const who = "checkLayer";
  expectLayer(who, layer);
  expectTensor(who, "the input", input);
  const { mode, random, dtype, kernels, ...ofCheck } = readOptions(who, options, checkLayerRules);

  // The input varies as the parameters do.
  const inputParameter = new Parameter("input", "weight", input);
  let weights: Floats | undefined;
  const parameters = [["input", inputParameter] as const, ...parametersByPath(layer)];
  const { objective, point, groups } = flatObjective(who, layer, parameters, { dtype }, () => {
    const { output, backward } = layer.forward(inputParameter.value, { mode, kernels });
    const w = (weights ??= Tensor.normal(output.shape, { random, dtype }).data);
    let loss = 0;
    for (let i = 0; i < w.length; i++) loss += w[i]! * output.data[i]!;
    return {
      loss,
      backward: () => {
        const { gradInput, gradients } = backward(new Tensor(w.slice(), output.shape));
        expectGradient(who, "the input", gradInput, inputParameter.value);
        return new Map([...gradients, [inputParameter, gradInput]]);
      },
    };
  });
  return checkGradient(objective, point, { random, groups, ...ofCheck });
}
