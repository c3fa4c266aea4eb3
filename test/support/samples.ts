/** Inputs and parameters that are nothing special: what is 0, 1 or all the same hides mistakes. */
import type { DType } from "../../src/core/dtype.js";
import type { Random } from "../../src/core/random.js";
import type { Layer } from "../../src/layers/contract.js";
import type { Role } from "../../src/layers/parameter.js";
import type { Shape } from "../../src/core/shape.js";
import { Tensor } from "../../src/core/tensor.js";

/** Values of mean 0.5 and std 2: a mean of 0 or a std of 1 would hide a term that subtracts or divides by it. */
export function ordinary(shape: Shape, random: Random, dtype: DType = "float64"): Tensor {
  return Tensor.normal(shape, { random, mean: 0.5, std: 2, dtype });
}

/** Gradients to send into a backward pass. Not ones: most wrong batch norms pass with dy = 1, whose true gradient is 0. */
export function anyGradient(output: Tensor, random: Random): Tensor {
  return Tensor.normal(output.shape, { random, dtype: output.dtype });
}

const draw: Readonly<Record<Role, (random: Random) => number>> = {
  weight: (random) => random.normal(0, 0.7),
  bias: (random) => random.normal(),
  // of either sign, and never near 0, where everything vanishes
  scale: (random) => random.uniform(0.5, 1.5) * (random.bits() % 2 === 0 ? 1 : -1),
  shift: (random) => random.normal(),
};

/**
 * Moves a new layer to where nothing is special: random parameters, gamma of either sign, and running statistics from two
 * batches other than those of the test.
 */
export function settle<L extends Layer>(layer: L, shape: Shape, random: Random, dtype: DType = "float64"): L {
  for (const parameter of layer.parameters) {
    parameter.update((values) => {
      for (let i = 0; i < values.length; i++) values[i] = draw[parameter.role](random);
    });
  }
  for (let batch = 0; batch < 2; batch++) layer.forward(ordinary(shape, random, dtype), { mode: "train" });
  return layer;
}
