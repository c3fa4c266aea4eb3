/** edge: full-batch gradient descent on the squared error, with the sharpness over training. */
import { meanSquaredError, modelObjective, Random, SGD, Tensor } from "batchnorm";
import { curvature } from "batchnorm/probes";
import { pickDigits } from "../../data/digits.js";
import type { Source } from "../data.js";
import { buildNetwork } from "../networks.js";

export interface EdgeSetup {
  readonly network: "plain" | "batch norm";
  readonly learningRate: number;
  readonly seed: number;
  readonly steps: number;
}

export interface Edge {
  readonly divergedAt: number | null;
  /** Every tenth loss. */
  readonly losses: readonly number[];
  /** Sharpness multiplied by the learning rate. */
  readonly sharpness: readonly { readonly step: number; readonly value: number }[];
}

const IMAGES = 200;
const LANCZOS_STEPS = 15;

/** Measures the sharpness ten times in the last third of training, and five times before. */
export async function edge(setup: EdgeSetup, source: Source, onStep: (done: number) => void): Promise<Edge> {
  const { network, learningRate, seed, steps } = setup;
  const random = new Random(seed);
  const { train } = source.split(random.fork("split"));
  const count = Math.min(IMAGES, train.labels.length);
  const { images, labels } = pickDigits(
    train,
    Array.from({ length: count }, (_, i) => i),
  );
  const spec = { network, hidden: 2, width: 32, activation: "tanh", dtype: "float64" } as const;
  const { model } = buildNetwork(spec, source.shape, 10, random.fork("weights"));
  const input = images.cast("float64");
  const target = Tensor.zeros([count, 10], "float64");
  labels.forEach((label, i) => (target.data[10 * i + label] = 1));
  const optimizer = new SGD(model.parameters, { learningRate });
  const third = Math.ceil((2 * steps) / 3);
  const spaced = (from: number, to: number, looks: number): number[] =>
    Array.from({ length: looks }, (_, i) => Math.round(from + ((to - from) * i) / looks));
  const lookAt = new Set([...spaced(0, third, 5), ...spaced(third, steps, 10)]);

  const losses: number[] = [];
  const sharpness: { step: number; value: number }[] = [];
  for (let step = 0; step < steps; step++) {
    const { output, backward } = model.forward(input, { mode: "train" });
    const { loss, gradOutput } = meanSquaredError(output, target);
    if (!Number.isFinite(loss)) return { divergedAt: step, losses, sharpness };
    if (step % 10 === 0) losses.push(loss);
    // Above this loss the run has diverged, and Hessian-vector products have no accurate digits.
    if (lookAt.has(step) && loss < 1e6) {
      const { objective, point } = modelObjective(model, { input, target }, meanSquaredError, { mode: "probe" });
      const report = await curvature(objective, point, {
        random: random.fork("lanczos"),
        steps: LANCZOS_STEPS,
        learningRate,
      });
      sharpness.push({ step, value: report.sharpness * learningRate });
    }
    optimizer.step(backward(gradOutput).gradients);
    onStep(step + 1);
  }
  return { divergedAt: null, losses, sharpness };
}
