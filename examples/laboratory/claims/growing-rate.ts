/** Claim 21: weight decay and exponentially growing learning rates. */
import type { Claim } from "../claim.js";
import { overSteps } from "../panels.js";
import { RULES } from "../rules.js";
import { dot, eachSeed, lineOf } from "../study.js";
import { judgeEach, PRIMARY } from "../verdicts.js";

const rules = RULES["growing-rate"];
const RATE = 0.1;
const DECAY = 0.01;
/** Equal losses are drawn here, because a logarithmic axis has no 0. */
const LEAST = 1e-17;

export const growingRate: Claim = {
  number: 21,
  name: "growing-rate",
  quick: false,
  seconds: { MLP: 1 },
  title: "For weights before batch norm, weight decay is an exponentially growing learning rate",
  who: "Li & Arora 2020 (arXiv:1910.07454).",
  definition:
    "Two runs are compared. Run A uses weight decay lambda at a constant learning rate lr: w_A(t+1) = q w_A(t) - lr g(w_A(t)), where q = 1 - lr lambda and g is the gradient. Run B uses no weight decay and the learning rate lr q^(-2t-1) at step t. If the loss does not depend on the scale of w, then g(q w) = g(w) / q. Suppose w_A(t) = q^t w_B(t), which is true at t = 0. Then w_A(t+1) = q^(t+1) w_B(t) - lr q^(-t) g(w_B(t)) = q^(t+1) (w_B(t) - lr q^(-2t-1) g(w_B(t))) = q^(t+1) w_B(t+1). So the weights of both runs always have the same direction, and both networks compute the same function. The experiment compares their losses at each step. For comparison, a third run uses neither weight decay nor a growing learning rate.",
  settings:
    "ReLU 3x48, batch size 64, SGD without momentum, 100 steps in double precision, learning rate 0.1, weight decay 0.01, epsilon 0. Only the weights before a BatchNorm layer are trained; the other parameters keep their initial values.",
  differences:
    "The paper also covers momentum and learning rate schedules, and trains whole networks with growing learning rates. Here, only the exact equivalence is tested.",
  counterEvidence:
    "The equivalence is exact only for scale-invariant weights. Gamma, beta and the output layer are not scale-invariant, so decaying them has an effect of its own, and an epsilon above 0 breaks the invariance of small weights. In long runs, training can amplify round-off until the two runs differ.",
  reading:
    "Weight decay on these weights does not restrict the functions that the network can represent, because their scale has no effect. What it changes is the effective learning rate, lr / ||w||^2, which would otherwise fall as the weights grow.",
  async run(study) {
    const steps = study.steps(100);
    const seeds = await eachSeed(study, (seed) =>
      study.ask("growingRate", { seed, learningRate: RATE, weightDecay: DECAY, steps }),
    );
    const line = (of: "growing" | "constant") =>
      lineOf(seeds.map((run) => run[of].map((y, x) => ({ x, y: Math.max(y, LEAST) }))));
    const rates = Array.from({ length: steps }, (_, step) => RATE * (1 - RATE * DECAY) ** (-2 * step - 1));
    return {
      conditions: [
        judgeEach(
          rules.sameLoss,
          "ReLU 3x48, epsilon 0, double precision",
          seeds,
          ({ growing }) => Math.max(...growing),
          PRIMARY,
        ),
      ],
      shown: [
        { what: "difference between the losses at the last step", values: seeds.map(({ growing }) => growing.at(-1)!) },
        {
          what: "relative difference between w_A and q^t w_B after the last step",
          values: seeds.map(({ weights }) => weights),
        },
        {
          what: "largest relative difference between the losses with weight decay and without it, both at a constant learning rate",
          values: seeds.map(({ constant }) => Math.max(...constant)),
        },
      ],
      figures: [
        {
          title: "Two runs with the same losses.",
          caption:
            "Left: relative difference between the losses with weight decay and without it, at a growing and at a constant learning rate (dotted). Differences below 1e-17 are drawn there. Median and range over the seeds. Right: the learning rates.",
          panels: [
            overSteps("difference to the run with weight decay", steps, { label: "relative difference", type: "log" }, [
              { network: "batch norm", label: "growing lr", points: line("growing") },
              { network: "batch norm", label: "constant lr", dash: "2 4", points: line("constant") },
            ]),
            overSteps("learning rates", steps, { label: "learning rate", type: "linear" }, [
              { network: "batch norm", label: "growing lr", points: rates.map((rate, step) => dot(step, rate)) },
              {
                network: "batch norm",
                label: "constant lr",
                dash: "2 4",
                points: rates.map((_, step) => dot(step, RATE)),
              },
            ]),
          ],
        },
      ],
    };
  },
};
