/** Claim 8: figure 2 of Santurkar et al. 2018. */
import type { Claim, Panel } from "../claim.js";
import { CHANCE } from "../measure/training.js";
import { STEP_SHIFT, TRAINING_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import {
  accuracyPoints,
  deepNetworks,
  eachSeed,
  overMoved,
  overTraining,
  probedRun,
  shiftPoints,
  stepsOn,
  trainEach,
  trainingAccuracy,
} from "../study.js";
import { judgeEach, PRIMARY, type Rule, secondary } from "../verdicts.js";

const rules = RULES["noisy-batch-norm"];
const NETWORKS = ["plain", "plain + noise", "batch norm", "noisy batch norm"] as const;

export const noisyBatchNorm: Claim = {
  number: 8,
  name: "noisy-batch-norm",
  quick: true,
  quickOmits: "the calibrated network, and the last 150 of 400 steps",
  seconds: { MLP: 45, VGG: 480 },
  title: "Noisy batch norm trains just as well, while the same noise stops the plain network from training",
  who: "Santurkar et al. 2018, section 2.1, figure 2 and algorithm 1.",
  definition:
    "After every BatchNorm layer (after every Dense layer in the plain network), each value is scaled and shifted by noise. The mean and scale of the noise are redrawn for each unit at each step. Training accuracy is measured in the training pass and averaged over the last 50 batches. Step shift is defined as in claim 2 and includes the noise of that step.",
  settings:
    "8x48 and 16x48 ReLU, learning rate 0.1, batch size 64, 400 steps (--quick: 250). The noise uses the paper's constants: mean ±0.5 and scale 1 to 1.25 per unit, ±0.1 and standard deviation 0.1 per sample.",
  differences:
    "An MLP on digits instead of a VGG on CIFAR-10. The paper's r_sigma is interpreted as a standard deviation.",
  counterEvidence:
    "At inference, the noise has to be replaced by its expectation (a factor of 1.125). If it is replaced by the identity, test accuracy collapses, which looks like a finding about running statistics but is not. At 16 layers, the plain network hardly trains from He initialization even without noise, for a reason other than shift. The calibrated network, which is the plain network normalized with the fixed statistics of its first batch, differs from it only in its initialization; --quick omits it.",
  reading:
    "The main result is that noisy batch norm trains although its hidden values shift more. The noise stops only deep plain networks from training.",
  async run(study) {
    const conditions = [];
    const shown = [];
    const accuracy: Panel[] = [];
    const shift: Panel[] = [];
    const quick = study.extent === "quick";
    const networks = quick || study.column === "VGG" ? NETWORKS : ([...NETWORKS, "plain, calibrated"] as const);
    for (const { name: setting, suffix, spec } of deepNetworks(study, [8, 16])) {
      const steps = stepsOn(study, quick ? 250 : 400);
      const seeds = await eachSeed(study, async (seed) => ({
        ...(await trainEach(networks, (network) => probedRun(study, spec(network), 0.1, seed))),
      }));
      type Runs = (typeof seeds)[number];
      const trained = (runs: Runs, network: keyof Runs): number => trainingAccuracy(runs[network], steps);
      const shifted = (runs: Runs, network: keyof Runs): number => overMoved(runs[network], steps, "stepRelative");
      const judged = (rule: Rule, figure: (runs: Runs) => number, where: string) =>
        judgeEach(rule, setting, seeds, figure, where === "" ? PRIMARY : secondary(where));
      conditions.push(
        judged(rules.asWell, (runs) => trained(runs, "batch norm") - trained(runs, "noisy batch norm"), suffix.trim()),
        judged(
          rules.better,
          (runs) => trained(runs, "noisy batch norm") - trained(runs, "plain"),
          `for beating the plain network${suffix}`,
        ),
        judged(rules.stopped, (runs) => trained(runs, "plain + noise"), `for stopping the plain network${suffix}`),
        judged(
          rules.unstable,
          (runs) => shifted(runs, "noisy batch norm") / shifted(runs, "plain"),
          `for the larger shift${suffix}`,
        ),
      );
      for (const reading of study.column === "MLP" ? (["identity", "expectation", "recalibrated"] as const) : []) {
        shown.push({
          what: `noisy batch norm, ${setting}: final test accuracy (noise at inference: ${reading})`,
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
            "How much one update changes the outputs of the hidden layers, on the same images. Median and range over the seeds.",
          panels: shift,
        },
      ],
    };
  },
};
