/** Probe run: the evaluations of one probe. The start must be finite, but elsewhere a diverged loss is a valid result. */

import type { DType } from "../../core/dtype.js";
import { complaint, show } from "../../core/errors.js";
import type { Random, RandomState } from "../../core/random.js";
import { EventLoopTurns, Evaluator, expectObjective, throwIfAborted } from "../../objective/evaluate.js";
import type { Evaluation, Objective, ProbeOptions } from "../../objective/objective.js";
import { isFiniteVector } from "../../objective/vector.js";
import type { Kinds, ProbeReport } from "./report.js";

/** Loss and gradient at a point where the model may have diverged. A loss that is not finite is Infinity, such a gradient null. */
export interface FarEvaluation {
  readonly loss: number;
  readonly gradient: Float64Array | null;
}

/** Evaluates the objective of one probe. */
export class ProbeRun extends Evaluator {
  /** A copy of the starting point, because the caller may continue training during an evaluation. */
  readonly point: Float64Array;

  /** Creates a run of `total` evaluations, the total that `onProgress` receives. */
  constructor(who: string, objective: Objective, point: Float64Array, options: ProbeOptions, total: number) {
    expectObjective(who, objective, point);
    super(who, objective, options, total);
    this.point = point.slice();
  }

  /** The precision of the objective. */
  get dtype(): DType {
    return this.objective.dtype ?? "float64";
  }

  /** Returns the part of the report that all probes share. Call it after the last evaluation, because it includes their number. */
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

  /** Returns loss and gradient, which must be finite. The gradient is a copy, in case the objective reuses its array. */
  async finiteAt(point: Float64Array, where = "the point"): Promise<Evaluation> {
    const { loss, gradient } = await this.at(point);
    this.expectFinite(`a finite loss at ${where}`, loss, "");
    const bad = gradient.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) this.expectFinite(`a finite gradient at ${where}`, gradient[bad]!, ` at coordinate ${bad}`);
    return { loss, gradient: gradient.slice() };
  }

  /** Returns the loss, which must be finite. */
  async finiteLossAt(point: Float64Array): Promise<number> {
    const loss = await this.lossAt(point);
    this.expectFinite("a finite loss at the point", loss, "");
    return loss;
  }

  /** Returns loss and gradient at a point where the model may have diverged. A point that is not finite is not evaluated. */
  async farAt(point: Float64Array): Promise<FarEvaluation> {
    if (!isFiniteVector(point)) return { loss: Infinity, gradient: null };
    const { loss, gradient } = await this.at(point);
    if (!Number.isFinite(loss)) return { loss: Infinity, gradient: null };
    return { loss, gradient: isFiniteVector(gradient) ? gradient : null };
  }

  /** Returns the loss at a point where the model may have diverged. */
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

/** The draws of a probe: a stream that repeats them, and the state of the caller's stream before them. */
export interface ReservedDraws {
  readonly own: Random;
  readonly randomState: RandomState;
}

/** The streams from which a probe is still drawing, each with a promise that resolves when the draws are complete. */
const reserved = new WeakMap<Random, Promise<unknown>>();

/**
 * Makes all draws of a probe from the caller's stream before the first evaluation. Returns a stream that repeats them.
 *
 * During an evaluation, another probe may draw from the same stream. If the draws were interleaved, neither report could be
 * replayed from its `randomState`. Drawing twice needs less memory than storing the draws. If the draws take long, the event
 * loop gets its turns, and other probes on the same stream wait until the draws are complete.
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
