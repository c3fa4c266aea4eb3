/** Claim 2: batch norm limits how much the hidden values shift. */
import type { Claim, Panel } from "../claim.js";
import type { Trained } from "../measure/train.js";
import { overSteps, STEP_SHIFT } from "../panels.js";
import { RULES } from "../rules.js";
import {
  dot,
  eachSeed,
  lineOf,
  linesOf,
  overMoved,
  overTraining,
  PAIR,
  probedRun,
  relu,
  sigmoidRun,
  trainEach,
} from "../study.js";
import { judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["hidden-shift"];
const KINDS = ["stepRelative", "stepRaw", "totalRelative", "totalRaw"] as const;
const WORDS = {
  stepRelative: "for the step shift",
  stepRaw: "for the raw step shift",
  totalRelative: "for the total shift",
  totalRaw: "for the raw total shift",
};

export const hiddenShift: Claim = {
  number: 2,
  name: "hidden-shift",
  quick: true,
  quickOmits: "the sigmoid networks",
  seconds: { MLP: 10 },
  title: "Batch norm limits how much the hidden values shift",
  who: "A. Ng, Improving Deep Neural Networks, lecture “Why Does Batch Norm Work?”, following Ioffe & Szegedy 2015.",
  definition:
    "How much the outputs of the hidden layers change, on 256 fixed images. For each unit, this is the 1-Wasserstein distance between its values before and after one update (step shift), or between its values at step 0 and at the current step (total shift). Both are measured every 20 steps, raw and in standard deviations of the unit. They are averaged over the units of up to four layers, evenly spaced over the depth; the result is the median over the steps. The floor is the distance between two sets of images at the same parameters.",
  settings:
    "8x48 ReLU, learning rate 0.1, batch size 64, 300 steps. Without --quick, also sigmoid 3x100, learning rate 0.5, batch size 60, 600 steps, with Glorot initialization and with normally distributed initial weights of standard deviation 0.05.",
  differences:
    "The lecture shows no measurements, so the definition is our own. Figure 8 of Santurkar et al. 2018 shows the mean and variance of one random activation.",
  counterEvidence:
    "Santurkar et al. 2018: shift has little to do with the success of batch norm. Directly after a BatchNorm layer, the mean and variance are beta and gamma squared by construction, so only the values after the activation are informative. A network that learns nothing has no shift, so a small shift is not an advantage in itself.",
  reading:
    "The claim is incomplete without a unit of distance. A total shift below the floor is indistinguishable from the difference between two sets of images.",
  async run(study) {
    const cases = [
      {
        name: "8x48 ReLU",
        steps: study.steps(300),
        of: (network: "plain" | "batch norm", seed: number) => probedRun(study, relu(8, 48, network), 0.1, seed),
      },
      ...(study.extent !== "quick" ? [undefined, 0.05] : []).map((initialStd) => ({
        name: `sigmoid 3x100, ${initialStd === undefined ? "Glorot" : `std ${initialStd}`}`,
        steps: study.steps(600),
        of: (network: "plain" | "batch norm", seed: number) =>
          sigmoidRun(study, network, { learningRate: 0.5, initialStd, seed, steps: study.steps(700) }),
      })),
    ];
    const conditions = [];
    const shown = [];
    const panels: { readonly step: Panel[]; readonly total: Panel[] } = { step: [], total: [] };
    for (const { name, steps, of } of cases) {
      const seeds = await eachSeed(study, (seed) => trainEach(PAIR, (network) => of(network, seed)));
      for (const kind of KINDS) {
        const ratio = (runs: (typeof seeds)[number]): number =>
          overMoved(runs["batch norm"], steps, kind) / overMoved(runs.plain, steps, kind);
        const elsewhere = secondary(`${WORDS[kind]}${name === "8x48 ReLU" ? "" : ` of ${name}`}`);
        const main = name === "8x48 ReLU" && kind === "stepRelative";
        conditions.push(judgeEach(rules[kind], name, seeds, ratio, main ? PRIMARY : elsewhere));
      }
      const points =
        (figure: "stepRelative" | "totalRelative" | "floorRelative") =>
        ({ moved }: Trained) =>
          moved.filter(({ step }) => step <= steps).map((each) => ({ x: each.step, y: each[figure] }));
      panels.step.push(overTraining(name, steps, STEP_SHIFT, PAIR, seeds, points("stepRelative")));
      const floors = PAIR.map((network) => ({
        network,
        label: "floor",
        dash: "2 4",
        points: lineOf(seeds.map((runs) => points("floorRelative")(runs[network]))).map(({ x, y }) => dot(x, y)),
      }));
      panels.total.push(
        overSteps(name, steps, { label: "total shift (standard deviations)", type: "log" }, [
          ...linesOf(PAIR, seeds, points("totalRelative")),
          ...floors,
        ]),
      );
      for (const network of PAIR) {
        const over = (run: Trained): number =>
          overMoved(run, steps, "totalRelative") / overMoved(run, steps, "floorRelative");
        shown.push({
          what: `${network}, ${name}: total shift / floor`,
          values: seeds.map((runs) => over(runs[network])),
        });
      }
    }
    return {
      conditions,
      shown,
      figures: [
        {
          title: "Step shift.",
          caption: "How much one update changes the outputs of the hidden layers. Median and range over the seeds.",
          panels: panels.step,
        },
        {
          title: "Total shift.",
          caption:
            "Change since step 0. Dotted: the floor, which is the distance between two sets of images at the same parameters.",
          panels: panels.total,
        },
      ],
    };
  },
};
