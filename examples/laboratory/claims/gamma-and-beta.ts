/** Claim 17: training only gamma and beta. */
import type { Claim } from "../claim.js";
import type { Subset } from "../measure/evaluations.js";
import { TEST_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import { dot, eachSeed } from "../study.js";
import { judge, judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["gamma-and-beta"];
const SUBSETS: readonly Subset[] = ["gamma and beta", "output layer", "random weights", "all"];
const DEPTHS = [2, 6] as const;

export const gammaAndBeta: Claim = {
  number: 17,
  name: "gamma-and-beta",
  quick: false,
  seconds: { MLP: 15 },
  title: "Training only gamma and beta of a random network goes a long way",
  who: "Frankle, Schwab & Morcos 2020 (arXiv:2003.00152).",
  definition:
    "Test accuracy, with the test images normalized by their own statistics, after training only gamma and beta, only the output layer, only randomly chosen weights (the same number as gamma and beta), or all parameters. Also the share of |gamma| below 0.01 after training only gamma and beta.",
  settings:
    "ReLU 2x64 and 6x64 with batch norm, batch size 64, 400 steps, learning rate 1 (0.3 when all parameters are trained).",
  differences:
    "MLPs on digits. The paper uses ResNets of up to 866 layers, in which about a third of the features end up disabled.",
  counterEvidence: "In a shallow network, training only the output layer works better.",
  reading: "Gamma and beta select among random features, which works only in a deep enough network.",
  async run(study) {
    const seeds = await eachSeed(study, (seed) =>
      Promise.all(
        DEPTHS.map((hidden) =>
          Promise.all(SUBSETS.map((subset) => study.ask("subsets", { hidden, subset, seed, steps: study.steps(400) }))),
        ),
      ),
    );
    const accuracy = (depth: number, subset: Subset): number[] =>
      seeds.map((depths) => depths[depth]![SUBSETS.indexOf(subset)]!.accuracy);
    const minus = (depth: number, other: Subset): number[] =>
      accuracy(depth, "gamma and beta").map((value, i) => value - accuracy(depth, other)[i]!);
    const settings = DEPTHS.map((hidden) => `ReLU ${hidden}x64`);
    return {
      conditions: settings.flatMap((setting, depth) => [
        judge(
          rules.overOutput,
          setting,
          minus(depth, "output layer"),
          depth === 1 ? PRIMARY : secondary("with 2 layers"),
        ),
        judge(rules.overRandom, setting, minus(depth, "random weights"), secondary("against random weights")),
        judgeEach(
          rules.disabled,
          setting,
          seeds,
          (depths) => depths[depth]![0]!.disabled,
          secondary("for the share of disabled features"),
        ),
      ]),
      shown: settings.flatMap((setting, depth) =>
        SUBSETS.map((subset, i) => ({
          what: `${setting}: test accuracy with ${seeds[0]![depth]![i]!.trained} trained parameters (${subset})`,
          values: accuracy(depth, subset),
        })),
      ),
      figures: [
        {
          title: "Test accuracy by trained parameters.",
          caption: `One dot per seed. ${SUBSETS.map((subset, i) => `${i + 1}: ${subset}`).join("; ")}.`,
          panels: settings.map((title, depth) => ({
            title,
            x: { label: "trained parameters", type: "linear", domain: [0.5, 4.5], ticks: [1, 2, 3, 4] },
            y: TEST_ACCURACY,
            series: [
              {
                network: "batch norm",
                dots: "filled",
                points: SUBSETS.flatMap((subset, i) => accuracy(depth, subset).map((y) => dot(i + 1, y))),
              },
            ],
          })),
        },
      ],
    };
  },
};
