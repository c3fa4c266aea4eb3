/** Claim 22: the rotation of weights before batch norm, in equilibrium. */
import type { Claim } from "../claim.js";
import { PARTS, type Rotation } from "../measure/rotation.js";
import { overSteps } from "../panels.js";
import { RULES } from "../rules.js";
import { dot, eachSeed, lineOf, meanOf } from "../study.js";
import { judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES.rotation;
const DECAY = 0.01;
const CASES = [
  { learningRate: 0.1, momentum: 0, part: PRIMARY },
  { learningRate: 0.1, momentum: 0.9, part: secondary("at momentum 0.9") },
] as const;

/** Runs only with --full. */
const SLOW = { learningRate: 0.03, momentum: 0, part: secondary("at learning rate 0.03") } as const;

export const rotation: Claim = {
  number: 22,
  name: "rotation",
  quick: false,
  seconds: { MLP: 13 },
  title: "In equilibrium, the weights before batch norm turn by sqrt(2 lr lambda) per step, in every layer",
  who: "van Laarhoven 2017 (arXiv:1706.05350); Wan, Zhu, Zhang & Sun 2021 (arXiv:2006.08419).",
  definition:
    "The angle between the weights of a layer, as one vector, before and after a step: its root mean square over the last fifth of training. Prediction: SGD with momentum m and weight decay lambda computes v' = m v + g + lambda w and w' = w - lr v'. Because the weights are scale-invariant, the gradient g is orthogonal to w. In equilibrium, ||w||^2, <w, v> and V, the mean of ||v||^2, are constant on average. Because ||w'||^2 = ||w||^2, <w, v'> = lr V / 2. Therefore <w', v'> = <w, v'> - lr V = -lr V / 2, and <w, v> has the same value. Inserting both into <w, v'> = m <w, v> + lambda ||w||^2 yields V = 2 lambda ||w||^2 / (lr (1 + m)). A step has length lr ||v'||, so the mean square of a small angle is lr^2 V / ||w||^2 = 2 lr lambda / (1 + m). It depends neither on the loss nor on the layer.",
  settings:
    "ReLU 3x64, batch size 64, learning rate 0.1, weight decay 0.01 on the weights. 6000 steps at momentum 0 and 1200 at momentum 0.9, that is 6 / (lr lambda) x max(0.2, 1 - momentum). --full adds learning rate 0.03 with 20,000 steps.",
  differences:
    "An MLP on digits instead of convolutional networks. The network learns its training images by heart, after which most gradients are tiny and a few are large. The prediction concerns the mean square, so the statistic is the root mean square. The median angle, listed below, can be much smaller.",
  counterEvidence:
    "Equilibrium is reached only after about 1 / (lr lambda) steps, which is more than many networks are trained for. It is an average: the angle of a single step can differ from it by a large factor, as the medians show.",
  reading:
    "The learning rate and weight decay together determine how fast the weights turn, whatever the gradient: larger gradients lead to larger weights, until the angle is the same. All layers turn equally fast, without any tuning per layer.",
  async run(study) {
    const cases = study.extent === "full" ? [...CASES, SLOW] : CASES;
    const all = await Promise.all(
      cases.map(async ({ learningRate, momentum, part }) => {
        const steps = study.steps(Math.round((6 / (learningRate * DECAY)) * Math.max(0.2, 1 - momentum)));
        const seeds = await eachSeed(study, (seed) =>
          study.ask("rotation", { seed, learningRate, weightDecay: DECAY, momentum, steps }),
        );
        const name = `learning rate ${learningRate}, momentum ${momentum}`;
        return { name, part, steps, expected: seeds[0]!.predicted, seeds };
      }),
    );
    const worst = ({ rms }: Rotation, expected: number): number =>
      Math.max(...rms.map((angle) => Math.abs(angle / expected - 1)));
    return {
      conditions: all.map(({ name, part, expected, seeds }) =>
        judgeEach(rules.error, name, seeds, (run) => worst(run, expected), part),
      ),
      shown: all.flatMap(({ name, expected, seeds }) => [
        {
          what: `${name}: root mean square angle (radians, mean over the layers; predicted: ${expected.toFixed(4)})`,
          values: seeds.map(({ rms }) => meanOf(rms)),
        },
        { what: `${name}: median angle (mean over the layers)`, values: seeds.map((run) => meanOf(run.median)) },
        { what: `${name}: test accuracy`, values: seeds.map(({ accuracy }) => accuracy) },
      ]),
      figures: [
        {
          title: "Angle per step over training.",
          caption: `Root mean square over ${PARTS} parts of the training. Median and range over seeds and layers. Dashed: the prediction.`,
          panels: all.map(({ name, steps, expected, seeds }) =>
            overSteps(name, steps, { label: "angle per step (radians)", type: "log" }, [
              {
                network: "batch norm",
                points: lineOf(
                  seeds.flatMap(({ over }) =>
                    over.map((layer) => layer.map((y, part) => ({ x: ((part + 0.5) * steps) / layer.length, y }))),
                  ),
                ),
              },
              { network: "theory", dash: "6 3", points: [dot(0, expected), dot(steps, expected)] },
            ]),
          ),
        },
      ],
    };
  },
};
