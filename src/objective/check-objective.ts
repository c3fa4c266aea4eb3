/** checkObjective: tests the four requirements of an objective. Run it before relying on a probe. */

import {
  checkGradient,
  type CheckGradientOptions,
  checkGradientRules,
  drawChecks,
  expectNamedStretches,
  type GradientReport,
} from "./check-gradient.js";
import type { RandomState } from "../core/random.js";
import { Evaluator, expectObjective, readProbeOptions } from "./evaluate.js";
import type { Verdict } from "./finite-difference.js";
import type { Evaluation, Objective } from "./objective.js";
import { addScaled, randomDirection } from "./vector.js";

/** The result for one requirement. */
export interface PromiseReport {
  readonly promise:
    | "same point, same answer"
    | "the point is not modified"
    | "evaluating leaves nothing behind"
    | "a fresh gradient of that loss";
  readonly verdict: Verdict;
  /** The reason if the verdict is not "agrees"; otherwise empty. */
  readonly finding: string;
}

/** The report of `checkObjective`. Plain JSON. */
export interface ObjectiveReport {
  /** "agrees" if all four requirements are met. */
  readonly verdict: Verdict;
  readonly promises: readonly PromiseReport[];
  readonly gradient: GradientReport;
  readonly evaluations: number;
  /** The state of the random stream before the first draw: `Random.from` repeats the check. */
  readonly randomState: RandomState;
}

/**
 * Tests whether an objective meets its four requirements at a point.
 *
 * 1. Same point, same answer: two evaluations are equal bit for bit.
 * 2. The point is not modified.
 * 3. Evaluating leaves nothing behind: after evaluating at A and then at B, A still returns the same result.
 * 4. The gradient is a new array and the gradient of that loss, according to `checkGradient`. `lossOnly` returns the same loss.
 *
 * - **Cost**: 5 evaluations more than `checkGradient`
 *
 * @throws {TypeError | RangeError} as for `checkGradient`
 * @example
 * let calls = 0;
 * const drifting: Objective = (x) => ({ loss: x[0]! ** 2 + calls++, gradient: Float64Array.of(2 * x[0]!) });
 * (await checkObjective(drifting, Float64Array.of(1), { random: new Random(1) })).verdict;   // => "differs"
 */
export async function checkObjective(
  objective: Objective,
  point: Float64Array,
  options: CheckGradientOptions,
): Promise<ObjectiveReport> {
  const who = "checkObjective";
  expectObjective(who, objective, point);
  const read = readProbeOptions(who, options, checkGradientRules);
  // Copies, since evaluations may be asynchronous and the caller may continue training in the meantime.
  const x = point.slice();
  const groups =
    read.groups &&
    expectNamedStretches(who, read.groups, x.length).map((stretch, i) => ({ ...read.groups![i]!, ...stretch }));
  const evaluator = new Evaluator(who, objective, { signal: read.signal }, 5);
  // Make all draws now, since other code may use the stream while the evaluations wait. The copy repeats them.
  const randomState = read.random.state;
  const random = read.random.copy();
  const elsewhere = addScaled(x, 0.1, randomDirection(x.length, random));
  randomDirection(x.length, read.random);
  drawChecks(x.length, groups ?? [{ name: "point", start: 0, end: x.length }], read.random);

  const pointOfFirst = x.slice();
  const first = await evaluator.at(pointOfFirst);
  const firstGradient = first.gradient.slice();
  const second = await evaluator.at(x.slice());
  const secondFinding = difference({ loss: first.loss, gradient: firstGradient }, second);
  await evaluator.at(elsewhere.slice());
  const fresh = first.gradient !== second.gradient && sameNumbers(first.gradient, firstGradient);
  const pointOfLossOnly = x.slice();
  const lossOnly = await evaluator.lossAt(pointOfLossOnly);
  const third = await evaluator.at(x.slice());
  const thirdFinding = difference({ loss: first.loss, gradient: firstGradient }, third);
  const gradient = await checkGradient(objective, x, { ...read, random, groups });

  const changed = [pointOfFirst, pointOfLossOnly].find((array) => !sameNumbers(array, x));
  const at = changed?.findIndex((value, i) => !Object.is(value, x[i])) ?? -1;
  const promises: PromiseReport[] = [
    promise("same point, same answer", secondFinding),
    promise(
      "the point is not modified",
      changed === undefined ? "" : `coordinate ${at} was ${x[at]} and is ${changed[at]}`,
    ),
    promise(
      "evaluating leaves nothing behind",
      thirdFinding === "" ? "" : `after an evaluation elsewhere, ${thirdFinding}`,
    ),
  ];
  const last = "a fresh gradient of that loss";
  if (!fresh) promises.push(promise(last, "the gradient is a buffer that later evaluations write to"));
  else if (objective.lossOnly !== undefined && !Object.is(lossOnly, first.loss))
    promises.push(promise(last, `lossOnly gives ${lossOnly}, the evaluation ${first.loss}`));
  else
    promises.push({
      promise: last,
      verdict: gradient.verdict,
      finding: gradient.verdict === "agrees" ? "" : gradient.text,
    });

  const verdicts = promises.map((found) => found.verdict);
  const verdict = verdicts.includes("differs") ? "differs" : verdicts.includes("undecided") ? "undecided" : "agrees";
  return { verdict, promises, gradient, evaluations: evaluator.evaluations + gradient.evaluations, randomState };
}

function promise(name: PromiseReport["promise"], finding: string): PromiseReport {
  return { promise: name, verdict: finding === "" ? "agrees" : "differs", finding };
}

function difference(before: Evaluation, after: Evaluation): string {
  if (!Object.is(before.loss, after.loss)) return `the loss was ${before.loss} and is ${after.loss}`;
  const at = before.gradient.findIndex((value, i) => !Object.is(value, after.gradient[i]));
  return at < 0 ? "" : `the gradient at coordinate ${at} was ${before.gradient[at]} and is ${after.gradient[at]}`;
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  return a.every((value, i) => Object.is(value, b[i]));
}
