/** growingRate: weight decay compared with a growing learning rate, on scale-invariant weights. */
import { SGD, softmaxCrossEntropy } from "batchnorm";
import type { Source } from "../data.js";
import { weightsBeforeNorm } from "../networks.js";
import { prepare } from "./training.js";

export interface GrowingRateSetup {
  readonly seed: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly steps: number;
}

export interface GrowingRate {
  /** |L - L_A| / L_A at each step, where L_A is the loss with weight decay: for the growing rate, and for the constant rate. */
  readonly growing: readonly number[];
  readonly constant: readonly number[];
  /** ||w_A - q^t w_B|| / ||w_A|| after the last step, with q = 1 - learning rate x weight decay. */
  readonly weights: number;
}

/** The loss at each step, and the weights after the last. */
interface Run {
  readonly losses: readonly number[];
  readonly weights: readonly Float64Array[];
}

export function growingRate(setup: GrowingRateSetup, source: Source): Promise<GrowingRate> {
  const { learningRate, weightDecay, steps } = setup;
  const shrink = 1 - learningRate * weightDecay;
  const decayed = run(setup, source, weightDecay, () => learningRate);
  const growing = run(setup, source, 0, (step) => learningRate * shrink ** (-2 * step - 1));
  const constant = run(setup, source, 0, () => learningRate);
  const differences = ({ losses }: Run): number[] =>
    losses.map((loss, step) => Math.abs(loss - decayed.losses[step]!) / decayed.losses[step]!);

  let [difference, size] = [0, 0];
  decayed.weights.forEach((weight, layer) =>
    weight.forEach((value, i) => {
      difference += (value - shrink ** steps * growing.weights[layer]![i]!) ** 2;
      size += value ** 2;
    }),
  );
  return Promise.resolve({
    growing: differences(growing),
    constant: differences(constant),
    weights: Math.sqrt(difference / size),
  });
}

/** Trains the weights before the BatchNorm layers in double precision, at epsilon 0, with everything else fixed. */
function run(
  { seed, learningRate, steps }: GrowingRateSetup,
  source: Source,
  weightDecay: number,
  rateAt: (step: number) => number,
): Run {
  const network = {
    network: "batch norm",
    hidden: 3,
    width: 48,
    activation: "ReLU",
    epsilon: 0,
    dtype: "float64",
  } as const;
  const trainee = prepare({ network, learningRate, batchSize: 64, seed }, source);
  const { model } = trainee;
  const invariant = weightsBeforeNorm(trainee);
  for (const parameter of model.parameters) parameter.trainable = invariant.includes(parameter);
  const optimizer = new SGD(model.parameters, { learningRate, weightDecay });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { images, labels } = trainee.next();
    const { output, backward } = model.forward(images.cast("float64"), { mode: "train" });
    const { loss, gradOutput } = softmaxCrossEntropy(output, labels);
    losses.push(loss);
    optimizer.learningRate = rateAt(step);
    optimizer.step(backward(gradOutput).gradients);
  }
  return { losses, weights: invariant.map(({ value }) => Float64Array.from(value.data)) };
}
