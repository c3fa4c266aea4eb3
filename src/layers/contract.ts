/**
 * The contract of every layer.
 *
 * `forward` returns the output and a `backward` that is a closure over this very forward, so two passes in flight never
 * disturb each other. `backward` returns gradients instead of adding to a field, so there is nothing to reset to zero.
 */

import type { Random } from "../core/random.js";
import type { Kernels } from "../kernels/types.js";
import type { Tensor } from "../core/tensor.js";
import type { Parameter, RunningStatistic } from "./parameter.js";

/**
 * What a pass is for.
 *
 * - `"train"`: batch statistics normalize, running statistics are updated
 * - `"probe"`: batch statistics normalize, running statistics stay: what finite differences and every probe need
 * - `"inference"`: running statistics normalize, and stay
 */
export type Mode = "train" | "probe" | "inference";

/** How a forward pass is to be made. The mode is required: forgetting it does not compile. */
export interface Pass {
  /** Which statistics normalize, and whether the running ones move. */
  readonly mode: Mode;
  /** The kernel set that does the arithmetic; the best there is when not said. */
  readonly kernels?: Kernels | undefined;
  /**
   * Weights for the batch statistics of batch norm: one per row, or a Tensor [N, L], [N, H, W] with one per position. 0 leaves
   * a row or position out of the statistics (padding, masks). A loss that should ignore the same rows has to do so itself.
   *
   * A masked row may hold anything for the norm itself, but not for a Dense before it: the weight gradient multiplies the
   * input by a gradient of 0, and 0 * NaN is NaN. Fill masked inputs with 0.
   */
  readonly rowWeights?: ArrayLike<number> | Tensor | undefined;
  /** Where in a model the layer stands, as in "2.0"; containers set it, error messages print it. */
  readonly path?: string | undefined;
  /** Told the output of every layer inside a container, and what went in. It may read and keep both, not write to them. */
  readonly observe?: ((path: string, output: Tensor, input: Tensor) => void) | undefined;
  /**
   * Takes a change of state (running statistics, a random stream) to be made once the whole pass has succeeded. Set by the
   * outermost container, so that a pass that throws has changed nothing. See `afterPass`.
   */
  readonly defer?: ((change: () => void) => void) | undefined;
}

/** The gradient of each parameter that took part. */
export type Gradients = ReadonlyMap<Parameter, Tensor>;

/** What a forward pass gives. */
export interface Forward {
  /** What the layer makes of its input. */
  readonly output: Tensor;
  /** The gradients, given the gradient of the loss with respect to `output`. May be called more than once. */
  readonly backward: (gradOutput: Tensor) => Backward;
}

/** What a backward pass gives. */
export interface Backward {
  /** The gradient with respect to the input; computed when first read. */
  readonly gradInput: Tensor;
  /** The gradients with respect to the parameters. */
  readonly gradients: Gradients;
}

/** A function with parameters and a hand-written derivative. */
export interface Layer {
  /** The trainable tensors, containers' children included. */
  readonly parameters: readonly Parameter[];
  /** The running statistics, containers' children included. */
  readonly statistics: readonly RunningStatistic[];
  /** The layers inside a container, by name. A layer used twice keeps its first path. */
  readonly children?: ReadonlyMap<string, Layer>;
  /** The layer's own random streams, by name, without those of children: what `checkpoint` saves and an objective keeps still. */
  readonly streams?: ReadonlyMap<string, Random>;
  /**
   * Makes the output, and the backward pass that belongs to it.
   *
   * @throws {TypeError | ShapeError | RangeError} if input or pass do not fit the layer; nothing has changed then
   */
  forward(input: Tensor, pass: Pass): Forward;
}
