/** Flatten: from images to rows. */

import { complaint, ShapeError } from "../core/errors.js";
import { printShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { beginForward, guardedForward } from "./forward.js";
import { noGradients } from "./gradients.js";
import type { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { gradientInPlace, outputInPlace, registerOwn } from "./private-memory.js";

/**
 * Flattens each sample to one row, the input that a `Dense` after convolutions needs.
 *
 *     y[n, (c H + h) W + w] = x[n, c, h, w]
 *
 * - **Shapes**: x [N, ...] with at least two axes · y [N, product of the other lengths]
 * - **Modes**: the same in all three
 * - **Cost**: a copy forward and a copy backward; inside a container usually neither
 *
 * @throws {ShapeError} if x has fewer than two axes
 * @example
 * new Flatten().forward(Tensor.zeros([8, 3, 5, 5]), { mode: "inference" }).output.shape;   // => [8, 75]
 */
export class Flatten implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor() {
    registerOwn(this);
  }

  /** Whether the output is exactly the flattened input: false for a subclass that overrides `forward`. */
  get isFlattening(): boolean {
    return hasOwnForward(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("Flatten", input, pass, []);
    const [samples] = input.shape;
    if (samples === undefined || input.shape.length < 2) {
      throw new ShapeError(complaint(name, "an input of at least two axes, [N, ...]", printShape(input.shape)));
    }
    const output = outputInPlace(input, pass, [samples, input.size / samples]);
    copyValues(input, output);
    return guardedForward(name, output, [], [], (gradOutput) => {
      const gradInput = gradientInPlace(gradOutput, input);
      copyValues(gradOutput, gradInput);
      return { gradInput, gradients: noGradients };
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/** Copies the values of a tensor to another one, unless that lies in its memory. */
function copyValues(from: Tensor, to: Tensor): void {
  if (to.data !== from.data) to.data.set(from.data);
}

/** Outside the class: bundlers rename a class that refers to itself, and logs would show that name. */
function hasOwnForward(layer: Flatten): boolean {
  return layer.forward === Flatten.prototype.forward;
}
