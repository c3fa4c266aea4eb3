/** Claim 7: internal covariate shift by definition 2.1 of Santurkar et al. 2018. */
import { median } from "../../shared/spread.js";
import type { Claim, Panel, Study } from "../claim.js";
import type { Trained } from "../measure/train.js";
import { type Network, nameOf, type NetworkSpec } from "../networks.js";
import { RULES } from "../rules.js";
import { BATCH_SIZE, deepNetworks, eachSeed, overTraining, PAIR, probedRun, relu, trainEach } from "../study.js";
import { judgeEach, type Part, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["covariate-shift"];
/** Numbers of hidden layers, widths and learning rates of the MLPs. */
const MLPS = [
  [8, 48, 0.1],
  [8, 48, 0.003],
  [16, 48, 0.1],
  [16, 48, 0.001],
  [3, 64, 0.1],
  [3, 64, 0.01],
] as const;

export const covariateShift: Claim = {
  number: 7,
  name: "covariate-shift",
  quick: true,
  quickOmits: "16x48 and 3x64",
  seconds: { MLP: 15, VGG: 1 },
  title: "Batch norm does not reduce internal covariate shift (definition 2.1)",
  who: "Santurkar et al. 2018, section 2.2 and figure 3. The opposite view: Ioffe & Szegedy 2015.",
  definition:
    "G is the gradient of a layer's weights on one batch. G' is the gradient after all layers below it have been updated, while the layer itself and those above it are unchanged. The experiment reports ||G - G'|| / ||G|| and the cosine between G and G', measured every 10 steps up to step 100 and averaged over blocks 2 to the last. A block is a Dense layer and, if there is one, the BatchNorm layer after it.",
  settings:
    "8x48 ReLU at learning rates 0.003 and 0.1, batch size 64. Without --quick, also 16x48 at 0.001 and 0.1, and 3x64 at 0.01 and 0.1.",
  differences:
    "An MLP on digits instead of a VGG on CIFAR-10. It is measured only early in training. The difference is relative, because the absolute difference grows with the learning rate and the gradient.",
  counterEvidence:
    "Awais et al. 2020 argue that reducing the shift does matter. By this definition, a network with vanishing gradients has no shift.",
  reading:
    "A “yes” means that batch norm has more shift, as Santurkar et al. claim; a “no” means that it has less, as Ioffe & Szegedy claim. The answer depends on where you look.",
  async run(study) {
    const steps = study.steps(101);
    const conditions = [];
    const relative: Panel[] = [];
    const cosine: Panel[] = [];
    for (const { spec, rate, part } of casesOf(study)) {
      const seeds = await eachSeed(study, (seed) =>
        trainEach(PAIR, (network) =>
          rate === 0.1
            ? probedRun(study, spec(network), rate, seed)
            : study.ask("train", {
                network: spec(network),
                learningRate: rate,
                batchSize: BATCH_SIZE,
                seed,
                steps,
                covariateShift: { every: 10, until: 100 },
              }),
        ),
      );
      const title = `${nameOf(spec("plain"))}, learning rate ${rate}`;
      const middle = ({ covariateShift: looks }: Trained): number => median(looks.map((look) => look.relative));
      conditions.push(
        judgeEach(rules.more, title, seeds, (runs) => middle(runs["batch norm"]) / middle(runs.plain), part),
      );
      relative.push(
        overTraining(
          title,
          100,
          { label: "relative difference", type: "log" },
          PAIR,
          seeds,
          ({ covariateShift: looks }) => looks.map((look) => ({ x: look.step, y: look.relative })),
        ),
      );
      cosine.push(
        overTraining(
          title,
          100,
          { label: "cosine between G and G'", type: "linear", domain: [-1, 1] },
          PAIR,
          seeds,
          ({ covariateShift: looks }) => looks.map((look) => ({ x: look.step, y: look.cosine })),
        ),
      );
    }
    return {
      conditions,
      shown: [],
      figures: [
        {
          title: "Relative difference.",
          caption:
            "0: the update of the layers below makes no difference. Mean over the blocks; median and range over the seeds.",
          panels: relative,
        },
        { title: "Cosine.", caption: "1: same direction; 0: orthogonal.", panels: cosine },
      ],
    };
  },
};

interface Case {
  readonly spec: (network: Network) => NetworkSpec;
  readonly rate: number;
  readonly part: Part;
}

/** Returns the networks and learning rates, the primary condition first. */
function casesOf(study: Study): Case[] {
  if (study.column === "VGG") return [{ spec: deepNetworks(study, [])[0]!.spec, rate: 0.1, part: PRIMARY }];
  return MLPS.slice(0, study.extent === "quick" ? 2 : MLPS.length).map(([hidden, width, rate], i) => ({
    spec: (network) => relu(hidden, width, network),
    rate,
    part: i === 0 ? PRIMARY : secondary(`at learning rate ${rate}${hidden === 8 ? "" : ` with ${hidden} layers`}`),
  }));
}
