/** Claim 12: the edge of stability. */
import { median } from "../../shared/spread.js";
import type { Claim } from "../claim.js";
import { overSteps } from "../panels.js";
import { RULES } from "../rules.js";
import { eachSeed, lineOf } from "../study.js";
import { judge, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["edge-of-stability"];
const CASES = [
  { network: "plain", rate: 0.5 },
  { network: "batch norm", rate: 0.5 },
  { network: "batch norm", rate: 2 },
] as const;

export const edgeOfStability: Claim = {
  number: 12,
  name: "edge-of-stability",
  quick: true,
  seconds: { MLP: 20 },
  title: "Full-batch training drives the sharpness times the learning rate to 2",
  who: "Cohen, Kaur, Li, Kolter & Talwalkar 2021 (arXiv:2103.00065).",
  definition:
    "Sharpness is the largest eigenvalue of the Hessian of the loss, estimated from below by 15 Lanczos steps. It is measured ten times in the last third of training. If it exceeds 2 / learning rate, gradient descent on a quadratic diverges.",
  settings:
    "tanh 2x32, the first 200 training images, mean squared error over all elements, full batch, 800 steps, double precision. Plain and with batch norm, at learning rates 0.5 and 2.",
  differences: "A small network on digits; the paper uses CIFAR-10 and covers batch norm in an appendix.",
  counterEvidence:
    "With cross-entropy on easy data, the sharpness falls again. Sharpness below the edge does not contradict the paper, in which it rises only until it reaches the edge.",
  reading:
    "At a learning rate where the plain network trains at the edge, the network with batch norm is still well below it. That leaves room for a larger rate: at four times the rate, batch norm is also at the edge.",
  async run(study) {
    const steps = study.steps(800);
    const ask = (network: "plain" | "batch norm", rate: number, seed: number) =>
      study.ask("edge", { network, learningRate: rate, seed, steps });
    const all = await eachSeed(study, (seed) =>
      Promise.all(
        [...CASES, { network: "plain", rate: 2 } as const].map(({ network, rate }) => ask(network, rate, seed)),
      ),
    );
    const last = ({ sharpness }: (typeof all)[number][number]): number =>
      median(sharpness.filter(({ step }) => step >= (2 * steps) / 3).map(({ value }) => value));
    const runs = (index: number): (typeof all)[number][number][] => all.map((seeds) => seeds[index]!);
    return {
      conditions: CASES.map(({ network, rate }, i) =>
        judge(
          rules.edge,
          `${network}, learning rate ${rate}`,
          runs(i).map((run) => (run.divergedAt === null ? last(run) : Infinity)),
          network === "plain" ? PRIMARY : secondary(`with batch norm at learning rate ${rate}`),
        ),
      ),
      shown: [
        {
          what: "plain, learning rate 2: steps until divergence (infinite if it does not diverge)",
          values: runs(3).map(({ divergedAt }) => divergedAt ?? Infinity),
        },
      ],
      figures: [
        {
          title: "Sharpness over training.",
          caption:
            "Sharpness multiplied by the learning rate; 2 is the edge. Median and range over the seeds. The plain network at learning rate 2 diverges and is not shown.",
          panels: [0.5, 2].map((rate) =>
            overSteps(
              `learning rate ${rate}`,
              steps,
              { label: "sharpness x learning rate", type: "linear", domain: [0, 3] },
              CASES.flatMap((each, i) =>
                each.rate === rate
                  ? [
                      {
                        network: each.network,
                        points: lineOf(
                          runs(i).map(({ sharpness }) => sharpness.map(({ step, value }) => ({ x: step, y: value }))),
                        ),
                      },
                    ]
                  : [],
              ),
            ),
          ),
        },
        {
          title: "Loss over training.",
          caption: "Mean squared error on the 200 images, every 10 steps.",
          panels: [0.5, 2].map((rate) =>
            overSteps(
              `learning rate ${rate}`,
              steps,
              { label: "training loss", type: "log", ceiling: 1 },
              CASES.flatMap((each, i) =>
                each.rate === rate
                  ? [
                      {
                        network: each.network,
                        points: lineOf(runs(i).map(({ losses }) => losses.map((y, at) => ({ x: 10 * at, y })))),
                      },
                    ]
                  : [],
              ),
            ),
          ),
        },
      ],
    };
  },
};
