/** Claim 0 separates the two explanations: shift with the same smoothness, and a wrong gradient with the same shift. */
import { median } from "../../shared/spread.js";
import type { Claim, Figure } from "../claim.js";
import { STEP_SHIFT, TEST_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import {
  dot,
  eachSeed,
  overLooks,
  overMoved,
  overTraining,
  probedRun,
  relu,
  shiftPoints,
  testAt,
  testPoints,
  trainEach,
} from "../study.js";
import { CHECK, judge, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["two-stories"];
const NETWORKS = ["plain", "batch norm", "drifting batch norm", "stopped gradient", "mean only"] as const;
const DOSES = [0.25, 0.5] as const;
const GAIN = { label: "gain", type: "linear", domain: [-1.5, 1] } as const;

export const twoStories: Claim = {
  number: 0,
  name: "two-stories",
  quick: true,
  quickOmits: "learning rate 0.3 and weaker drift",
  seconds: { MLP: 60 },
  title: "Batch norm trains just as well when its hidden values shift many times more",
  who: "This project. The two explanations: stable hidden values (Ioffe & Szegedy 2015; A. Ng) and a smoother loss (Santurkar et al. 2018).",
  definition:
    "Batch norm is modified in three ways. D1 adds shift without changing the smoothness: after every BatchNorm layer, each unit gets a new random mean (±0.5) and scale (1 to 1.25) at every step, the same for all samples. D2 leaves the shift as it is and corrupts the gradient: the forward pass is unchanged, but the backward pass treats the mean and variance as constants. D3 removes half of the normalization: the batch mean is subtracted, but the values are not divided by the standard deviation. Step shift is the 1-Wasserstein distance, on 256 fixed images, between the outputs of a layer before and after one update; total shift is the distance since step 0. Gain is the actual decrease of the loss divided by the predicted decrease, for a step of one learning rate along the gradient.",
  settings:
    "8x48 ReLU, batch size 64, 300 steps, probed every 20 steps. Learning rate 0.1 and, without --quick, also 0.3.",
  differences:
    "In figure 2 of Santurkar et al. 2018, the noise also varies between samples. Here all samples of a batch share the same drift, so the batch remains as informative as before.",
  counterEvidence:
    "Awais, Iqbal & Bae 2020 find that a scheme that does not reduce the shift trains poorly. D2 corrupts the direction of the gradient but not the loss surface, so it does not show that smoothness is necessary. Nor are step shift and smoothness independent: a smaller relative update changes the hidden values less.",
  reading:
    "If D1 holds, stable hidden values are not necessary for the benefits of batch norm. If D2 holds, they are not sufficient. If D3 holds, neither a fixed scale nor a small total shift is necessary at this depth and learning rate.",
  async run(study) {
    const steps = study.steps(300);
    const rates = study.extent === "quick" ? [0.1] : [0.1, 0.3];
    const conditions = [];
    const figures: Figure[] = [];
    const shown = [];
    for (const rate of rates) {
      const seeds = await eachSeed(study, (seed) =>
        trainEach(NETWORKS, (network) => probedRun(study, relu(8, 48, network), rate, seed)),
      );
      const setting = `8x48 ReLU, learning rate ${rate}`;
      type Runs = (typeof seeds)[number];
      const over = (figure: (runs: Runs) => number): number[] => seeds.map(figure);
      const step = (runs: Runs, network: keyof Runs): number => overMoved(runs[network], steps, "stepRelative");
      const total = (runs: Runs, network: keyof Runs): number => overMoved(runs[network], steps, "totalRelative");
      const gain = (runs: Runs, network: keyof Runs): number =>
        overLooks(runs[network], steps, ({ gain: at }) => at, -Infinity);
      const test = (runs: Runs, network: keyof Runs): number => testAt(runs[network], steps);
      type Value = typeof step;
      const ratio = (of: Value, network: keyof Runs): number[] =>
        over((runs) => of(runs, network) / of(runs, "batch norm"));
      const minus = (of: Value, a: keyof Runs, b: keyof Runs): number[] => over((runs) => of(runs, a) - of(runs, b));
      const main = rate === 0.1;
      const at = (place: string) => secondary(`${place} at learning rate ${rate}`);
      const [drift, gainKept] = [at("for the drift"), at("for the gain with drift")];
      const [stopped, halved] = [at("for the stopped gradient"), at("for mean-only normalization")];
      const [d1, d2, d3] = [`D1, ${setting}`, `D2, ${setting}`, `D3, ${setting}`];
      conditions.push(
        judge(rules.moreShift, d1, ratio(step, "drifting batch norm"), main ? CHECK : drift),
        judge(rules.sameGain, d1, minus(gain, "drifting batch norm", "batch norm"), gainKept),
        judge(rules.learns, d1, minus(test, "batch norm", "drifting batch norm"), main ? PRIMARY : drift),
        judge(rules.sameShift, d2, ratio(step, "stopped gradient"), stopped),
        // At 0.3 the plain network may itself diverge, which would make this comparison meaningless.
        ...(main ? [judge(rules.fails, d2, minus(test, "plain", "stopped gradient"), stopped)] : []),
        judge(rules.moreTotal, d3, ratio(total, "mean only"), halved),
        judge(rules.learnsToo, d3, minus(test, "batch norm", "mean only"), halved),
      );
      figures.push({
        title: `Shift, gain and accuracy at learning rate ${rate}.`,
        caption:
          "Accuracy by shift: do networks with more shift learn less? One dot per network and seed. Gain: 1 if the loss falls as far as the gradient predicts, 0 if it does not fall. Lines: medians over the seeds; bands: ranges.",
        panels: [
          {
            ...{ title: "accuracy by shift", x: STEP_SHIFT, y: TEST_ACCURACY },
            series: NETWORKS.map((network) => ({
              network,
              dots: "filled",
              points: seeds.map((runs) => dot(step(runs, network), test(runs, network))),
            })),
          },
          overTraining("step shift", steps, STEP_SHIFT, NETWORKS, seeds, (run) => shiftPoints(run, steps)),
          overTraining("gain at one learning rate", steps, GAIN, NETWORKS, seeds, ({ looks }) =>
            looks.filter((look) => look.step < steps).map((look) => ({ x: look.step, y: look.gain })),
          ),
          overTraining("test accuracy", steps, TEST_ACCURACY, NETWORKS, seeds, (run) => testPoints(run, steps)),
        ],
      });
      for (const network of NETWORKS) {
        shown.push({ what: `${network}, ${setting}: test accuracy`, values: over((runs) => test(runs, network)) });
      }
      if (study.extent === "quick" || rate !== 0.1) continue;
      for (const dose of DOSES) {
        const dosed = await eachSeed(study, (seed) =>
          probedRun(study, { ...relu(8, 48, "drifting batch norm"), dose }, rate, seed),
        );
        const shifts = dosed.map((run) => overMoved(run, steps, "stepRelative"));
        shown.push({
          what: `drift at ${100 * dose}% strength: test accuracy (median step shift ${median(shifts).toPrecision(2)})`,
          values: dosed.map((run) => testAt(run, steps)),
        });
      }
    }
    return { conditions, figures, shown };
  },
};
