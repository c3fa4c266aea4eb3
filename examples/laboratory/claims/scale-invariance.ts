/** Claim 13: scale invariance, and least squares with batch norm at any learning rate. */
import type { Claim } from "../claim.js";
import { RULES } from "../rules.js";
import { eachSeed, lineOf } from "../study.js";
import { judge, judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["scale-invariance"];
const RATES = [1e-3, 1e-2, 1e-1, 1, 10, 100, 1000] as const;

export const scaleInvariance: Claim = {
  number: 13,
  name: "scale-invariance",
  quick: false,
  seconds: { MLP: 6 },
  title: "Weights before batch norm are scale-invariant, so the learning rate tunes itself",
  who: "Arora, Li & Lyu 2018 (arXiv:1812.03981). Least squares: Kohler et al. 2018 (arXiv:1805.10694); Cai, Li & Shen 2018.",
  definition:
    "Multiplying the weights before a BatchNorm layer by a factor a leaves the loss unchanged and divides the gradient by a. The gradient is orthogonal to the weights, so every step increases their squared norm by lr^2 ||g||^2. Least squares: gradient descent on the direction of w and on a scale s, with y = s (w'x - mean) / std, is compared with ordinary gradient descent. A run counts as converged if the residual sum of squares is below 0.01 times that of the targets.",
  settings:
    "ReLU 3x48 in double precision, with W scaled by 0.01, 0.1, 10 and 100, at epsilon 0 and 1e-5; 300 training steps at learning rate 1, batch size 64. Least squares: 20 inputs, 400 rows, condition number 100, centered targets without noise, 2000 steps, learning rate 1 for the scale and 1e-3 to 1e3 for w.",
  differences: "The papers prove the claim; here it is measured, at the sizes used for the other claims.",
  counterEvidence:
    "Epsilon breaks the invariance where activations are small: at epsilon 1e-5 and with weights scaled by 0.01, the loss does change.",
  reading:
    "A larger step increases the norm of the weights, which makes the next step smaller. This is why large learning rates are tolerated.",
  async run(study) {
    const seeds = await eachSeed(study, (seed) => study.ask("invariance", { seed, steps: study.steps(300) }));
    const least = await eachSeed(study, (seed) =>
      study.ask("leastSquares", { seed, rates: RATES, steps: study.steps(2000) }),
    );
    const at = (epsilon: number, figure: "loss" | "gradient" | "cosine"): number[] =>
      seeds.map(({ scales }) =>
        Math.max(...scales.filter((each) => each.epsilon === epsilon).map((each) => each[figure])),
      );
    const decades = least.map(({ norm }) => decadesOf(norm));
    return {
      conditions: [
        judge(rules.loss, "ReLU 3x48, epsilon 0", at(0, "loss"), PRIMARY),
        judge(rules.gradient, "ReLU 3x48, epsilon 0", at(0, "gradient"), secondary("for the gradient")),
        judge(rules.orthogonal, "ReLU 3x48, epsilon 0", at(0, "cosine"), secondary("for the right angle")),
        judgeEach(
          rules.growth,
          "ReLU 3x48",
          seeds,
          ({ growthError }) => growthError,
          secondary("for the growth of the weights"),
        ),
        judge(rules.anyRate, "least squares", decades, secondary("for least squares")),
      ],
      shown: [
        { what: "largest change in the loss at epsilon 1e-5", values: at(1e-5, "loss") },
        {
          what: "least squares: 2 / largest eigenvalue, above which ordinary gradient descent must diverge",
          values: least.map(({ edge }) => edge),
        },
        {
          what: "least squares: lowest tested learning rate at which ordinary gradient descent diverged",
          values: least.map(({ plain }) => RATES[plain.findIndex((error) => error > 1)] ?? Infinity),
        },
      ],
      figures: [
        {
          title: "Least squares.",
          caption:
            "Residual sum of squares after 2000 steps, relative to that of the targets, by learning rate for w. Median and range over the seeds. Curves that leave the figure at the top have diverged; below the figure, the error is less than 1e-12.",
          panels: [
            {
              title: "20 inputs, condition number 100",
              x: { label: "learning rate", type: "log", ticks: RATES },
              y: { label: "relative error", type: "log", domain: [1e-12, 10] },
              series: [
                {
                  network: "plain",
                  points: lineOf(least.map(({ plain }) => plain.map((y, i) => ({ x: RATES[i]!, y })))),
                },
                {
                  network: "batch norm",
                  points: lineOf(least.map(({ norm }) => norm.map((y, i) => ({ x: RATES[i]!, y })))),
                },
              ],
            },
          ],
        },
      ],
    };
  },
};

/** Returns the width, in decades, of the longest run of consecutive learning rates at which it converged. */
function decadesOf(errors: readonly number[]): number {
  let [longest, current] = [0, 0];
  for (const error of errors) {
    current = error < 0.01 ? current + 1 : 0;
    longest = Math.max(longest, current);
  }
  return Math.max(0, longest - 1);
}
