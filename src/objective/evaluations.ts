/** Evaluations: how a probe calls an objective. Each call is checked, counted, can be cancelled, and is told to the caller. */

import { complaint, expectLength, expectObject, show } from "../ground/errors.js";
import type { DType } from "../ground/numbers.js";
import type { Evaluation, Objective, ProbeOptions } from "./objective.js";
import { isFiniteVector } from "./vector.js";

/** What came of a point that may lie beyond the edge: Infinity and null where the loss or the gradient is not finite. */
export interface DataPoint {
  readonly loss: number;
  readonly gradient: Float64Array | null;
}

/** Requires a point that a probe can start from. */
export function expectPoint(who: string, name: string, point: unknown): asserts point is Float64Array {
  if (!(point instanceof Float64Array)) {
    throw new TypeError(complaint(who, `${name} to be a Float64Array`, show(point), "use Float64Array.from(values)"));
  }
  if (point.length === 0) throw new RangeError(complaint(who, `${name} to have at least 1 coordinate`, "0"));
  const bad = point.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new RangeError(complaint(who, `finite coordinates in ${name}`, `${show(point[bad])} at index ${bad}`));
  }
}

/**
 * The evaluations that one probe makes.
 *
 * The signal is looked at before each of them and `onProgress` awaited after it. What the objective returns is checked every
 * time: a gradient of another length is an error wherever it comes from, while a loss that is not finite is one only where
 * the probe starts.
 */
export class Evaluations {
  /** A copy of the starting point: the caller may go on training while the probe waits. */
  readonly point: Float64Array;
  /** The precision of the objective. */
  readonly dtype: DType;
  readonly #who: string;
  readonly #objective: Objective;
  readonly #options: ProbeOptions;
  readonly #total: number;
  #count = 0;
  #done = 0;

  /** Prepares for `total` evaluations, the number that `onProgress` is told. */
  constructor(who: string, objective: Objective, point: Float64Array, options: ProbeOptions, total: number) {
    if (typeof objective !== "function") {
      throw new TypeError(complaint(who, "the objective to be a function of a point", show(objective)));
    }
    expectPoint(who, "the point", point);
    expectObject(who, "options", options);
    const { signal, onProgress } = options;
    if (signal !== undefined) expectObject(who, "signal", signal);
    if (onProgress !== undefined && typeof onProgress !== "function") {
      throw new TypeError(complaint(who, "onProgress to be a function", show(onProgress)));
    }
    this.point = point.slice();
    this.dtype = objective.dtype ?? "float64";
    this.#who = who;
    this.#objective = objective;
    this.#options = options;
    this.#total = total;
  }

  /** How often the objective has been called. */
  get count(): number {
    return this.#count;
  }

  /** Loss and gradient where both must be finite. The gradient is a copy: an objective that reuses its array does no harm. */
  async at(point: Float64Array, where = "the point"): Promise<Evaluation> {
    const { loss, gradient } = await this.#call(point);
    const cure = "probe a point where the model has not diverged";
    if (!Number.isFinite(loss)) {
      throw new RangeError(complaint(this.#who, `a finite loss at ${where}`, show(loss), cure));
    }
    const bad = gradient.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      const got = `${show(gradient[bad])} at index ${bad}`;
      throw new RangeError(complaint(this.#who, `a finite gradient at ${where}`, got, cure));
    }
    return { loss, gradient: gradient.slice() };
  }

  /** Loss and gradient where a diverged model is data. A point that is itself not finite is not evaluated. */
  async along(point: Float64Array): Promise<DataPoint> {
    if (!isFiniteVector(point)) {
      await this.#tell();
      return { loss: Infinity, gradient: null };
    }
    const { loss, gradient } = await this.#call(point);
    if (!Number.isFinite(loss)) return { loss: Infinity, gradient: null };
    return { loss, gradient: isFiniteVector(gradient) ? gradient : null };
  }

  /** The loss alone, where a diverged model is data. */
  async lossAlong(point: Float64Array): Promise<number> {
    if (!isFiniteVector(point)) {
      await this.#tell();
      return Infinity;
    }
    const loss = await this.#callLoss(point);
    return Number.isFinite(loss) ? loss : Infinity;
  }

  /** The loss alone, where it must be finite. */
  async lossAt(point: Float64Array): Promise<number> {
    const loss = await this.#callLoss(point);
    if (!Number.isFinite(loss)) {
      const cure = "probe a point where the model has not diverged";
      throw new RangeError(complaint(this.#who, "a finite loss at the point", show(loss), cure));
    }
    return loss;
  }

  async #call(point: Float64Array): Promise<Evaluation> {
    this.#expectNotAborted();
    const evaluation: unknown = await this.#objective(point);
    this.#count++;
    expectObject(this.#who, "the objective to return { loss, gradient },", evaluation);
    const { loss, gradient } = evaluation as Partial<Evaluation>;
    this.#expectLoss(loss);
    if (!(gradient instanceof Float64Array)) {
      throw new TypeError(complaint(this.#who, "the objective's gradient to be a Float64Array", show(gradient)));
    }
    expectLength(this.#who, "the objective's gradient", gradient, point.length);
    await this.#tell();
    return { loss, gradient };
  }

  async #callLoss(point: Float64Array): Promise<number> {
    if (this.#objective.lossOnly === undefined) return (await this.#call(point)).loss;
    this.#expectNotAborted();
    const loss: unknown = await this.#objective.lossOnly(point);
    this.#count++;
    this.#expectLoss(loss);
    await this.#tell();
    return loss;
  }

  #expectLoss(loss: unknown): asserts loss is number {
    if (typeof loss !== "number") {
      throw new TypeError(complaint(this.#who, "the objective's loss to be a number", show(loss)));
    }
  }

  #expectNotAborted(): void {
    const { signal } = this.#options;
    if (signal?.aborted !== true) return;
    throw signal.reason ?? new Error(complaint(this.#who, `${this.#total} evaluations`, `aborted after ${this.#done}`));
  }

  async #tell(): Promise<void> {
    this.#done++;
    await this.#options.onProgress?.(this.#done, this.#total);
  }
}
