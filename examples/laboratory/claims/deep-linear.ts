/** Claim 11: Santurkar's deep linear network. */
import { median } from "../../shared/spread.js";
import type { Claim, Panel, PanelAxis } from "../claim.js";
import type { DeepLinear } from "../measure/deep-linear.js";
import { RULES } from "../rules.js";
import { eachSeed, overTraining, PAIR, trainEach } from "../study.js";
import { judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["deep-linear"];
const LOSS = { label: "loss (sum of squares)", type: "log" } as const;
const COSINE = { label: "cosine between G and G'", type: "linear", domain: [-1, 1] } as const;
const BETA = { label: "largest beta x learning rate", type: "log", ceiling: 1e20 } as const;

export const deepLinearClaim: Claim = {
  number: 11,
  name: "deep-linear",
  quick: false,
  quickOmits: "the depth of 25 layers and the lower learning rate, so the primary condition",
  seconds: { MLP: 45 },
  title:
    "In a deep linear network, batch norm leads to more internal covariate shift, yet to lower loss and a smoother landscape",
  who: "Santurkar et al. 2018, sections 2 and 3, figures 3b and 10, appendix A.",
  definition:
    "Full-batch gradient descent on the sum of squares of W1...Wk x - A x. The experiment reports the cosine of definition 2.1 for the block at two thirds of the depth, the final loss, and beta x learning rate at 0.01, 0.1, 1, 10 and 30 learning rates along the gradient, measured every 50 steps.",
  settings:
    "25 layers of width 10 without nonlinearities, with batch norm after all but the last; 200 samples, Glorot initialization, double precision. Learning rate 5e-6 for 600 steps and 5e-7 for 1000 steps (--quick: 12 layers, 5e-6 only).",
  differences:
    "200 samples instead of 1000, at five times the learning rate, because the loss is summed over the samples. The paper runs 10,000 steps (--full uses its 1000 samples, learning rates 1e-6 and 1e-7, and 10,000 steps).",
  counterEvidence:
    "The paper's text reports nearly uncorrelated gradients for batch norm. This describes the panel with the lower learning rate; at the higher one, both networks have nearly uncorrelated gradients. For batch norm, the plateau of beta at 2 / learning rate is the edge of stability, which full-batch training reaches.",
  reading:
    "Without nonlinearities, signal loss with depth cannot be the explanation, yet batch norm still changes the landscape.",
  async run(study) {
    const full = study.extent === "full";
    const quick = study.extent === "quick";
    const [layers, samples] = [quick ? 12 : 25, full ? 1000 : 200];
    const cases = [
      { rate: full ? 1e-6 : 5e-6, steps: study.steps(full ? 10_000 : 600) },
      { rate: full ? 1e-7 : 5e-7, steps: study.steps(full ? 10_000 : 1000) },
    ].slice(0, quick ? 1 : 2);
    const conditions = [];
    const panels: { loss: Panel[]; cosine: Panel[]; beta: Panel[] } = { loss: [], cosine: [], beta: [] };
    for (const { rate, steps } of cases) {
      const seeds = await eachSeed(study, (seed) =>
        trainEach(PAIR, (network) =>
          study.ask("deepLinear", { network, layers, samples, learningRate: rate, seed, steps }),
        ),
      );
      const main = !quick && rate === cases[1]!.rate;
      const of = (place: string) => secondary(`${place} at learning rate ${rate.toExponential()}`);
      const setting = `${layers} layers, learning rate ${rate.toExponential()}`;
      const cosine = (run: DeepLinear): number => median(run.looks.map((look) => look.cosine));
      const last = ({ losses }: DeepLinear): number => losses.at(-1)!;
      const rough = (run: DeepLinear): number =>
        Math.log10(Math.max(...run.looks.map(({ beta }) => Math.max(...beta.slice(2)))));
      conditions.push(
        judgeEach(
          rules.cosine,
          setting,
          seeds,
          (runs) => cosine(runs.plain) - cosine(runs["batch norm"]),
          main ? PRIMARY : of("for the cosine"),
        ),
        judgeEach(
          rules.loss,
          setting,
          seeds,
          (runs) => last(runs.plain) / last(runs["batch norm"]),
          of("for the final loss"),
        ),
        judgeEach(rules.rough, setting, seeds, (runs) => rough(runs.plain), of("for the smoothness")),
        judgeEach(rules.smooth, setting, seeds, (runs) => rough(runs["batch norm"]), of("for the smoothness")),
        judgeEach(
          rules.plateau,
          setting,
          seeds,
          (runs) => median(runs["batch norm"].looks.map(({ beta }) => beta[0]!)),
          of("for the plateau of beta"),
        ),
      );
      const panel = (y: PanelAxis, points: (run: DeepLinear) => { x: number; y: number }[]): Panel =>
        overTraining(setting, steps, y, PAIR, seeds, points);
      panels.loss.push(panel(LOSS, ({ losses }) => losses.map((y, i) => ({ x: 10 * i, y }))));
      panels.cosine.push(panel(COSINE, ({ looks }) => looks.map((look) => ({ x: look.step, y: look.cosine }))));
      panels.beta.push(panel(BETA, ({ looks }) => looks.map(({ step, beta }) => ({ x: step, y: Math.max(...beta) }))));
    }
    return {
      conditions,
      shown: [],
      figures: [
        { title: "Loss.", caption: "Median and range over the seeds.", panels: panels.loss },
        {
          title: "Internal covariate shift.",
          caption: "Cosine of definition 2.1 at two thirds of the depth. Figure 3b of the paper.",
          panels: panels.cosine,
        },
        {
          title: "Effective beta-smoothness.",
          caption:
            "The largest beta over 0.01 to 30 learning rates, multiplied by the learning rate; 2 is the edge of stability. Figure 10c of the paper.",
          panels: panels.beta,
        },
      ],
    };
  },
};
