/** Claim 18, the two explanations pulled apart: shift without roughness, and a wrong gradient without shift. */
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
import { judge } from "../verdicts.js";

const rules = RULES["two-stories"];
const NETWORKS = ["plain", "batch norm", "drifting batch norm", "stopped gradient", "mean only"] as const;
const DOSES = [0.25, 0.5] as const;
const GAIN = { label: "gain", type: "linear", domain: [-1.5, 1] } as const;

export const twoStories: Claim = {
  number: 18,
  name: "two-stories",
  quick: true,
  title: "The two explanations pulled apart",
  who: "This project. The explanations: Ioffe & Szegedy 2015 and A. Ng (stable hidden values); Santurkar et al. 2018 (a smoother loss).",
  definition:
    "Three interventions on batch norm. D1, more shift at the same smoothness: after every norm each unit gets a new random mean (±0.5) and scale (1 to 1.25) at every step, the same for all samples. D2, the same shift with a wrong gradient: the forward pass is unchanged, but the backward pass treats mean and variance as constants. D3, half of the norm: the batch mean is subtracted, and nothing is divided. Step shift: the 1-Wasserstein distance, on 256 fixed images, between the values that a layer passes to the next just before and just after one update. Gain: actual / predicted decrease of the loss, one learning rate along the gradient.",
  settings: "8x48 ReLU, learning rate 0.1 and, without --quick, 0.3; batch size 64, 300 steps, probed every 20 steps.",
  differences:
    "Santurkar et al. 2018, figure 2, also add noise per sample; here it is a pure drift, so the batch stays as informative as before.",
  factor: "the intervention",
  counterEvidence:
    "Awais, Iqbal & Bae 2020 find that a scheme that does not reduce the shift trains poorly. D2 corrupts the direction of the gradient, not the loss surface: it does not show that smoothness is necessary. Step shift and smoothness are not independent either: a smaller relative update moves values less.",
  reading:
    "If D1 holds, stable hidden values are not necessary for the benefits of batch norm. If D2 holds, they are not sufficient. If D3 holds, neither the fixed scale nor the small total shift is necessary at this depth and learning rate.",
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
      type Measured = (runs: Runs, network: keyof Runs) => number;
      const ratio = (of: Measured, a: keyof Runs, b: keyof Runs): number[] => over((runs) => of(runs, a) / of(runs, b));
      const minus = (of: Measured, a: keyof Runs, b: keyof Runs): number[] => over((runs) => of(runs, a) - of(runs, b));
      const [d1, d2, d3] = [`D1, ${setting}`, `D2, ${setting}`, `D3, ${setting}`];
      conditions.push(
        judge(rules.moreShift, d1, ratio(step, "drifting batch norm", "batch norm")),
        judge(rules.sameGain, d1, minus(gain, "drifting batch norm", "batch norm")),
        judge(rules.learns, d1, minus(test, "batch norm", "drifting batch norm")),
        judge(rules.sameShift, d2, ratio(step, "stopped gradient", "batch norm")),
      );
      // At 0.3 the plain network may itself diverge, so this comparison would be meaningless there.
      if (rate === 0.1) conditions.push(judge(rules.fails, d2, minus(test, "plain", "stopped gradient")));
      conditions.push(
        judge(rules.moreTotal, d3, ratio(total, "mean only", "batch norm")),
        judge(rules.learnsToo, d3, minus(test, "batch norm", "mean only")),
      );
      figures.push({
        title: `Shift, gain and accuracy at learning rate ${rate}.`,
        caption:
          "Accuracy against shift: does a network whose hidden values move more learn less? One dot per network and seed. Gain: 1 if the loss falls as far as the gradient predicts, 0 if it does not fall. Lines: medians over the seeds; bands: ranges.",
        panels: [
          {
            title: "accuracy against shift",
            x: { label: "step shift (standard deviations)", type: "log" },
            y: TEST_ACCURACY,
            series: NETWORKS.map((network) => ({
              network,
              dots: "filled",
              points: seeds.map((runs) => dot(step(runs, network), test(runs, network))),
            })),
          },
          overTraining("step shift over training", steps, STEP_SHIFT, NETWORKS, seeds, (run) =>
            shiftPoints(run, steps),
          ),
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
        const values = dosed.map((run) => testAt(run, steps));
        const shifts = dosed.map((run) => overMoved(run, steps, "stepRelative"));
        shown.push({
          what: `drift at ${dose} of its full strength: test accuracy (median step shift ${median(shifts).toPrecision(2)})`,
          values,
        });
      }
    }
    return { conditions, figures, shown };
  },
};
