/**
 * The contract of every layer.
 *
 * `forward` returns the output and `backward`, a closure over that forward pass, so two passes in flight never interfere.
 * `backward` returns gradients instead of adding to a field, so there is nothing to reset to zero.
 */

import type { Random } from "../core/random.js";
import type { Kernels } from "../kernels/types.js";
import type { Tensor } from "../core/tensor.js";
import type { Parameter, RunningStatistic } from "./parameter.js";

/**
 * The purpose of a pass.
 *
 * - `"train"`: normalizes with batch statistics and updates the running statistics
 * - `"probe"`: normalizes with batch statistics and leaves the running statistics untouched; for finite differences and probes
 * - `"inference"`: normalizes with the running statistics and leaves them untouched
 */
export type Mode = "train" | "probe" | "inference";

/** The settings of a forward pass. The mode is required: omitting it is a compile-time error. */
export interface Pass {
  /** Selects the statistics to normalize with, and whether the running statistics are updated. */
  readonly mode: Mode;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
  /**
   * Weights for the batch statistics of batch norm: one per row, or a Tensor [N, L], [N, H, W] with one per position. Rows or
   * positions with weight 0 are excluded from the statistics (padding, masks).
   *
   * BatchNorm accepts any values in a masked row. A Dense layer before it does not: its weight gradient multiplies the input by
   * a gradient of 0, and 0 * NaN is NaN. Fill masked inputs with 0.
   */
  readonly rowWeights?: ArrayLike<number> | Tensor | undefined;
  /** The position of the layer in a model, as in "2.0". Containers set it; error messages print it. */
  readonly path?: string | undefined;
  /** Called with each inner layer's path, output and input. It may read and keep both tensors, but not write to them. */
  readonly observe?: ((path: string, output: Tensor, input: Tensor) => void) | undefined;
  /**
   * Collects state changes (running statistics, a random stream) and applies them once the whole pass has succeeded. The
   * outermost container sets it, so a pass that throws changes nothing. Use it through `afterPass`.
   */
  readonly defer?: ((change: () => void) => void) | undefined;
}

/** The gradients of the parameters that took part in a pass. */
export type Gradients = ReadonlyMap<Parameter, Tensor>;

/** The result of a forward pass. */
export interface Forward {
  /** The layer's output. */
  readonly output: Tensor;
  /**
   * Computes the gradients from the gradient of the loss with respect to `output`. It reads the layer's input and parameters in
   * place, so neither may change between the two passes. On a container, it may be called only once; on other layers, it may be
   * called repeatedly.
   *
   * @throws {RangeError} if the input or a parameter has changed since the forward pass, or on a container's second call
   */
  readonly backward: (gradOutput: Tensor) => Backward;
}

/** The result of a backward pass. */
export interface Backward {
  /** The gradient with respect to the input; computed when first read. */
  readonly gradInput: Tensor;
  /** The gradients with respect to the parameters. */
  readonly gradients: Gradients;
}

/** A function with parameters and a hand-written derivative. */
export interface Layer {
  /** The trainable tensors, including those of a container's children. */
  readonly parameters: readonly Parameter[];
  /** The running statistics, including those of a container's children. */
  readonly statistics: readonly RunningStatistic[];
  /** The layers inside a container, by name. A layer used twice keeps its first path. */
  readonly children?: ReadonlyMap<string, Layer>;
  /**
   * The layer's own random streams by name, without those of its children. `checkpoint` saves them, and an objective holds them
   * fixed.
   */
  readonly streams?: ReadonlyMap<string, Random>;
  /**
   * Computes the output and returns it with its backward pass.
   *
   * @throws {TypeError | ShapeError | RangeError} if the input or the pass is invalid for this layer; in that case, nothing has
   *   changed
   */
  forward(input: Tensor, pass: Pass): Forward;
}
