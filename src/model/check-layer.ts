/** checkLayer: compares a layer's backward pass with the derivative of its forward pass. */

import type { DType, Floats } from "../core/dtype.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Random } from "../core/random.js";
import type { Kernels } from "../kernels/types.js";
import { expectGradient, expectLayer } from "../layers/guards.js";
import type { Layer, Mode, Pass } from "../layers/contract.js";
import { Parameter } from "../layers/parameter.js";
import { shortRun } from "../layers/private-memory.js";
import { copyOf, flatObjective } from "./objective.js";
import { parametersByPath } from "./tree.js";
import { checkGradient, type GradientReport } from "../objective/check-gradient.js";
import type { ProbeOptions } from "../objective/objective.js";
import { expectTensor, isTensor, Tensor } from "../core/tensor.js";
import { valueWeights } from "../probes/values/row-weights.js";

/** Options for `checkLayer`. */
export interface CheckLayerOptions extends ProbeOptions {
  /** The mode to check. Mode "train" has the same derivative as "probe", but updates the running statistics. */
  readonly mode: Exclude<Mode, "train">;
  /** Draws the weights of the loss, the direction and the coordinates. */
  readonly random: Random;
  /** The precision of the check, independent of the layer's dtype. Default: "float64". */
  readonly dtype?: DType | undefined;
  /** The number of coordinates to check in the input and in each parameter. Default: 3. */
  readonly coordinatesPerGroup?: number | undefined;
  /** The allowed error; see `checkGradient`. */
  readonly tolerance?: number | undefined;
  /**
   * The row weights of the forward passes, as in `Pass`. If values of weight 0 are not finite, they are kept constant and the
   * loss ignores all outputs of weight 0. Default: none.
   */
  readonly rowWeights?: Pass["rowWeights"];
  /** The kernel set. Default: the fastest available. */
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
 *     loss = Σ w y, with random weights w
 *
 * With w = 1 most wrong implementations of batch norm would pass, because the gradient of the sum of its outputs is 0. The
 * layer is not modified. Use 5 to 64 rows whose mean is not 0 and whose standard deviation is not 1, and parameters other
 * than the initial 0 and 1.
 *
 * - **Cost**: as for `checkGradient`; each evaluation is a forward and a backward pass
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

  // The input is varied like a parameter.
  const inputParameter = new Parameter("input", "weight", masked?.input ?? input);
  let weights: Floats | undefined;
  const lossWeights = (output: Tensor): Floats => {
    const drawn = Tensor.normal(output.shape, { random, dtype }).data;
    const counted = masked?.weightsOf(output);
    return counted === undefined ? drawn : drawn.map((w, i) => (counted[i] === 0 ? 0 : w));
  };
  const parameters = [["input", inputParameter] as const, ...parametersByPath(layer)];
  const { objective, point, groups } = flatObjective(who, layer, parameters, { dtype }, (keeps, use) => {
    const varied = inputParameter.value;
    const x = masked === undefined ? varied : masked.restore(varied);
    return shortRun(layer, x, { mode, kernels, rowWeights }, { keeps, output: "public" }, (forward) => {
      const { output } = forward;
      weights ??= lossWeights(output);
      const w = weights;
      let loss = 0;
      for (let i = 0; i < w.length; i++) if (w[i] !== 0) loss += w[i]! * output.data[i]!;
      return use(loss, () => {
        const { gradInput, gradients } = forward.backward(new Tensor(w.slice(), output.shape));
        expectGradient(who, "the input", gradInput, inputParameter.value);
        return new Map([...gradients, [inputParameter, gradInput]]);
      });
    });
  });
  return checkGradient(objective, point, { random, groups, ...ofCheck });
}

/** Masked values that are not finite. A pass accepts them, but a check cannot vary them. */
interface MaskedJunk {
  /** The input with 0 in their place. */
  readonly input: Tensor;
  /** Returns an input with these values put back. */
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
