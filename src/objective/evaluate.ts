/**
 * Evaluate: calls objectives for all checks and probes. It checks the signal, reports progress and rejects invalid results.
 *
 * Only this file uses a clock and a task queue, and it works on hosts without them. They are needed because a signal is set in
 * an event handler, and awaiting a synchronous objective never gives the event loop a turn.
 */

import { typedArrayName } from "../core/dtype.js";
import { complaint, expectCount, expectLength, show } from "../core/errors.js";
import { type OptionRules, readOptions, type ReadOptions } from "../core/options.js";
import type { Evaluation, Objective, ProbeOptions } from "./objective.js";

/** The rules for the options of a check or probe, without signal and onProgress. */
export type ProbeRules<Options> = OptionRules<Omit<Options, keyof ProbeOptions>>;

/** Reads the options of a check or probe; see `readOptions`. */
export function readProbeOptions<Options extends ProbeOptions, const Rules extends ProbeRules<Options>>(
  who: string,
  options: Options,
  rules: Rules,
): ReadOptions<Omit<Options, keyof ProbeOptions>, Rules> & ProbeOptions {
  const signal = { kind: "any", optional: true } as const;
  const onProgress = { kind: "function", optional: true } as const;
  const read: unknown = readOptions<object, OptionRules<object>>(who, options, { ...rules, signal, onProgress });
  return read as ReadOptions<Omit<Options, keyof ProbeOptions>, Rules> & ProbeOptions;
}

/** Requires an objective and a finite point. */
export function expectObjective(who: string, objective: unknown, point: unknown): void {
  if (typeof objective !== "function") {
    throw new TypeError(complaint(who, "the objective to be a function of a point", show(objective)));
  }
  expectPoint(who, point);
}

/** Requires a finite point. */
export function expectPoint(who: string, point: unknown): asserts point is Float64Array {
  if (!isFloat64Array(point)) {
    throw new TypeError(complaint(who, "the point to be a Float64Array", show(point)));
  }
  expectCount(who, "the length of the point", point.length);
  const bad = point.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(complaint(who, "a finite point", `${point[bad]} at coordinate ${bad}`));
}

/** Returns whether a value is a Float64Array, from any realm. */
export function isFloat64Array(value: unknown): value is Float64Array {
  return typedArrayName(value) === "Float64Array";
}

/** Throws the reason of an aborted signal, or an error if it has none. */
export function throwIfAborted(who: string, signal: ProbeOptions["signal"]): void {
  if (signal?.aborted !== true) return;
  const reason: unknown = signal.reason ?? new Error(`${who}: aborted by its signal`);
  throw reason;
}

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
  close(): void;
}
declare const MessageChannel: (new () => { readonly port1: Port; readonly port2: Port }) | undefined;
declare const setTimeout: ((callback: () => void, milliseconds: number) => unknown) | undefined;

/** About one frame of a display. */
const MILLISECONDS_BETWEEN_TURNS = 16;

/** Gives the event loop a turn after about every 16 ms of work, so that timers, clicks and repaints are not delayed. */
export class EventLoopTurns {
  private last = Date.now();

  /** Whether at least 16 ms have passed since the last turn. */
  get isDue(): boolean {
    const elapsed = Date.now() - this.last;
    // Also true if the clock was set back.
    return elapsed >= MILLISECONDS_BETWEEN_TURNS || elapsed < 0;
  }

  /** Waits for one turn of the event loop. */
  async take(): Promise<void> {
    await new Promise<void>((resolve) => {
      // Prefer a message: browsers delay timers in hidden tabs, and test frameworks replace them.
      if (typeof MessageChannel === "function") {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          port1.close();
          resolve();
        };
        port2.postMessage(null);
      } else if (typeof setTimeout === "function") {
        setTimeout(resolve, 0);
      } else {
        resolve();
      }
    });
    this.last = Date.now();
  }
}

/** Evaluates an objective and counts the evaluations. Checks the signal before each call and reports progress after it. */
export class Evaluator {
  /** The number of evaluations so far. */
  evaluations = 0;
  private readonly turns = new EventLoopTurns();

  constructor(
    protected readonly who: string,
    protected readonly objective: Objective,
    private readonly options: ProbeOptions,
    private total: number,
  ) {}

  /** Increases the total number of evaluations that is reported to `onProgress`. */
  expectMore(evaluations: number): void {
    this.total += evaluations;
  }

  /** Returns loss and gradient at a point. Values that are not finite are left to the caller. */
  async at(point: Float64Array): Promise<Evaluation> {
    throwIfAborted(this.who, this.options.signal);
    const evaluation = await this.objective(point);
    const { loss, gradient } = (evaluation ?? {}) as Partial<Evaluation>;
    if (typeof loss !== "number" || !isFloat64Array(gradient)) {
      throw new TypeError(
        complaint(this.who, "an objective that returns { loss: number, gradient: Float64Array }", show(evaluation)),
      );
    }
    expectLength(this.who, "the objective's gradient", gradient, point.length);
    await this.reportProgress();
    return evaluation;
  }

  /** Returns the loss at a point, from `lossOnly` if the objective defines it. */
  async lossAt(point: Float64Array): Promise<number> {
    if (this.objective.lossOnly === undefined) return (await this.at(point)).loss;
    throwIfAborted(this.who, this.options.signal);
    const loss = await this.objective.lossOnly(point);
    if (typeof loss !== "number") {
      throw new TypeError(complaint(this.who, "an objective whose lossOnly returns a number", show(loss)));
    }
    await this.reportProgress();
    return loss;
  }

  private async reportProgress(): Promise<void> {
    this.evaluations++;
    await this.options.onProgress?.(this.evaluations, this.total);
    if (this.turns.isDue) await this.turns.take();
  }
}
