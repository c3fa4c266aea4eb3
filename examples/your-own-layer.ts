/** Your own layer: Swish with a learned slope, its backward pass checked against finite differences. */
import {
  BatchNorm,
  beginForward,
  checkLayer,
  Dense,
  guardedForward,
  Parameter,
  Random,
  Sequential,
  Tensor,
} from "batchnorm";
import type { Forward, Layer, Pass } from "batchnorm";

/**
 * Swish: y = x s, s = 1 / (1 + exp(-beta x)), with one beta for all values.
 *
 * dx = dy (s + beta x s (1 - s))      dbeta = Σ dy x² s (1 - s)
 */
class Swish implements Layer {
  readonly beta = new Parameter("beta", "scale", Tensor.filled([1], 1));
  readonly parameters = [this.beta];
  readonly statistics = [];

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("Swish", input, pass, this.parameters);
    const x = input.data;
    const beta = this.beta.value.data[0]!;
    const s = x.map((value) => 1 / (1 + Math.exp(-beta * value)));
    const output = Tensor.zeros(input.shape, input.dtype);
    for (let i = 0; i < x.length; i++) output.data[i] = x[i]! * s[i]!;

    // Throws, instead of being silently wrong, if beta or x has changed since then or if the gradient has a different shape.
    return guardedForward(name, output, this.parameters, [input], (gradOutput, lazily) => {
      const dy = gradOutput.data;
      const dbeta = Tensor.zeros([1], input.dtype);
      for (let i = 0; i < x.length; i++) dbeta.data[0]! += dy[i]! * x[i]! ** 2 * s[i]! * (1 - s[i]!);
      return lazily(new Map([[this.beta, dbeta]]), () => {
        const dx = Tensor.zeros(input.shape, input.dtype);
        for (let i = 0; i < x.length; i++) dx.data[i] = dy[i]! * s[i]! * (1 + beta * x[i]! * (1 - s[i]!));
        return dx;
      });
    });
  }
}

const random = new Random(1);
const swish = new Swish();
swish.beta.update((values) => values.fill(1.7)); // not 1, where mistakes can hide
const input = Tensor.normal([6, 3], { random, mean: 0.5, std: 2 });

const alone = await checkLayer(swish, input, { mode: "probe", random });
console.log(`on its own: ${alone.verdict}, at ${alone.coordinates.map(({ name }) => name).join(", ")}`);

// In a model it works like any other layer.
const model = new Sequential([new Dense({ inputs: 3, outputs: 4, random }), new BatchNorm({ features: 4 }), swish]);
const within = await checkLayer(model, input, { mode: "probe", random });
console.log(`in a model: ${within.verdict}, at ${within.coordinates.length} coordinates of input and parameters`);

/* Prints
on its own: agrees, at input[3], input[10], input[15], beta[0]
in a model: agrees, at 16 coordinates of input and parameters
*/
