/** Pooling: from many pixels to few. */

import { complaint, ShapeError } from "../core/errors.js";
import { channelView, printShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { beginForward, guardedForward } from "./forward.js";
import { noGradients } from "./gradients.js";
import type { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { gradientTensor, outputTensor, registerOwn } from "./private-memory.js";

/**
 * Averages each channel over all its pixels.
 *
 *     y[n, c] = Σ_hw x[n, c, h, w] / (H W)
 *
 * - **Shapes**: x [N, C, H, W], or [N, C, ...] with any number of axes from three on · y [N, C], as in Keras (PyTorch's
 *   `AdaptiveAvgPool2d(1)` returns [N, C, 1, 1])
 * - **Modes**: the same in all three
 * - **Numerics**: sums in double precision
 * - **Cost**: one pass forward, one backward
 * - **Source**: Lin, Chen & Yan 2014 (arXiv:1312.4400)
 *
 * @throws {ShapeError} if x has fewer than three axes
 * @example
 * const x = Tensor.from([[[[1, 3], [5, 7]]]]);
 * new GlobalAveragePool().forward(x, { mode: "inference" }).output.toNested();   // => [[4]]
 */
export class GlobalAveragePool implements Layer {
  readonly parameters: readonly Parameter[] = [];
  readonly statistics: readonly RunningStatistic[] = [];

  /** Creates the layer. */
  constructor() {
    registerOwn(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const { name } = beginForward("GlobalAveragePool", input, pass, []);
    if (input.shape.length < 3) {
      throw new ShapeError(complaint(name, "an input of shape [N, C, H, W]", printShape(input.shape)));
    }
    const { outer, channels, inner } = channelView(input.shape, 1);
    const output = outputTensor(pass, [outer, channels], input.dtype);
    const [x, y] = [input.data, output.data];
    for (let plane = 0; plane < y.length; plane++) {
      let sum = 0;
      for (let i = plane * inner; i < (plane + 1) * inner; i++) sum += x[i]!;
      y[plane] = sum / inner;
    }
    return guardedForward(name, output, [], [], (gradOutput) => {
      const gradInput = gradientTensor(input);
      const [dy, dx] = [gradOutput.data, gradInput.data];
      for (let plane = 0; plane < dy.length; plane++) {
        dx.fill(dy[plane]! / inner, plane * inner, (plane + 1) * inner);
      }
      return { gradInput, gradients: noGradients };
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}
