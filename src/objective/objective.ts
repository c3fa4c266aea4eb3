/** Objective: a loss and its gradient as a function of a flat point. Checks and probes need nothing else from a model. */

import type { DType } from "../core/dtype.js";

/** A loss and its gradient at one point. */
export interface Evaluation {
  readonly loss: number;
  /** The derivative of the loss with respect to each coordinate of the point; as long as the point. */
  readonly gradient: Float64Array;
}

/**
 * A loss as a function of a flat point.
 *
 * It has to meet four requirements, which `checkObjective` tests:
 * 1. The same point returns the same loss and gradient.
 * 2. The point is not modified.
 * 3. An evaluation has no side effects: after evaluating at A and then at B, A still returns the same result.
 * 4. The gradient is a new array, and it is the gradient of that loss.
 *
 * It may return its result directly or as a promise, so an engine on a GPU or in a worker can be an objective too.
 *
 * @example
 * const bowl: Objective = (point) => ({ loss: 0.5 * point[0]! ** 2, gradient: Float64Array.of(point[0]!) });
 */
export interface Objective {
  (point: Float64Array): Evaluation | Promise<Evaluation>;
  /** Returns only the loss. Define it if that is cheaper. */
  lossOnly?(point: Float64Array): number | Promise<number>;
  /** The precision of the computation. Finite differences choose their step accordingly. Default: "float64". */
  readonly dtype?: DType;
  /** A label for reports. The same model has different losses in modes "probe" and "inference". */
  readonly mode?: string;
}

/** A named range of coordinates of a point: from `start` up to but not including `end`. */
export interface Group {
  /** For example "1.gamma". */
  readonly name: string;
  /** The kind of parameter. Weight decay and filter normalization depend on it. */
  readonly role: "weight" | "bias" | "scale" | "shift";
  readonly shape: readonly number[];
  /** The axis of a weight that counts the outputs, for filter normalization. Default: -1, the last. */
  readonly outputAxis?: number | undefined;
  readonly start: number;
  readonly end: number;
}

/** Options shared by all checks and probes. */
export interface ProbeOptions {
  /**
   * An `AbortSignal`, or any object with its members. It is checked before each evaluation. The event loop gets a turn about
   * every 16 ms, so a timer or a click can set it.
   */
  readonly signal?: { readonly aborted: boolean; readonly reason?: unknown } | undefined;
  /** Called after each evaluation and awaited, so that a page can repaint. */
  readonly onProgress?: ((done: number, total: number) => void | Promise<void>) | undefined;
}
