/** Dense: the affine layer, y = xW + b. */

import type { DType } from "../core/dtype.js";
import { complaint, ShapeError } from "../core/errors.js";
import { dtypeRule, type OptionRules, readOptions } from "../core/options.js";
import { printShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { beginForward, guardedForward } from "./forward.js";
import { type Initialization, weightAndBias } from "./initial-values.js";
import type { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { gradientTensor, outputTensor, parameterGradients, registerOwn } from "./private-memory.js";

/** Initial values for a `Dense`; both are copied. */
export interface DenseInitialValues {
  /** [inputs, outputs] */
  readonly weight: Tensor;
  /** [outputs]. Default: zeros. */
  readonly bias?: Tensor | undefined;
}

/** Options for `Dense`. */
export type DenseOptions = Initialization<DenseInitialValues> & {
  readonly inputs: number;
  readonly outputs: number;
  /** Learn a bias, b. Default: true. It has no effect before a BatchNorm layer: subtracting the mean cancels b. */
  readonly bias?: boolean | undefined;
  /** The dtype of weight and bias. Default: "float32". */
  readonly dtype?: DType | undefined;
};

const optionRules = {
  inputs: { kind: "count" },
  outputs: { kind: "count" },
  bias: { kind: "boolean", default: true },
  initial: { kind: "any", default: "glorot" },
  random: { kind: "any", optional: true },
  dtype: dtypeRule,
} as const satisfies OptionRules<DenseOptions>;

/**
 * Applies an affine map to the last axis: a dense (fully connected, linear) layer.
 *
 *     y = x W + b
 *
 * - **Shapes**: x [N, inputs] or [..., inputs] · W [inputs, outputs] · b [outputs] · y has the shape of x, except that its last
 *   axis is `outputs`. PyTorch's `Linear` stores the transpose of W, [outputs, inputs]
 * - **Modes**: the same in all three
 * - **Cost**: 2 N inputs outputs operations forward and twice that backward, which reads x again
 * - **Source**: initial values: Glorot & Bengio 2010; He et al. 2015 (arXiv:1502.01852)
 *
 * @throws {ShapeError} if the length of the last axis of x is not `inputs`
 * @throws {TypeError} if x and W differ in dtype
 * @example
 * const weight = Tensor.from([[1, 2], [3, 4], [5, 6]]);
 * const dense = new Dense({ inputs: 3, outputs: 2, initial: { weight } });
 * dense.forward(Tensor.from([[1, 0, 1]]), { mode: "inference" }).output.toNested();   // => [[6, 8]]
 */
export class Dense implements Layer {
  readonly inputs: number;
  readonly outputs: number;
  /** [inputs, outputs] */
  readonly weight: Parameter;
  /** [outputs]; undefined with `bias: false`. */
  readonly bias: Parameter | undefined;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer with its initial values. */
  constructor(options: DenseOptions) {
    const { inputs, outputs, bias, initial, random, dtype } = readOptions("Dense", options, optionRules);
    this.inputs = inputs;
    this.outputs = outputs;
    const fans = { fanIn: inputs, fanOut: outputs, outputAxis: -1 };
    const created = weightAndBias("Dense", { bias, initial, random, dtype }, [inputs, outputs], outputs, fans);
    this.weight = created.weight;
    this.bias = created.bias;
    this.parameters = this.bias === undefined ? [this.weight] : [this.weight, this.bias];
    registerOwn(this);
  }

  /** Whether the output is exactly xW + b: false for a subclass that overrides `forward`. */
  get isAffine(): boolean {
    return hasOwnForward(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name, kernels } = beginForward("Dense", input, pass, this.parameters);
    const { inputs, outputs } = this;
    if (input.shape.length < 2 || input.shape.at(-1) !== inputs) {
      throw new ShapeError(complaint(name, `an input of shape [N, ${inputs}]`, printShape(input.shape)));
    }
    const rows = input.size / inputs;
    const weight = this.weight.value.data;
    const bias = this.bias?.value.data;
    const output = outputTensor(pass, [...input.shape.slice(0, -1), outputs], input.dtype);
    kernels.matmul({ rows, inner: inputs, columns: outputs, a: input.data, b: weight, bias, out: output.data });

    return guardedForward(name, output, this.parameters, [input], (gradOutput, lazily) => {
      const x = input.data;
      const dy = gradOutput.data;
      const gradients = parameterGradients(this.parameters, pass);
      const dweight = gradients.get(this.weight)!.data;
      kernels.matmulTransposedA({ rows: inputs, inner: rows, columns: outputs, a: x, b: dy, out: dweight });
      if (this.bias) kernels.columnSums({ rows, columns: outputs, x: dy, out: gradients.get(this.bias)!.data });
      return lazily(gradients, () => {
        const gradInput = gradientTensor(input);
        const dx = gradInput.data;
        kernels.matmulTransposedB({ rows, inner: outputs, columns: inputs, a: gradOutput.data, b: weight, out: dx });
        return gradInput;
      });
    });
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/** Defined outside the class, because bundlers rename a class that refers to itself, and logs would show the new name. */
function hasOwnForward(layer: Dense): boolean {
  return layer.forward === Dense.prototype.forward;
}
