/** Claim 9: other norms instead of the standard deviation. */
import type { Claim } from "../claim.js";
import { STEP_SHIFT, TRAINING_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import {
  accuracyPoints,
  type DeepNetwork,
  deepNetworks,
  eachSeed,
  overLooks,
  overMoved,
  overTraining,
  probedRun,
  shiftPoints,
  stepsOn,
  trainEach,
  trainingAccuracy,
} from "../study.js";
import { judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["lp-norms"];
const NORMS = ["l1", "l2", "l-infinity"] as const;
const NETWORKS = ["plain", "batch norm", ...NORMS] as const;

export const lpNorms: Claim = {
  number: 9,
  name: "lp-norms",
  quick: false,
  seconds: { MLP: 15, VGG: 500 },
  title: "Normalizing by l1, l2 or l-infinity works just as well, with more shift than no normalization",
  who: "Santurkar et al. 2018, section 3.3 and figure 5.",
  definition:
    "The batch mean is subtracted, but the values are divided by the mean of |a|, the root mean square of a, or the largest |a|, computed before the mean is subtracted. Training accuracy is the mean over the last 50 batches. The range of the loss is defined as in claim 5, but the networks are compared at equal steps instead of equal loss. Step shift is defined as in claim 2.",
  settings: "8x48 ReLU, learning rate 0.1, batch size 64, 300 steps.",
  differences:
    "An MLP on digits. The paper describes these norms only in words, so the formulas are an interpretation. The paper compares distributions by eye; here the shift is measured.",
  counterEvidence:
    "In pilot runs with this rule, networks with these norms had a smaller step shift (1-Wasserstein distance) than the plain network.",
  reading:
    "The choice of norm hardly matters. The claim that they cause more shift than no normalization is incomplete without a unit and a distance.",
  async run(study) {
    const steps = stepsOn(study, 300);
    const [deep] = deepNetworks(study, [8]) as [DeepNetwork];
    const seeds = await eachSeed(study, (seed) =>
      trainEach(NETWORKS, (network) => probedRun(study, deep.spec(network), 0.1, seed)),
    );
    type Runs = (typeof seeds)[number];
    const trained = (runs: Runs, network: keyof Runs): number => trainingAccuracy(runs[network], steps);
    const range = (runs: Runs, network: keyof Runs): number =>
      overLooks(runs[network], steps, ({ low, high }) => high - low, Infinity);
    const shift = (runs: Runs, network: keyof Runs): number => overMoved(runs[network], steps, "stepRelative");
    return {
      conditions: [
        ...NORMS.map((norm) =>
          judgeEach(
            rules.asWell,
            norm,
            seeds,
            (runs) => trained(runs, "batch norm") - trained(runs, norm),
            secondary("for the training accuracy"),
          ),
        ),
        ...NORMS.map((norm) =>
          judgeEach(
            rules.smoother,
            norm,
            seeds,
            (runs) => range(runs, "plain") / range(runs, norm),
            secondary("for the smoothness of the loss"),
          ),
        ),
        ...NORMS.map((norm) =>
          judgeEach(
            rules.moreShift,
            norm,
            seeds,
            (runs) => shift(runs, norm) / shift(runs, "plain"),
            norm === "l1" ? PRIMARY : secondary(`for the shift with ${norm}`),
          ),
        ),
      ],
      shown: NETWORKS.map((network) => ({
        what: `${network}: training accuracy`,
        values: seeds.map((runs) => trained(runs, network)),
      })),
      figures: [
        {
          title: "Training, smoothness and shift.",
          caption: "Median and range over the seeds.",
          panels: [
            overTraining("training accuracy", steps, TRAINING_ACCURACY, NETWORKS, seeds, (run) =>
              accuracyPoints(run, steps),
            ),
            overTraining(
              "range of the loss along the gradient",
              steps,
              { label: "range of the loss (nats)", type: "log", ceiling: 100 },
              NETWORKS,
              seeds,
              ({ looks }) =>
                looks.filter(({ step }) => step < steps).map(({ step, low, high }) => ({ x: step, y: high - low })),
            ),
            overTraining("step shift", steps, STEP_SHIFT, NETWORKS, seeds, (run) => shiftPoints(run, steps)),
          ],
        },
      ],
    };
  },
};
