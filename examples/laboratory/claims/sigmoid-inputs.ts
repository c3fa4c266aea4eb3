/** Claim 1: figure 1 of Ioffe & Szegedy 2015. */
import type { Claim, Panel, Series } from "../claim.js";
import type { Trained } from "../measure/train.js";
import type { Network } from "../networks.js";
import { overSteps, TEST_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import { eachSeed, judgeRatio, meanOf, overTraining, PAIR, sigmoidRun, testPoints, trainEach } from "../study.js";
import { PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["sigmoid-inputs"];
const SETTINGS = [
  { learningRate: 0.5, initialStd: undefined },
  { learningRate: 0.5, initialStd: 0.05 },
  { learningRate: 0.1, initialStd: undefined },
  { learningRate: 0.1, initialStd: 0.05 },
] as const;

export const sigmoidInputs: Claim = {
  number: 1,
  name: "sigmoid-inputs",
  quick: true,
  quickOmits: "learning rate 0.1, the small initial weights and the calibrated network",
  seconds: { MLP: 60 },
  title: "Batch norm trains faster and keeps the inputs of sigmoid units stable",
  who: "Ioffe & Szegedy 2015, section 4.1 and figure 1 (arXiv:1502.03167).",
  definition:
    "Speed: the number of steps until the test accuracy first reaches 0.8, tested every 10 steps. Stability: for each sigmoid unit, the median of its input over 256 images, and the largest change in that median since step 0. The change is not normalized. It is averaged over the 100 units of the last hidden layer. The HTML report also shows the 15th and 85th percentiles.",
  settings:
    "Sigmoid 3x100, batch size 60, 700 steps. Learning rates 0.5 and 0.1, each with Glorot initialization and with normally distributed initial weights of standard deviation 0.05. With --quick, only learning rate 0.5 with Glorot initialization.",
  differences:
    "8x8 digits instead of binary MNIST, and 700 steps instead of 50,000 (--full runs 50,000 steps in the first setting). The paper does not state the optimizer, the learning rate or the scale of the initial weights.",
  counterEvidence:
    "If the plain network learns nothing, its inputs hardly change: with small initial weights and a low learning rate, it is the more stable of the two networks. With small initial weights, the signal has already vanished at step 0, so the result is as much about initialization as about shift. Compare the calibrated network, which is a plain network normalized with the fixed statistics of its first batch.",
  reading:
    "Both parts of the claim are reproduced in the settings where both networks learn. This does not show that one causes the other.",
  async run(study) {
    const networks = (["plain", "batch norm", "plain, calibrated"] as const).slice(0, study.extent === "quick" ? 2 : 3);
    const settings = study.extent === "quick" ? SETTINGS.slice(0, 1) : SETTINGS;
    const conditions = [];
    const accuracy: Panel[] = [];
    const inputs: Panel[] = [];
    const shown = [];
    for (const { learningRate, initialStd } of settings) {
      const main = learningRate === 0.5 && initialStd === undefined;
      const steps = study.steps(main && study.extent === "full" ? 50_000 : 700);
      const seeds = await eachSeed(study, (seed) =>
        trainEach(networks, (network) => sigmoidRun(study, network, { learningRate, initialStd, seed, steps })),
      );
      const setting = `learning rate ${learningRate}, ${initialStd === undefined ? "Glorot" : `std ${initialStd}`}`;
      const [there, forInputs] = [
        secondary(`at ${setting}`),
        secondary(`for the inputs${main ? "" : ` at ${setting}`}`),
      ];
      const soonest = (run: Trained): number => stepsTo(run, steps);
      conditions.push(
        judgeRatio(rules.sooner, setting, seeds, soonest, main ? PRIMARY : there),
        judgeRatio(rules.steadier, setting, seeds, furthest, forInputs),
      );
      for (const network of PAIR) {
        const what = `${network}, ${setting}: steps to test accuracy 0.8`;
        shown.push({ what, values: seeds.map((runs) => soonest(runs[network])) });
      }
      accuracy.push(overTraining(setting, steps, TEST_ACCURACY, networks, seeds, (run) => testPoints(run)));
      inputs.push(
        overSteps(setting, steps, { label: "input of the sigmoid", type: "linear" }, [
          ...unitSeries("plain", seeds[0]!.plain),
          ...unitSeries("batch norm", seeds[0]!["batch norm"]),
        ]),
      );
    }
    return {
      conditions,
      shown,
      figures: [
        {
          title: "Test accuracy.",
          caption: "Median and range over the seeds. Figure 1a of the paper.",
          panels: accuracy,
        },
        {
          title: "Input of one unit.",
          caption:
            "Median (line) and 15th to 85th percentiles (band) of the input of one sigmoid unit in the last hidden layer, over 256 images. First seed; the unit with the median change is shown. Figures 1b and 1c of the paper.",
          panels: inputs,
        },
      ],
    };
  },
};

/** Returns the first step with a test accuracy of at least 0.8, or the last step. */
function stepsTo({ tests }: Trained, steps: number): number {
  return tests.find(({ accuracy }) => accuracy >= 0.8)?.step ?? steps;
}

/** Returns the largest change in each unit's median since step 0, averaged over the units; infinite if the run diverged. */
function furthest(run: Trained): number {
  return run.divergedAt === null ? meanOf(distances(run)) : Infinity;
}

function distances({ percentiles }: Trained): number[] {
  const start = percentiles[0]!.units;
  return start.map((from, unit) => Math.max(...percentiles.map(({ units }) => Math.abs(units[unit]![1]! - from[1]!))));
}

function unitSeries(network: Network, run: Trained): Series[] {
  const far = distances(run);
  const order = far.map((_, unit) => unit).sort((a, b) => far[a]! - far[b]!);
  const unit = order[Math.floor((order.length - 1) / 2)]!;
  return [
    {
      network,
      points: run.percentiles.map(({ step, units }) => {
        const [low, y, high] = units[unit]! as [number, number, number];
        return { x: step, y, low, high };
      }),
    },
  ];
}
