/** RuleBatchNorm: a BatchNorm layer whose backward pass follows a given rule. */
import { BatchNorm, type Forward, type Layer, type Pass, type Tensor } from "batchnorm";
import { type BackwardRule, type Feature, meanOf } from "./answers.js";

/** Batch norm with a given rule for the gradient with respect to its input. */
export class RuleBatchNorm implements Layer {
  readonly norm: BatchNorm;

  constructor(
    readonly features: number,
    readonly rule: BackwardRule,
  ) {
    this.norm = new BatchNorm({ features });
  }

  get parameters(): Layer["parameters"] {
    return this.norm.parameters;
  }

  get statistics(): Layer["statistics"] {
    return this.norm.statistics;
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { output, backward } = this.norm.forward(input, pass);
    return {
      output,
      backward: (gradOutput) => {
        const gradInput = gradOutput.copy();
        for (let c = 0; c < this.features; c++) {
          const feature = this.#feature(input, gradOutput, c);
          const dx = this.rule(feature);
          if (dx.length !== feature.dy.length)
            throw new Error(`it returned ${dx.length} values for ${feature.dy.length} rows`);
          dx.forEach((value, n) => (gradInput.data[n * this.features + c] = value));
        }
        return { gradInput, gradients: backward(gradOutput).gradients };
      },
    };
  }

  #feature(input: Tensor, gradOutput: Tensor, c: number): Feature {
    const column = ({ data, shape }: Tensor): Float64Array =>
      Float64Array.from({ length: shape[0]! }, (_, n) => data[n * this.features + c]!);
    const x = column(input);
    const mean = meanOf(x);
    const rstd = 1 / Math.sqrt(meanOf(x.map((value) => (value - mean) ** 2)) + this.norm.epsilon);
    const xhat = x.map((value) => (value - mean) * rstd);
    return { xhat, dy: column(gradOutput), gamma: this.norm.gamma!.value.at(c), rstd };
  }
}
