/** Evaluate: how every check and probe calls an objective, so that all stop, report progress and refuse nonsense alike. */

import { complaint, expectCount, expectLength, expectObject, show } from "../core/errors.js";
import type { Evaluation, Objective, ProbeOptions } from "./objective.js";

/** Requires an objective and a finite point. */
export function expectObjective(who: string, objective: unknown, point: unknown): void {
  if (typeof objective !== "function") {
    throw new TypeError(complaint(who, "the objective to be a function of a point", show(objective)));
  }
  expectPoint(who, point);
}

/** Requires a finite point. */
export function expectPoint(who: string, point: unknown): asserts point is Float64Array {
  if (!(point instanceof Float64Array)) {
    throw new TypeError(complaint(who, "the point to be a Float64Array", show(point)));
  }
  expectCount(who, "the length of the point", point.length);
  const bad = point.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(complaint(who, "a finite point", `${point[bad]} at coordinate ${bad}`));
}

/** Calls an objective a known number of times: looks at the signal before each call, counts, and tells the progress after. */
export class Evaluator {
  /** How many evaluations were made. */
  evaluations = 0;
  readonly #who: string;
  readonly #objective: Objective;
  readonly #options: ProbeOptions;
  readonly #total: number;

  constructor(who: string, objective: Objective, options: ProbeOptions, total: number) {
    expectObject(who, "options", options);
    this.#who = who;
    this.#objective = objective;
    this.#options = options;
    this.#total = total;
  }

  /** Loss and gradient at a point. The loss may be infinite or NaN: what that means is the caller's to say. */
  async at(point: Float64Array): Promise<Evaluation> {
    this.#expectGoingOn();
    const evaluation = await this.#objective(point);
    const { loss, gradient } = (evaluation ?? {}) as Partial<Evaluation>;
    if (typeof loss !== "number" || !(gradient instanceof Float64Array)) {
      throw new TypeError(
        complaint(this.#who, "an objective that gives { loss: number, gradient: Float64Array }", show(evaluation)),
      );
    }
    expectLength(this.#who, "the objective's gradient", gradient, point.length);
    await this.#tell();
    return evaluation;
  }

  /** The loss alone, by `lossOnly` where the objective has it. */
  async lossAt(point: Float64Array): Promise<number> {
    if (this.#objective.lossOnly === undefined) return (await this.at(point)).loss;
    this.#expectGoingOn();
    const loss = await this.#objective.lossOnly(point);
    if (typeof loss !== "number") {
      throw new TypeError(complaint(this.#who, "an objective whose lossOnly gives a number", show(loss)));
    }
    await this.#tell();
    return loss;
  }

  #expectGoingOn(): void {
    const { signal } = this.#options;
    if (signal?.aborted === true)
      throw signal.reason instanceof Error ? signal.reason : new Error(`${this.#who}: aborted by its signal`);
  }

  async #tell(): Promise<void> {
    this.evaluations++;
    await this.#options.onProgress?.(this.evaluations, this.#total);
  }
}
