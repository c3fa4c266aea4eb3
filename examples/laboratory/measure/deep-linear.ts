/** deepLinear: full-batch gradient descent on a deep linear network, with its loss landscape and covariate shift. */
import {
  BatchNorm,
  Dense,
  type Layer,
  type Loss,
  meanSquaredError,
  modelObjective,
  Random,
  Sequential,
  SGD,
  Tensor,
} from "batchnorm";
import { alongGradient, internalCovariateShift, stepSizesAround } from "batchnorm/probes";
import { blocksAround } from "./blocks.js";

export interface DeepLinearSetup {
  readonly network: "plain" | "batch norm";
  readonly layers: number;
  readonly samples: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly steps: number;
}

export interface DeepLinear {
  /** Every tenth loss; infinite after divergence. */
  readonly losses: readonly number[];
  readonly looks: readonly { readonly step: number; readonly cosine: number; readonly beta: readonly number[] }[];
}

const WIDTH = 10;
const DISTANCES = [0.01, 0.1, 1, 10, 30] as const;
const LOOK_EVERY = 50;

/** Sum of squares over all elements, as implied by the losses of 1e4 in the paper. */
const sumOfSquares: Loss<Tensor> = (output, target, options) => {
  const { loss, gradOutput } = meanSquaredError(output, target, options);
  return {
    loss: loss * output.size,
    gradOutput: new Tensor(
      gradOutput.data.map((value) => value * output.size),
      output.shape,
    ),
  };
};

export async function deepLinear(
  setup: DeepLinearSetup,
  _source: unknown,
  onStep: (done: number) => void,
): Promise<DeepLinear> {
  const { network, layers, samples, learningRate, seed, steps } = setup;
  const random = new Random(seed);
  const dtype = "float64";
  const weights = random.fork("weights");
  const stack: Layer[] = [];
  for (let i = 0; i < layers; i++) {
    stack.push(new Dense({ inputs: WIDTH, outputs: WIDTH, bias: false, random: weights.fork(`layer ${i}`), dtype }));
    if (network === "batch norm" && i < layers - 1) stack.push(new BatchNorm({ features: WIDTH, dtype }));
  }
  const model = new Sequential(stack);
  const input = Tensor.normal([samples, WIDTH], { random: random.fork("inputs"), dtype });
  const truth = new Dense({
    inputs: WIDTH,
    outputs: WIDTH,
    bias: false,
    initial: { weight: Tensor.normal([WIDTH, WIDTH], { random: random.fork("truth"), dtype }) },
    dtype,
  });
  const target = truth.forward(input, { mode: "inference" }).output;
  const optimizer = new SGD(model.parameters, { learningRate });

  const losses: number[] = [];
  const looks: DeepLinear["looks"][number][] = [];
  for (let step = 0; step < steps; step++) {
    const { output, backward } = model.forward(input, { mode: "train" });
    const { loss, gradOutput } = sumOfSquares(output, target);
    if (!Number.isFinite(loss)) return { losses: [...losses, Infinity], looks };
    if (step % 10 === 0 || step === steps - 1) losses.push(loss);
    if (step % LOOK_EVERY === 0) {
      const { objective, point, groups } = modelObjective(model, { input, target }, sumOfSquares, { mode: "probe" });
      const stepSizes = stepSizesAround(learningRate, DISTANCES);
      const { profile } = await alongGradient(objective, point, { stepSizes });
      const { blocks, places } = blocksAround(groups, [Math.round((2 * layers) / 3) - 1]);
      const shift = await internalCovariateShift(objective, point, { groups, learningRate, blocks });
      looks.push({
        step,
        cosine: shift.blocks[places[0]!]!.weight?.cosine ?? NaN,
        beta: profile.map(({ beta }) => (beta ?? NaN) * learningRate),
      });
    }
    optimizer.step(backward(gradOutput).gradients);
    onStep(step + 1);
  }
  return { losses, looks };
}
