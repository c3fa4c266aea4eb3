/**
 * Schedules: numbers as functions of the step, for `optimizer.learningRate` or `norm.momentum`.
 *
 *     const schedule = warmUp({ steps: 100, then: cosineSchedule({ start: 0.1, steps: 1000 }) });
 *     optimizer.learningRate = schedule(step);   // before each step
 *
 * A schedule has no state, so a resumed run needs only its step.
 */

import { expectCount, expectNumber } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { cosPi } from "../core/special.js";

/** Returns the number for a step. The first step is 0. */
export type Schedule = (step: number) => number;

/** Options for `stepSchedule`. */
export interface StepScheduleOptions {
  /** The number at step 0. */
  readonly start: number;
  /** The factor of each change, such as 0.1. */
  readonly factor: number;
  /** The number of steps between two changes. */
  readonly every: number;
}

const stepRules = {
  start: { kind: "number", low: 0 },
  factor: { kind: "number", low: 0 },
  every: { kind: "count" },
} as const satisfies OptionRules<StepScheduleOptions>;

/**
 * Returns a schedule that multiplies by a factor at regular intervals.
 *
 *     start factor^floor(step / every)
 *
 * With `every: 1`, it is an exponential decay.
 *
 * @throws {TypeError | RangeError} if an option is missing or out of range; the schedule, if a step is not a whole number >= 0
 * @example
 * const schedule = stepSchedule({ start: 1, factor: 0.5, every: 10 });
 * [schedule(0), schedule(9), schedule(10), schedule(35)];   // => [1, 1, 0.5, 0.125]
 */
export function stepSchedule(options: StepScheduleOptions): Schedule {
  const { start, factor, every } = readOptions("stepSchedule", options, stepRules);
  return (step) => start * power(factor, Math.floor(stepOf("stepSchedule", step) / every));
}

/** Options for `cosineSchedule`. */
export interface CosineScheduleOptions {
  /** The number at step 0. */
  readonly start: number;
  /** The number from step `steps` on. Default: 0. */
  readonly end?: number | undefined;
  /** The number of steps from start to end. */
  readonly steps: number;
}

const cosineRules = {
  start: { kind: "number", low: 0 },
  end: { kind: "number", low: 0, default: 0 },
  steps: { kind: "count" },
} as const satisfies OptionRules<CosineScheduleOptions>;

/**
 * Returns a schedule that goes from start to end along half a cosine wave.
 *
 *     end + (start - end) (1 + cos(π step / steps)) / 2
 *
 * - **Source**: Loshchilov & Hutter 2017 (arXiv:1608.03983), without restarts
 *
 * @throws {TypeError | RangeError} if an option is missing or out of range; the schedule, if a step is not a whole number >= 0
 * @example
 * const schedule = cosineSchedule({ start: 1, steps: 4 });
 * [schedule(0), schedule(2), schedule(4), schedule(9)];   // => [1, 0.5, 0, 0]
 */
export function cosineSchedule(options: CosineScheduleOptions): Schedule {
  const { start, end, steps } = readOptions("cosineSchedule", options, cosineRules);
  return (step) => cosine(start, end, stepOf("cosineSchedule", step) / steps);
}

/** Options for `warmUp`. */
export interface WarmUpOptions {
  /** The number of steps before the schedule begins. */
  readonly steps: number;
  /** The schedule that follows, or a constant. It begins at its own step 0. */
  readonly then: Schedule | number;
}

const warmUpRules = {
  steps: { kind: "count" },
  then: { kind: "any" },
} as const satisfies OptionRules<WarmUpOptions>;

/**
 * Returns a schedule that increases linearly to the start of another one, and then follows it.
 *
 *     then(0) (step + 1) / (steps + 1) at the first `steps` steps, then(step - steps) from there on
 *
 * - **Source**: Goyal et al. 2017 (arXiv:1706.02677)
 *
 * @throws {TypeError | RangeError} if an option is missing or out of range; the schedule, if a step is not a whole number >= 0
 * @example
 * const schedule = warmUp({ steps: 3, then: 0.4 });
 * [schedule(0), schedule(1), schedule(3), schedule(99)];   // => [0.1, 0.2, 0.4, 0.4]
 */
export function warmUp(options: WarmUpOptions): Schedule {
  const { steps, then } = readOptions("warmUp", options, warmUpRules);
  if (typeof then !== "function") expectNumber("warmUp", "then", then, { low: 0 });
  const schedule = typeof then === "function" ? then : (): number => then;
  return (step) => (stepOf("warmUp", step) < steps ? (schedule(0) * (step + 1)) / (steps + 1) : schedule(step - steps));
}

/** Options for `oneCycleSchedule`. The defaults are PyTorch's. */
export interface OneCycleScheduleOptions {
  /** The largest number. */
  readonly peak: number;
  /** The number of steps of the whole cycle. */
  readonly steps: number;
  /** The fraction of the steps that increase, in (0, 1). Default: 0.3. */
  readonly increasing?: number | undefined;
  /** The number at step 0. Default: peak / 25. */
  readonly start?: number | undefined;
  /** The number at the last step and after it. Default: start / 10000. */
  readonly end?: number | undefined;
}

const oneCycleRules = {
  peak: { kind: "number", low: 0 },
  steps: { kind: "count", least: 2 },
  increasing: { kind: "number", low: 0, withoutLow: true, high: 1, withoutHigh: true, default: 0.3 },
  start: { kind: "number", low: 0, optional: true },
  end: { kind: "number", low: 0, optional: true },
} as const satisfies OptionRules<OneCycleScheduleOptions>;

/**
 * Returns a schedule that increases from start to a peak and decreases to the end, along half a cosine wave each, as in PyTorch's
 * `OneCycleLR`.
 *
 * - **Source**: Smith & Topin 2018 (arXiv:1708.07120)
 *
 * @throws {TypeError | RangeError} if an option is missing or out of range; the schedule, if a step is not a whole number >= 0
 * @example
 * const schedule = oneCycleSchedule({ peak: 1, steps: 11, increasing: 0.4, start: 0.2, end: 0 });
 * [schedule(0), schedule(10), schedule(20)];   // => [0.2, 0, 0]
 */
export function oneCycleSchedule(options: OneCycleScheduleOptions): Schedule {
  const { peak, steps, increasing, ...ends } = readOptions("oneCycleSchedule", options, oneCycleRules);
  const start = ends.start ?? peak / 25;
  const end = ends.end ?? start / 10000;
  const last = steps - 1;
  const top = increasing * steps - 1; // as in PyTorch; may lie between two steps
  return (step) => {
    stepOf("oneCycleSchedule", step);
    return step < top ? cosine(start, peak, step / top) : cosine(peak, end, (step - top) / (last - top));
  };
}

/** Returns the value at a fraction of the way from start to end, along half a cosine wave. */
function cosine(start: number, end: number, fraction: number): number {
  const c = cosPi(Math.min(1, fraction));
  return (start * (1 + c) + end * (1 - c)) / 2; // exact at both ends
}

function stepOf(name: string, step: number): number {
  expectCount(name, "the step", step, 0);
  return step;
}

/** Returns base^n for a whole number n >= 0, by squaring. Engines differ in the last bits of Math.pow. */
function power(base: number, n: number): number {
  let result = 1;
  for (let square = base; n >= 1; n = Math.floor(n / 2), square *= square) if (n % 2 === 1) result *= square;
  return result;
}
