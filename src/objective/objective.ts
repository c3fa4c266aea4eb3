/** Objective: a loss as a function of a flat point, with its gradient. All that a check or a probe needs to know of a model. */

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
 * It promises four things, which `checkObjective` tests:
 * 1. the same point gives the same answer;
 * 2. the point is not modified;
 * 3. evaluating leaves nothing behind: A, B, A gives A's answer again;
 * 4. the gradient is a fresh array, and the gradient of that loss.
 *
 * It may answer at once or with a promise, so that an engine on a GPU or in a worker can be one too.
 *
 * @example
 * const bowl: Objective = (point) => ({ loss: 0.5 * point[0]! ** 2, gradient: Float64Array.of(point[0]!) });
 */
export interface Objective {
  (point: Float64Array): Evaluation | Promise<Evaluation>;
  /** The loss alone, where that is cheaper. */
  lossOnly?(point: Float64Array): number | Promise<number>;
  /** The precision that the loss is computed in; finite differences choose their step by it. Default: "float64". */
  readonly dtype?: DType;
  /** What kind of function it is, for reports: "probe" and "inference" of one model are different landscapes. */
  readonly mode?: string;
}

/** A named stretch of a point: coordinates `start` up to but not including `end`. */
export interface Group {
  /** As in "1.gamma". */
  readonly name: string;
  /** What the numbers are, for weight decay and filter normalization. */
  readonly role: "weight" | "bias" | "scale" | "shift";
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** Options that every check and probe has in addition to its own. */
export interface ProbeOptions {
  /** An `AbortSignal`, or anything like one, checked before each evaluation, and set in time because the event loop gets a turn about every 16 ms. */
  readonly signal?: { readonly aborted: boolean; readonly reason?: unknown } | undefined;
  /** Called after each evaluation, and awaited, so that a page can repaint. */
  readonly onProgress?: ((done: number, total: number) => void | Promise<void>) | undefined;
}
