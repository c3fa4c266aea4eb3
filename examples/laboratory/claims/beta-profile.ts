/** Claim 6: figure 4c of Santurkar et al. 2018, with the whole profile. */
import { median } from "../../shared/spread.js";
import type { Claim } from "../claim.js";
import type { Trained } from "../measure/train.js";
import { RULES } from "../rules.js";
import {
  deepNetworks,
  DISTANCES,
  eachSeed,
  evenLooks,
  judgeRatio,
  lineOf,
  overLooks,
  PAIR,
  probedRun,
  stepsOn,
  trainEach,
} from "../study.js";
import { type Part, type Rule, secondary } from "../verdicts.js";

const rules = RULES["beta-profile"];
const [NEAR, HALF, FAR] = [0.01, 0.5, 4].map((distance) => DISTANCES.indexOf(distance)) as [number, number, number];

export const betaProfile: Claim = {
  number: 6,
  name: "beta-profile",
  quick: true,
  seconds: { MLP: 25, VGG: 1 },
  quickOmits: "the last 100 of 300 steps",
  title: "Batch norm improves the effective beta-smoothness",
  who: "Santurkar et al. 2018, figure 4c, which shows the maximum over 0.5 to 4 learning rates.",
  definition:
    "Beta is the change of the gradient divided by the distance, at 0.01, 0.1, 0.5, 1, 2 and 4 learning rates along the gradient. Multiplied by the learning rate, it is dimensionless. Each value is the median over the probes of a run.",
  settings: "16x48 and 8x48 ReLU, learning rate 0.1, batch size 64, 300 steps (--quick: 200), probed every 20 steps.",
  differences:
    "An MLP on digits instead of a VGG on CIFAR-10. The whole profile instead of only its maximum, with two additional, smaller distances.",
  counterEvidence:
    "In the paper's figure, both batch norm and the plain network plateau at 2 / learning rate. The reason is that once the gradient changes by about its own norm within half a learning rate, beta at the smallest distance in the paper is 1 / (half a learning rate). The maximum then carries no information.",
  reading:
    "Compared with the plain network, the loss with batch norm can be less smooth close to the current parameters and smoother farther away. Always state the distance.",
  async run(study) {
    const steps = stepsOn(study, study.extent === "quick" ? 200 : 300);
    const conditions = [];
    const panels = [];
    const shown = [];
    for (const { name: setting, main, suffix, spec } of deepNetworks(study, [8, 16])) {
      const seeds = await eachSeed(study, (seed) =>
        trainEach(PAIR, (network) => probedRun(study, spec(network), 0.1, seed)),
      );
      const ratio = (rule: Rule, figure: (run: Trained) => number, part: Part) =>
        judgeRatio(rule, setting, seeds, figure, part);
      const beta = (run: Trained, index: number): number =>
        overLooks(run, steps, (look) => look.beta[index]!, Infinity);
      conditions.push(
        ratio(
          rules.far,
          (run) => beta(run, FAR),
          main ? { kind: "primary", where: "at 4 lr" } : secondary(`at 4 lr${suffix}`),
        ),
        ratio(rules.near, (run) => beta(run, NEAR), secondary("at 0.01 lr")),
        ratio(rules.start, ({ looks }) => looks[0]!.beta[NEAR]!, secondary("at 0.01 lr")),
      );
      panels.push({
        title: setting,
        x: { label: "distance (learning rates)", type: "log", ticks: DISTANCES },
        y: { label: "beta x learning rate", type: "log", ceiling: 100 },
        series: PAIR.map((network) => ({
          network,
          points: lineOf(seeds.map((runs) => DISTANCES.map((x, i) => ({ x, y: beta(runs[network], i) })))),
        })),
      } as const);
      for (const network of PAIR) {
        const own = seeds.map((runs) => evenLooks(runs[network], steps));
        shown.push(
          {
            what: `${network}, ${setting}: share of probes with the largest beta (over 0.5 to 4 lr) at 0.5 lr`,
            values: own.map(
              (looks) => looks.filter(({ beta: at }) => Math.max(...at.slice(HALF)) === at[HALF]).length / looks.length,
            ),
          },
          {
            what: `${network}, ${setting}: largest beta x lr over 0.5 to 4 lr (median over the probes)`,
            values: own.map((looks) => median(looks.map(({ beta: at }) => Math.max(...at.slice(HALF))))),
          },
        );
      }
    }
    return {
      conditions,
      shown,
      figures: [
        {
          title: "Beta by distance.",
          caption:
            "Each run contributes the median over its probes. Line: median over the seeds; band: range. Where the line falls as 1 / distance, the change of the gradient no longer grows. Figure 4c of the paper shows the maximum over distances of 0.5 and more.",
          panels,
        },
      ],
    };
  },
};
