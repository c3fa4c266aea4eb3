/** Grades the answers about modes, running statistics and probes. */
import { BatchNorm, Dense, type Mode, Random, Sequential, softmaxCrossEntropy, Tensor } from "batchnorm";
import type { Answers } from "./answers.js";
import {
  accuracyAfterPredicting,
  accuracyAfterProbing,
  accuracyOfFours,
  runningResults,
  changeAlongGradient,
} from "./consequences.js";
import { type Exercise, percent } from "./exercise.js";

const MOMENTUM = 0.1;
const same = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9 * Math.max(1, Math.abs(b));
const short = (value: number): string => String(Number(value.toPrecision(3)));

/** Exercises 9 to 14. */
export function otherExercises(answers: Answers, solutions: Answers): Exercise[] {
  const { updateMean, updateVariance, statisticsFor, predict, relativeChange, lossForProbe } = answers;
  const compared = (what: string, measure: (given: Answers) => number): string =>
    `${what} ${percent(measure(answers))} of the test digits correctly. With the right answer: ${percent(measure(solutions))}.`;
  return [
    {
      ...{ title: "The running mean after a batch", file: "modes.ts" },
      fault: () => faultOfMean(updateMean),
      consequence: () =>
        compared(
          "Trained with batches of 3 and these running means, a network classifies",
          (given) => runningResults({ ...solutions, updateMean: given.updateMean }).accuracy,
        ),
    },
    {
      ...{ title: "The running variance after a batch", file: "modes.ts" },
      fault: () => faultOfVariance(updateVariance),
      consequence: () => {
        const right = runningResults(solutions);
        const yours = runningResults({ ...solutions, updateVariance });
        return `Trained with batches of 3, a network has running variances that are ${percent(yours.variance / right.variance)} of the right ones. It classifies ${percent(yours.accuracy)} of the test digits correctly. With the right answer: ${percent(right.accuracy)}.`;
      },
    },
    {
      ...{ title: "The statistics that normalize in each mode", file: "modes.ts" },
      fault: () => faultOfChoice(statisticsFor),
      consequence: () =>
        compared("When digits come four at a time, a network with these statistics classifies", (given) =>
          accuracyOfFours(given.statisticsFor),
        ),
    },
    {
      ...{ title: "The predictions of a trained model", file: "modes.ts" },
      fault: () => faultOfPredictions(predict),
      consequence: () =>
        compared("After it has predicted 20 batches of inverted digits this way, a network classifies", (given) =>
          accuracyAfterPredicting(given.predict),
        ),
    },
    {
      ...{ title: "The relative change of a gradient", file: "probes.ts" },
      fault: () => faultOfChange(relativeChange),
      consequence: async () => {
        const [yours, right] = [await changeAlongGradient(relativeChange), await changeAlongGradient(solutions.relativeChange)]; // prettier-ignore
        return `One large step along the gradient of a trained network changes the gradient by ${short(yours)}, according to this answer. The right value is ${short(right)}.`;
      },
    },
    {
      ...{ title: "The training loss, for a probe", file: "probes.ts" },
      fault: () => faultOfProbe(lossForProbe),
      consequence: () =>
        compared(
          "After 20 such evaluations with changed weights, and with the original weights again, a network classifies",
          (given) => accuracyAfterProbing(given.lossForProbe),
        ),
    },
  ];
}

function faultOfMean(updateMean: Answers["updateMean"]): string | undefined {
  for (const [feature, means] of [
    [2, 2, 2],
    [0, 4, 8],
  ].entries()) {
    // prettier-ignore
    let [yours, right] = [1, 1];
    for (const [batch, mean] of means.entries()) {
      yours = updateMean(yours, mean, MOMENTUM);
      right += MOMENTUM * (mean - right);
      if (same(yours, right)) continue;
      const weight = Math.round(100 * updateMean(0, 1, MOMENTUM));
      return `For feature ${feature + 1}, the running mean after batch ${batch + 1} is ${short(yours)}, expected ${short(right)}. With momentum 0.1, the weight of the batch should be 10%, and here it is ${weight}%.`;
    }
  }
  return undefined;
}

function faultOfVariance(updateVariance: Answers["updateVariance"]): string | undefined {
  for (const [feature, values] of [
    [1, 3],
    [1, 2, 3, 6],
  ].entries()) {
    // prettier-ignore
    const rows = values.length;
    const mean = values.reduce((sum, value) => sum + value, 0) / rows;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const updated = (variance: number): number => 1 + MOMENTUM * (variance - 1);
    const yours = updateVariance(1, Float64Array.from(values), MOMENTUM);
    if (same(yours, updated(squares / (rows - 1)))) continue;
    const biased = same(yours, updated(squares / rows)) ? " It uses the biased variance of the batch, which divides by n instead of n − 1." : ""; // prettier-ignore
    return `For feature ${feature + 1}, a batch of ${rows} rows changes the running variance from 1 to ${short(yours)}, expected ${short(updated(squares / (rows - 1)))}.${biased}`;
  }
  return undefined;
}

function faultOfChoice(statisticsFor: Answers["statisticsFor"]): string | undefined {
  const [batch, running] = [
    { mean: 1, variance: 4 },
    { mean: 2, variance: 9 },
  ];
  for (const mode of ["inference", "train", "probe"] satisfies Mode[]) {
    const [right, name] = mode === "inference" ? [running, "running statistics"] : [batch, "statistics of the batch"];
    const found = statisticsFor(mode, batch, running);
    if (found.mean === right.mean && found.variance === right.variance) continue;
    return `In mode "${mode}", a value of 5 in row 1, feature 1 becomes ${short((5 - found.mean) / Math.sqrt(found.variance))}, expected ${short((5 - right.mean) / Math.sqrt(right.variance))}: this mode normalizes with the ${name}.`;
  }
  return undefined;
}

function faultOfPredictions(predict: Answers["predict"]): string | undefined {
  const { model, norm, input } = modelAndBatch();
  const expected = model.forward(input, { mode: "inference" }).output;
  const state = Array.from(norm.runningMean.values);
  const found = predict(model, input);
  const trace = traceOf(norm, state);
  const wrong = found.data.findIndex((value, i) => value !== expected.data[i]);
  if (wrong < 0) return trace;
  const place = `In row ${Math.floor(wrong / 2) + 1}, feature ${(wrong % 2) + 1}, the prediction is ${short(found.data[wrong]!)}, expected ${short(expected.data[wrong]!)}`;
  return `${place}: it should depend on the running statistics, not on the other rows of the batch.${trace === undefined ? "" : ` ${trace}`}`;
}

function faultOfChange(relativeChange: Answers["relativeChange"]): string | undefined {
  const cases = [
    { from: [3, 4], to: [3, 4], right: 0, why: "an unchanged gradient" },
    { from: [3, 4], to: [6, 8], right: 1, why: "a gradient that becomes twice as long" },
    {
      from: [3, 4],
      to: [4, -3],
      right: Math.SQRT2,
      why: "a gradient that turns by a right angle and keeps its length",
    },
    { from: [0, 2], to: [0, -1], right: 1.5, why: "a gradient that changes sign and becomes half as long" },
  ];
  for (const { from, to, right, why } of cases) {
    const yours = relativeChange(Float64Array.from(from), Float64Array.from(to));
    if (same(yours, right)) continue;
    return `From (${from.join(", ")}) to (${to.join(", ")}), the change is ${short(yours)}, expected ${short(right)}: this is ${why}.`;
  }
  return undefined;
}

function faultOfProbe(lossForProbe: Answers["lossForProbe"]): string | undefined {
  const { model, norm, input } = modelAndBatch();
  const labels = [0, 1, 0, 1, 1, 0];
  const { loss } = softmaxCrossEntropy(model.forward(input, { mode: "probe" }).output, labels);
  const state = Array.from(norm.runningMean.values);
  const found = lossForProbe(model, input, labels);
  const trace = traceOf(norm, state);
  if (same(found, loss)) return trace;
  return `The loss is ${short(found)}, expected ${short(loss)}: training normalizes with the statistics of the batch.`;
}

/** Returns a model with running statistics of its own, and a batch of 6 rows and 2 features. */
function modelAndBatch(): { readonly model: Sequential; readonly norm: BatchNorm; readonly input: Tensor } {
  const random = new Random(1);
  const norm = new BatchNorm({ features: 2 });
  const model = new Sequential([norm, new Dense({ inputs: 2, outputs: 2, random })]);
  model.forward(Tensor.normal([16, 2], { random, mean: 3, std: 2 }), { mode: "train" });
  return { model, norm, input: Tensor.normal([6, 2], { random, mean: 1, std: 0.5 }) };
}

/** Describes the first running mean that is no longer what it was. */
function traceOf({ runningMean }: BatchNorm, before: readonly number[]): string | undefined {
  const changed = before.findIndex((mean, c) => mean !== runningMean.values[c]);
  if (changed < 0) return undefined;
  const [was, is] = [short(before[changed]!), short(runningMean.values[changed]!)];
  return `The call changes the running mean of feature ${changed + 1} from ${was} to ${is}: mode "train" updates the running statistics.`;
}
