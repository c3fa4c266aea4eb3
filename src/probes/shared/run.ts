/** Probe run: what one probe does with an objective. It starts where all is finite; further out a diverged model is data. */

import type { DType } from "../../core/dtype.js";
import { complaint, show } from "../../core/errors.js";
import type { Random, RandomState } from "../../core/random.js";
import { EventLoopTurns, Evaluator, expectObjective, throwIfAborted } from "../../objective/evaluate.js";
import type { Evaluation, Objective, ProbeOptions } from "../../objective/objective.js";
import { isFiniteVector } from "../../objective/vector.js";
import type { Kinds, ProbeReport } from "./report.js";

/** Loss and gradient at a point that may lie too far out: Infinity for a loss, null for a gradient that is not finite. */
export interface FarEvaluation {
  readonly loss: number;
  readonly gradient: Float64Array | null;
}

/** The evaluations of one probe. */
export class ProbeRun extends Evaluator {
  /** A copy of the point where the probe starts: the caller may go on training while the probe waits. */
  readonly point: Float64Array;

  /** Prepares for `total` evaluations, the number that `onProgress` reports. */
  constructor(who: string, objective: Objective, point: Float64Array, options: ProbeOptions, total: number) {
    expectObjective(who, objective, point);
    super(who, objective, options, total);
    this.point = point.slice();
  }

  /** The precision of the objective. */
  get dtype(): DType {
    return this.objective.dtype ?? "float64";
  }

  /** Returns the part of the report that all probes share. To be called at the end, when the evaluations are counted. */
  describe<Name extends string>(probe: Name, kinds: Kinds): ProbeReport & { readonly probe: Name } {
    return {
      probe,
      kinds,
      dtype: this.dtype,
      mode: this.objective.mode ?? null,
      parameters: this.point.length,
      evaluations: this.evaluations,
    };
  }

  /** Loss and gradient where both must be finite. The gradient is a copy, so an objective that reuses its array does no harm. */
  async finiteAt(point: Float64Array, where = "the point"): Promise<Evaluation> {
    const { loss, gradient } = await this.at(point);
    this.expectFinite(`a finite loss at ${where}`, loss, "");
    const bad = gradient.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) this.expectFinite(`a finite gradient at ${where}`, gradient[bad]!, ` at coordinate ${bad}`);
    return { loss, gradient: gradient.slice() };
  }

  /** The loss where it must be finite. */
  async finiteLossAt(point: Float64Array): Promise<number> {
    const loss = await this.lossAt(point);
    this.expectFinite("a finite loss at the point", loss, "");
    return loss;
  }

  /** Loss and gradient further out. A point that is itself not finite is not evaluated. */
  async farAt(point: Float64Array): Promise<FarEvaluation> {
    if (!isFiniteVector(point)) return { loss: Infinity, gradient: null };
    const { loss, gradient } = await this.at(point);
    if (!Number.isFinite(loss)) return { loss: Infinity, gradient: null };
    return { loss, gradient: isFiniteVector(gradient) ? gradient : null };
  }

  /** The loss further out. */
  async farLossAt(point: Float64Array): Promise<number> {
    if (!isFiniteVector(point)) return Infinity;
    const loss = await this.lossAt(point);
    return Number.isFinite(loss) ? loss : Infinity;
  }

  private expectFinite(expected: string, value: number, where: string): void {
    if (Number.isFinite(value)) return;
    const cure = "probe a point where the model has not diverged";
    throw new RangeError(complaint(this.who, expected, `${show(value)}${where}`, cure));
  }
}

/** The draws of a probe: a stream that repeats them, and where the caller's stream was before them. */
export interface ReservedDraws {
  readonly own: Random;
  readonly randomState: RandomState;
}

/** The streams that a probe is drawing from across turns of the event loop, each with a promise for the end of it. */
const reserved = new WeakMap<Random, Promise<unknown>>();

/**
 * Makes all draws of a probe from the caller's stream before its first evaluation, and returns a copy of the stream that repeats
 * them.
 *
 * Evaluations may wait, and a second probe draw from the same stream meanwhile: without this neither report could be replayed
 * from its `randomState`. Repeating the draws takes no memory. Draws that take long give the event loop its turns; another
 * probe on the same stream then waits until they are made.
 */
export async function reserveDraws(
  who: string,
  random: Random,
  count: number,
  draw: (stream: Random) => unknown,
  { signal }: ProbeOptions,
): Promise<ReservedDraws> {
  throwIfAborted(who, signal);
  while (reserved.has(random)) await reserved.get(random);
  const randomState = random.state;
  const own = random.copy();
  const turns = new EventLoopTurns();
  let made = 0;
  const drawUntilDue = (): void => {
    while (made < count) {
      draw(random);
      made++;
      if (turns.isDue) return;
    }
  };
  drawUntilDue();
  if (made === count) return { own, randomState };
  const rest = async (): Promise<void> => {
    while (made < count) {
      await turns.take();
      throwIfAborted(who, signal);
      drawUntilDue();
    }
  };
  const drawing = rest();
  reserved.set(
    random,
    drawing.catch(() => undefined),
  );
  try {
    await drawing;
  } finally {
    reserved.delete(random);
  }
  return { own, randomState };
}
