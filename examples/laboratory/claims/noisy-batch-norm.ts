/** Claim 8: figure 2 of Santurkar et al. 2018. */
import type { Claim, Panel } from "../claim.js";
import { CHANCE } from "../measure/training.js";
import { STEP_SHIFT, TRAINING_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import {
  accuracyPoints,
  eachSeed,
  overMoved,
  overTraining,
  probedRun,
  relu,
  shiftPoints,
  trainEach,
  trainingAccuracy,
} from "../study.js";
import { judgeEach } from "../verdicts.js";

const rules = RULES["noisy-batch-norm"];
const NETWORKS = ["plain", "plain + noise", "batch norm", "noisy batch norm"] as const;

export const noisyBatchNorm: Claim = {
  number: 8,
  name: "noisy-batch-norm",
  quick: true,
  title: "Noisy batch norm trains just as well, and the same noise stops the plain network",
  who: "Santurkar et al. 2018, section 2.1, figure 2 and algorithm 1.",
  definition:
    "After every norm (or Dense, in the plain network) each value is scaled and shifted by noise whose mean and scale are redrawn for each unit and step. Training accuracy: mean over the last 50 training batches, in the training pass. Step shift as in claim 2, with the noise of the respective step.",
  settings:
    "8x48 and 16x48 ReLU, 400 steps (--quick: 250), learning rate 0.1, batch size 64. The paper's constants: mean ±0.5, scale 1 to 1.25; per sample ±0.1 and standard deviation 0.1.",
  differences: "An MLP on digits instead of a VGG on CIFAR-10; r_sigma is read as a standard deviation.",
  factor: "the depth",
  counterEvidence:
    "At inference the noise has to be replaced by its expectation (a factor of 1.125). With the identity instead, test accuracy collapses, which looks like a finding about running statistics but is not. At 16 layers the plain network itself hardly trains from He initialization, for a reason other than shift: normalized with the fixed statistics of its first batch (plain, calibrated; not with --quick), it differs in its initialization and in nothing else.",
  reading:
    "The point is that noisy batch norm trains although its hidden values move more. The noise stops the plain network only if it is deep.",
  async run(study) {
    const conditions = [];
    const shown = [];
    const accuracy: Panel[] = [];
    const shift: Panel[] = [];
    const networks = study.extent === "quick" ? NETWORKS : ([...NETWORKS, "plain, calibrated"] as const);
    for (const hidden of [8, 16]) {
      const steps = study.steps(study.extent === "quick" ? 250 : 400);
      const seeds = await eachSeed(study, async (seed) => ({
        ...(await trainEach(networks, (network) => probedRun(study, relu(hidden, 48, network), 0.1, seed))),
      }));
      type Runs = (typeof seeds)[number];
      const setting = `${hidden}x48 ReLU`;
      const trained = (runs: Runs, network: keyof Runs): number => trainingAccuracy(runs[network], steps);
      conditions.push(
        judgeEach(
          rules.asWell,
          setting,
          seeds,
          (runs) => trained(runs, "batch norm") - trained(runs, "noisy batch norm"),
        ),
        judgeEach(rules.better, setting, seeds, (runs) => trained(runs, "noisy batch norm") - trained(runs, "plain")),
        judgeEach(rules.stopped, setting, seeds, (runs) => trained(runs, "plain + noise")),
        judgeEach(
          rules.unstable,
          setting,
          seeds,
          (runs) =>
            overMoved(runs["noisy batch norm"], steps, "stepRelative") / overMoved(runs.plain, steps, "stepRelative"),
        ),
      );
      for (const reading of ["identity", "expectation", "recalibrated"] as const) {
        shown.push({
          what: `noisy batch norm, ${setting}: final test accuracy, noise at inference: ${reading}`,
          values: seeds.map((runs) => runs["noisy batch norm"].noiseAtInference?.[reading] ?? CHANCE),
        });
      }
      for (const network of networks) {
        shown.push({
          what: `${network}, ${setting}: training accuracy`,
          values: seeds.map((runs) => trained(runs, network)),
        });
      }
      accuracy.push(
        overTraining(setting, steps, TRAINING_ACCURACY, networks, seeds, (run) => accuracyPoints(run, steps)),
      );
      shift.push(overTraining(setting, steps, STEP_SHIFT, networks, seeds, (run) => shiftPoints(run, steps)));
    }
    return {
      conditions,
      shown,
      figures: [
        {
          title: "Training accuracy.",
          caption: "Mean over windows of 20 batches; median and range over the seeds.",
          panels: accuracy,
        },
        {
          title: "Step shift.",
          caption:
            "How far one step moves the values that layers pass on, on the same images. Median and range over the seeds.",
          panels: shift,
        },
      ],
    };
  },
};
