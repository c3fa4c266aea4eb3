/** Claim 10: theorem 4.1 of Santurkar et al. 2018. */
import type { Claim } from "../claim.js";
import { RULES } from "../rules.js";
import { dot, eachSeed } from "../study.js";
import { judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["theorem-4-1"];

export const theorem41Claim: Claim = {
  number: 10,
  name: "theorem-4-1",
  quick: false,
  seconds: { MLP: 3 },
  title: "Theorem 4.1: batch norm bounds the gradient with respect to its input",
  who: "Santurkar et al. 2018, theorem 4.1 and its proof in appendix C.",
  definition:
    "||gy||^2 <= gamma^2 / sigma^2 (||gz||^2 - <1, gz>^2 / m - <gz, yhat>^2 / m), where gy is the gradient with respect to the input of a BatchNorm layer, gz is the gradient with respect to its output, and m is the number of values in the batch. At epsilon 0, both sides are equal. At epsilon > 0, they are equal if the last term is multiplied by 2 - variance / (variance + epsilon).",
  settings:
    "1000 random draws per seed, with m from 4 to 64, random gamma, scale, offset and gradient, and epsilon 0, 1e-5 and 0.1. Also all units of an 8x48 ReLU network after 100 steps at learning rate 0.1, in double precision.",
  differences:
    "Both gradients belong to the same normalized network. If one of them were taken from the network without batch norm, the theorem would not bound anything.",
  counterEvidence:
    "Version 3 on arXiv prints 1/sqrt(m) in the last term, but the proof in the same paper yields 1/m. The theorem covers a single layer with fixed gamma and beta, in activation space.",
  reading:
    "Batch norm removes two directions from the gradient and divides it by the standard deviation. The theorem does not say whether that helps training.",
  async run(study) {
    const draws = study.steps(1000);
    const seeds = await eachSeed(study, (seed) => study.ask("theorem", { seed, draws, steps: study.steps(100) }));
    return {
      conditions: [
        judgeEach(rules.identity, "random draws", seeds, ({ identity }) => identity, PRIMARY),
        judgeEach(
          rules.identity,
          "trained 8x48 ReLU",
          seeds,
          ({ trained }) => trained,
          secondary("in the trained network"),
        ),
        judgeEach(rules.bound, "random draws", seeds, ({ violated }) => violated, secondary("as a bound")),
        judgeEach(
          rules.printed,
          "random draws, epsilon 0",
          seeds,
          ({ printedHolds }) => printedHolds,
          secondary("in the printed form with 1/sqrt(m)"),
        ),
      ],
      shown: [],
      figures: [
        {
          title: "Left side / right side.",
          caption:
            "First seed, epsilon 0. The left side divided by the right side, by batch size. Above 1, the bound is violated.",
          panels: [
            {
              title: "with 1/m and with 1/sqrt(m)",
              x: { label: "m, values in the batch", type: "linear", domain: [0, 64] },
              y: { label: "left side / right side", type: "log", domain: [0.5, 100] },
              series: [
                {
                  network: "plain, calibrated",
                  label: "1/sqrt(m)",
                  dots: "filled",
                  points: seeds[0]!.shown.map(({ m, printed }) => dot(m, printed)),
                },
                {
                  network: "batch norm",
                  label: "1/m",
                  dots: "filled",
                  points: seeds[0]!.shown.map(({ m, exact }) => dot(m, exact)),
                },
              ],
            },
          ],
        },
      ],
    };
  },
};
