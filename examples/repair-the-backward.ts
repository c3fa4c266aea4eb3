/**
 * An exercise: the backward pass of this BatchNorm layer is wrong. Run the check, see which coordinate differs, and fix it.
 *
 * A network that uses it still learns, only worse, so only a gradient check reveals the mistake. One line is wrong; see the hint below.
 */
import { checkLayer, type Forward, type Layer, Parameter, Random, Tensor } from "batchnorm";

class YourBatchNorm implements Layer {
  readonly gamma: Parameter;
  readonly beta: Parameter;
  readonly parameters: readonly Parameter[];
  readonly statistics = [];

  constructor(readonly features: number) {
    this.gamma = new Parameter("gamma", "scale", Tensor.filled([features], 1));
    this.beta = new Parameter("beta", "shift", Tensor.zeros([features]));
    this.parameters = [this.gamma, this.beta];
  }

  forward(input: Tensor): Forward {
    const [rows, features] = [input.shape[0]!, this.features];
    const rowNumbers = Array.from({ length: rows }, (_, n) => n);
    const meanOf = (value: (n: number) => number): number => rowNumbers.reduce((sum, n) => sum + value(n), 0) / rows;

    const output = Tensor.zeros(input.shape, input.dtype);
    const xhat = output.copy().data;
    const rstd = new Float64Array(features);
    for (let c = 0; c < features; c++) {
      const mean = meanOf((n) => input.at(n, c));
      rstd[c] = 1 / Math.sqrt(meanOf((n) => (input.at(n, c) - mean) ** 2) + 1e-5);
      for (const n of rowNumbers) {
        xhat[n * features + c] = (input.at(n, c) - mean) * rstd[c]!;
        output.data[n * features + c] = this.gamma.value.at(c) * xhat[n * features + c]! + this.beta.value.at(c);
      }
    }
    return {
      output,
      backward: (gradOutput) => {
        const dx = Tensor.zeros(input.shape, input.dtype);
        const dgamma = Tensor.zeros([features], input.dtype);
        const dbeta = Tensor.zeros([features], input.dtype);
        for (let c = 0; c < features; c++) {
          const dy = (n: number): number => gradOutput.at(n, c);
          const h = (n: number): number => xhat[n * features + c]!;
          dbeta.data[c] = rows * meanOf(dy);
          dgamma.data[c] = rows * meanOf((n) => dy(n) * h(n));
          for (const n of rowNumbers) {
            const inner = dy(n) - meanOf(dy);
            dx.data[n * features + c] = this.gamma.value.at(c) * rstd[c]! * inner;
          }
        }
        const gradients = new Map([
          [this.gamma, dgamma],
          [this.beta, dbeta],
        ]);
        return { gradInput: dx, gradients };
      },
    };
  }
}

const random = new Random(1);
const layer = new YourBatchNorm(3);
layer.gamma.update((values) => values.set([0.5, 2, -1.5]));
const report = await checkLayer(layer, Tensor.normal([8, 3], { random, mean: 0.5, std: 2 }), { mode: "probe", random });
console.log(report.text);

// Hint: x affects y in three ways: directly, through the mean and through the variance. Which one is missing in `inner`?
// Solution: - h(n) * meanOf((k) => dy(k) * h(k))

/* Prints
gradient differs at input[7]: analytic 0.335371, numeric -0.0769187 ± 3e-10 (step 0.0000199)
*/
