/** sampleGradients: how far the gradients of the samples in a batch cancel. */
import { Dense, type Forward, type Layer, softmaxCrossEntropy, type Tensor } from "batchnorm";
import type { Digits } from "../../data/digits.js";
import type { Source } from "../data.js";
import { learnFor, prepare, type Setup } from "./training.js";
import { meanOf } from "./watcher.js";

export interface SampleGradientsSetup extends Setup {
  /** Steps of training at which to measure, ascending. */
  readonly steps: readonly number[];
}

/** Returns, for each step and each hidden layer, |sum of the samples' gradients| / sum of their magnitudes: mean over the weights. */
export function sampleGradients(setup: SampleGradientsSetup, source: Source): Promise<number[][]> {
  const trainee = prepare(setup, source);
  let done = 0;
  const looks = setup.steps.map((step) => {
    learnFor(trainee, step - done);
    done = step;
    return cancellation([...trainee.model.children.values()], trainee.next()).slice(0, -1);
  });
  return Promise.resolve(looks);
}

/**
 * Returns the ratio for each Dense of a chain of layers. The gradient of sample b is its term in dW = sum_b x_b dy_b^T, and the
 * magnitude of that term is |x_b| |dy_b|^T. With batch norm, dy_b also depends on the other samples.
 */
export function cancellation(layers: readonly Layer[], { images, labels }: Digits): number[] {
  const passed: { readonly layer: Layer; readonly input: Tensor; readonly forward: Forward }[] = [];
  let values = images;
  for (const layer of layers) {
    const forward = layer.forward(values, { mode: "probe" });
    passed.push({ layer, input: values, forward });
    values = forward.output;
  }
  const ratios: number[] = [];
  let dy = softmaxCrossEntropy(values, labels).gradOutput;
  for (const { layer, input, forward } of passed.toReversed()) {
    const { gradInput, gradients } = forward.backward(dy);
    if (layer instanceof Dense) ratios.unshift(meanRatio(gradients.get(layer.weight)!, input, dy));
    dy = gradInput;
  }
  return ratios;
}

/** Returns the mean over the weights for which any sample has a gradient. */
function meanRatio(sum: Tensor, x: Tensor, dy: Tensor): number {
  const [rows, inputs] = x.shape as [number, number];
  const outputs = dy.shape[1]!;
  const ratios: number[] = [];
  for (let i = 0; i < inputs; i++) {
    for (let j = 0; j < outputs; j++) {
      let magnitudes = 0;
      for (let b = 0; b < rows; b++) magnitudes += Math.abs(x.data[b * inputs + i]! * dy.data[b * outputs + j]!);
      if (magnitudes > 0) ratios.push(Math.abs(sum.data[i * outputs + j]!) / magnitudes);
    }
  }
  return meanOf(ratios);
}
