/** Claim 5: figure 4a and b of Santurkar et al. 2018. */
import { median } from "../../shared/spread.js";
import type { Claim, Panel } from "../claim.js";
import type { Look, Trained } from "../measure/train.js";
import { overSteps } from "../panels.js";
import { RULES } from "../rules.js";
import {
  BAND_LOOKS,
  BATCH_SIZE,
  type DeepNetwork,
  deepNetworks,
  eachSeed,
  judgeRatio,
  lossBand,
  overTraining,
  PAIR,
  probedRun,
  stepsOn,
  trainEach,
} from "../study.js";
import { type Part, PRIMARY, type Rule, secondary } from "../verdicts.js";

const rules = RULES.landscape;
/** Networks are compared at equal loss, because a network that is nearly trained has less loss left to change. */
const STAGES = [
  { name: "early", from: 1.5, to: 2.2 },
  { name: "late", from: 0.3, to: 0.7 },
] as const;
const LOSS = { label: "loss along the gradient (nats)", type: "log", ceiling: 100 } as const;
const CHANGE = { label: "relative change of the gradient", type: "log", ceiling: 100 } as const;

export const landscape: Claim = {
  number: 5,
  name: "landscape",
  quick: true,
  quickOmits: "learning rate 0.01",
  seconds: { MLP: 20, VGG: 160 },
  title: "With batch norm, the loss and its gradient change less along the gradient direction",
  who: "Santurkar, Tsipras, Ilyas & Madry 2018, section 3.2, figures 4a and 4b (arXiv:1805.11604).",
  definition:
    "The loss and its gradient are evaluated at 0.5, 1, 2 and 4 learning rates from the current parameters, along the gradient of the next batch. The experiment reports the range of the loss and the largest change of the gradient relative to its norm. The networks are compared at equal loss: each value is a median over the probes at which the loss is 1.5 to 2.2 (early) or 0.3 to 0.7 (late).",
  settings:
    "8x48 ReLU, batch size 64. Learning rate 0.1 for 400 steps and, without --quick, 0.01 for 600 steps. Probed every 20 steps and at steps 4, 8, 12 and 16. These four were added after a pilot run with one seed, in which no probe of the network with batch norm fell into the early band.",
  differences:
    "An MLP on digits instead of a VGG on CIFAR-10. The change of the gradient is relative to its norm, because the absolute gradient norms of two networks are not comparable. The networks are compared at equal loss instead of at equal steps.",
  counterEvidence:
    "In pilot runs with this rule, the loss was less smooth with batch norm than without it when the learning rate was low and the loss high. Yao et al. 2020 (PyHessian) find that batch norm does not make the loss of shallow networks smoother.",
  reading:
    "With batch norm, the loss is smoother under the conditions in which networks are usually trained, but not everywhere. The claim is incomplete without a distance and a stage of training.",
  async run(study) {
    const [deep] = deepNetworks(study, [8]) as [DeepNetwork];
    const cases = [
      { rate: 0.1, steps: stepsOn(study, 400) },
      ...(study.extent === "quick" || study.column === "VGG" ? [] : [{ rate: 0.01, steps: study.steps(600) }]),
    ];
    const conditions = [];
    const shown = [];
    const bands: Panel[] = [];
    const changes: Panel[] = [];
    for (const { rate, steps } of cases) {
      const seeds = await eachSeed(study, (seed) =>
        trainEach(PAIR, (network) => {
          const setup = { network: deep.spec(network), learningRate: rate, batchSize: BATCH_SIZE, seed, steps };
          return rate === 0.1
            ? probedRun(study, setup.network, rate, seed)
            : study.ask("train", { ...setup, landscape: BAND_LOOKS });
        }),
      );
      for (const { name, from, to } of STAGES) {
        const setting = `${deep.name}, learning rate ${rate}, ${name}`;
        const looksOf = ({ looks }: Trained): Look[] => looks.filter(({ loss }) => loss >= from && loss < to);
        // NaN, which every rule judges as undecided, if no probe falls into the band.
        const middle = (run: Trained, figure: (look: Look) => number): number => median(looksOf(run).map(figure));
        const ratio = (rule: Rule, figure: (look: Look) => number, part: Part) =>
          judgeRatio(rule, setting, seeds, (run) => middle(run, figure), part);
        const elsewhere = rate === 0.1 ? undefined : secondary(`at learning rate ${rate}, ${name}`);
        const [first, second] =
          name === "late"
            ? [PRIMARY, secondary("for the gradient")]
            : [secondary("early in training"), secondary("for the gradient early in training")];
        conditions.push(
          ratio(rules.range, ({ low, high }) => high - low, elsewhere ?? first),
          ratio(rules.change, ({ change }) => change, elsewhere ?? second),
        );
        shown.push({
          what: `batch norm, ${setting}: number of probes`,
          values: seeds.map((runs) => looksOf(runs["batch norm"]).length),
        });
      }
      const lines = PAIR.map((network) => ({ network, points: lossBand(seeds.map((runs) => runs[network])) }));
      bands.push(overSteps(`learning rate ${rate}`, steps, LOSS, lines));
      changes.push(
        overTraining(`learning rate ${rate}`, steps, CHANGE, PAIR, seeds, ({ looks }) =>
          looks.map(({ step, change }) => ({ x: step, y: change })),
        ),
      );
    }
    return {
      conditions,
      shown,
      figures: [
        {
          title: "Loss along the gradient.",
          caption:
            "Line: the current loss. Band: the lowest and highest loss at 0.5 to 4 learning rates. Medians over the seeds. Figure 4a of the paper.",
          panels: bands,
        },
        {
          title: "Change of the gradient.",
          caption:
            "The largest change over these distances, relative to the gradient norm: 0 if the gradient stays the same, 2 if it reverses. Median and range over the seeds. Figure 4b of the paper shows the absolute change.",
          panels: changes,
        },
      ],
    };
  },
};
