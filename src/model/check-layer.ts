/** checkLayer: compares a layer's backward pass with the derivative of its forward pass. */

import type { DType, Floats } from "../core/dtype.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Random } from "../core/random.js";
import type { Kernels } from "../kernels/types.js";
import { expectGradient, expectLayer } from "../layers/guards.js";
import type { Layer, Mode, Pass } from "../layers/contract.js";
import { Parameter } from "../layers/parameter.js";
import { copyOf, flatObjective } from "./objective.js";
import { parametersByPath } from "./tree.js";
import { checkGradient, type GradientReport } from "../objective/check-gradient.js";
import type { ProbeOptions } from "../objective/objective.js";
import { expectTensor, isTensor, Tensor } from "../core/tensor.js";
import { valueWeights } from "../probes/values/row-weights.js";

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
  /**
   * The row weights of the forward passes, as in `Pass`. If a row or position of weight 0 holds values that are not finite,
   * these do not vary, and the loss leaves out all outputs of weight 0. Default: none.
   */
  readonly rowWeights?: Pass["rowWeights"];
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
  rowWeights: { kind: "any", optional: true },
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
  const { mode, random, dtype, kernels, rowWeights: given, ...ofCheck } = readOptions(who, options, checkLayerRules);
  const rowWeights = given && copyOf(given, "float64");
  const masked = rowWeights === undefined ? undefined : maskedJunk(who, layer, input, rowWeights);

  // The input varies as the parameters do.
  const inputParameter = new Parameter("input", "weight", masked?.input ?? input);
  let weights: Floats | undefined;
  const lossWeights = (output: Tensor): Floats => {
    const drawn = Tensor.normal(output.shape, { random, dtype }).data;
    const counted = masked?.weightsOf(output);
    return counted === undefined ? drawn : drawn.map((w, i) => (counted[i] === 0 ? 0 : w));
  };
  const parameters = [["input", inputParameter] as const, ...parametersByPath(layer)];
  const { objective, point, groups } = flatObjective(who, layer, parameters, { dtype }, () => {
    const varied = inputParameter.value;
    const x = masked === undefined ? varied : masked.restore(varied);
    const { output, backward } = layer.forward(x, { mode, kernels, rowWeights });
    weights ??= lossWeights(output);
    const w = weights;
    let loss = 0;
    for (let i = 0; i < w.length; i++) if (w[i] !== 0) loss += w[i]! * output.data[i]!;
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

/** Masked values that are not finite: a pass may be given them, but a check cannot vary them. */
interface MaskedJunk {
  /** The input with 0 in their place. */
  readonly input: Tensor;
  /** Returns an input with these values in their place again. */
  readonly restore: (input: Tensor) => Tensor;
  /** Returns the weight of each value of an output. */
  readonly weightsOf: (output: Tensor) => Float64Array;
}

/** Returns the values of an input that are not finite and have weight 0, or undefined if there are none. */
function maskedJunk(
  who: string,
  layer: Layer,
  { data, shape }: Tensor,
  rowWeights: ArrayLike<number> | Tensor,
): MaskedJunk | undefined {
  const positions = isTensor(rowWeights) ? rowWeights.shape.slice(1) : [];
  const weightsOf = (tensor: Pick<Tensor, "shape">): Float64Array => {
    const isFirst = positions.every((length, i) => length === tensor.shape[i + 2]);
    return valueWeights(who, rowWeights, tensor.shape, (layer as { axis?: number }).axis ?? (isFirst ? 1 : -1));
  };
  const weights = weightsOf({ shape });
  const junk = Array.from(data.keys()).filter((i) => weights[i] === 0 && !Number.isFinite(data[i]));
  if (junk.length === 0) return undefined;
  const withJunk = (values: Floats, junkAt: (i: number) => number): Tensor => {
    const copy = values.slice();
    for (const i of junk) copy[i] = junkAt(i);
    return new Tensor(copy, shape);
  };
  return {
    input: withJunk(data, () => 0),
    restore: (varied) => withJunk(varied.data, (i) => data[i]!),
    weightsOf,
  };
}
