/** Grades the backward rules: compares them with finite differences, and names the term that is wrong. */
import { checkLayer, type GradientComparison, Random, Tensor } from "batchnorm";
import { type BackwardRule, meanOf, times } from "./answers.js";
import { accuracyAfterTraining } from "./consequences.js";
import { type Exercise, percent } from "./exercise.js";
import { RuleBatchNorm } from "./rule-batch-norm.js";

/** An exercise on a backward rule. */
export function backwardExercise(title: string, rule: BackwardRule, solution: BackwardRule): Exercise {
  return {
    title,
    file: "backward.ts",
    fault: async () => {
      const random = new Random(1);
      const layer = new RuleBatchNorm(3, rule);
      layer.norm.gamma!.update((values) => values.set([0.5, 2, -1.5]));
      const input = Tensor.normal([8, 3], { random, mean: 0.5, std: 2 });
      const options = { mode: "probe", random, coordinatesPerGroup: Infinity } as const;
      const { coordinates, verdict } = await checkLayer(layer, input, options);
      if (verdict === "agrees") return undefined;
      const error = ({ analytic, numeric }: GradientComparison): number => Math.abs(analytic - numeric!);
      const ofInput = coordinates.filter(({ name }) => name.startsWith("input["));
      const wrong = ofInput.reduce((worst, each) => (error(each) > error(worst) ? each : worst));
      const index = Number(/\d+/.exec(wrong.name)![0]);
      const where = `In row ${Math.floor(index / 3) + 1}, feature ${(index % 3) + 1}, dx is ${short(wrong.analytic)}`;
      return `${where}, but the loss changes at a rate of ${short(wrong.numeric!)}.${diagnosis(rule)}`;
    },
    consequence: () => {
      const [yours, right] = [rule, solution].map((each) => accuracyAfterTraining(each));
      return `Trained for 100 steps with this rule, a network classifies ${percent(yours!)} of the test digits correctly. With the right rule: ${percent(right!)}.`;
    },
  };
}

/**
 * Names the wrong term of a rule, if it has the form dx = gamma rstd (a dy + b + c xhat). The right one has a = 1, b = - mean(dy)
 * and c = - mean(dy xhat).
 */
export function diagnosis(rule: BackwardRule): string {
  const random = new Random(2);
  const rows = 8;
  const draw = (): Float64Array => Float64Array.from({ length: rows }, () => random.normal());
  const x = draw();
  const mean = meanOf(x);
  const std = Math.sqrt(meanOf(x.map((value) => (value - mean) ** 2)));
  const [xhat, dy, gamma, rstd] = [x.map((value) => (value - mean) / std), draw(), 1.5, 0.4];
  const u = rule({ xhat, dy, gamma, rstd }).map((value) => value / (gamma * rstd));
  const [meanDy, slope] = [meanOf(dy), meanOf(times(dy, xhat))];
  // xhat has mean 0 and mean square 1, so what remains of dy without both directions determines a.
  const rest = dy.map((value, n) => value - meanDy - slope * xhat[n]!);
  const a = meanOf(times(u, rest)) / meanOf(times(rest, rest));
  const b = meanOf(u) - a * meanDy;
  const c = meanOf(times(u, xhat)) - a * slope;
  const close = (value: number, wanted: number): boolean => Math.abs(value - wanted) < 1e-6;
  if (!u.every((value, n) => close(value, a * dy[n]! + b + c * xhat[n]!))) return "";
  const [ofMean, ofVariance] = [-b / meanDy, -c / slope];
  if (close(ofMean, a) && close(ofVariance, a)) {
    if (close(a, 1)) return "";
    if (close(a, 1 / gamma)) return " The factor gamma is missing.";
    if (close(a, 1 / rstd)) return " The factor rstd is missing.";
    if (close(a, rstd)) return " The factor rstd is there twice.";
    return ` All values are ${short(a)} times as large as they should be.`;
  }
  if (close(ofMean, 0) && close(ofVariance, 0)) return " The mean and the variance are treated as constants.";
  if (close(ofMean, 0)) return " The term through the mean is missing.";
  if (close(ofVariance, 0)) return " The term through the variance is missing.";
  if (close(ofMean, -1)) return " The term through the mean has the wrong sign.";
  if (close(ofVariance, -1)) return " The term through the variance has the wrong sign.";
  if (close(ofVariance, rows / (rows - 1))) return " The term through the variance divides by n − 1 instead of n.";
  return "";
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
