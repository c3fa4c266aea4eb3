/** pushOutputs: how much the loss rises when the mean of an output is pushed, and how sharp that direction is. */
import {
  type Loss,
  modelObjective,
  outputObjective,
  type OutputValue,
  Random,
  softmaxCrossEntropy,
  Tensor,
} from "batchnorm";
import { curvature, spanShares } from "batchnorm/probes";
import { recalibrate } from "batchnorm/tools";
import { median } from "../../shared/spread.js";
import { DIFFERENCE_STEP } from "./difference-step.js";
import type { Trainee } from "./training.js";

/** What to measure on a network. */
export interface OutputShiftLook {
  /** The number of training steps before it. */
  readonly step: number;
  /** Recalibrate the statistics on the probed images, and keep them constant. Default: false. */
  readonly constant?: boolean | undefined;
  /** Push to other lengths as well. Default: false. */
  readonly profile?: boolean | undefined;
  /** The number of Lanczos steps for the sharpest directions. Default: 0. */
  readonly lanczosSteps?: number | undefined;
}

/** The effect of a push along u_k, the unit vector of the gradient of the mean of output k: medians over the classes k. */
export interface OutputShift {
  /** The loss after a push of length `PUSH` / the loss before it, and the share of images that are then assigned to class k. */
  readonly ratio: number;
  readonly assigned: number;
  /** The ratio for an equally long push in a random direction. */
  readonly random: number;
  /** The share of the last layer in ||u_k||^2. */
  readonly lastLayer: number;
  /** The same by length, from 0. */
  readonly profile: readonly { readonly length: number; readonly ratio: number; readonly assigned: number }[];
  /** The largest eigenvalue of the Hessian x ||theta||^2. */
  readonly sharpness: number;
  /** The share of each of the nine sharpest directions that lies in the span of the ten u_k. */
  readonly inSpan: readonly number[];
  /** The expected share of a random direction. */
  readonly chance: number;
}

/** The length of the push, relative to the norm of all parameters. */
const PUSH = 0.01;
const LENGTHS: readonly number[] = [0.0025, 0.005, PUSH, 0.015, 0.02];
const IMAGES = 512;
const SHARPEST = 9;
const CLASSES = 10;

/** The result for a network that diverged before the measurement. */
export const UNREACHED: OutputShift = {
  ratio: Infinity,
  assigned: NaN,
  random: NaN,
  lastLayer: NaN,
  profile: [],
  sharpness: NaN,
  inSpan: [],
  chance: NaN,
};

/** Pushes the mean of each output of a network, which is left unchanged. */
export async function pushOutputs(
  trainee: Trainee,
  { constant = false, profile = false, lanczosSteps = 0 }: Omit<OutputShiftLook, "step">,
  seed: number,
): Promise<OutputShift> {
  const { model } = trainee;
  const random = new Random(seed).fork("pushes");
  const { images: input, labels: target } = trainee.probe(Math.min(IMAGES, trainee.data.train.labels.length));
  const mode = constant ? "inference" : "probe";
  const single = { mode, dtype: "float32" } as const;
  const statistics = model.statistics.map(({ values }) => values.slice());
  // For a single batch, one pass is exact.
  if (constant) recalibrate(model, [input], { order: "one pass" });
  let shares: readonly number[] = [];
  const watched: Loss<ArrayLike<number>> = (output, labels, options) => {
    shares = assignedShares(output);
    return softmaxCrossEntropy(output, labels, options);
  };
  const { objective, point, groups } = modelObjective(model, { input, target }, watched, single);
  const before = await objective.lossOnly!(point);
  const size = norm(point);
  const push = async (direction: Float64Array, length: number, k: number) => {
    const after = await objective.lossOnly!(point.map((value, i) => value + length * size * direction[i]!));
    return { ratio: after / before, assigned: shares[k]! };
  };
  const directions: Float64Array[] = [];
  for (let k = 0; k < CLASSES; k++) {
    directions.push(unit((await outputObjective(model, input, meanOutput(k), single).objective(point)).gradient));
  }
  const double = modelObjective(model, { input, target }, softmaxCrossEntropy, { mode }).objective;
  // The objectives have copies of the recalibrated statistics.
  model.statistics.forEach(({ values }, i) => {
    values.set(statistics[i]!);
  });
  const pushed = [{ length: 0, ratio: 1, assigned: median(shares) }];
  for (const length of profile ? LENGTHS : [PUSH]) {
    const classes = [];
    for (const [k, direction] of directions.entries()) classes.push(await push(direction, length, k));
    const [ratio, assigned] = [median(classes.map((each) => each.ratio)), median(classes.map((each) => each.assigned))];
    pushed.push({ length, ratio, assigned });
  }
  const { ratio, assigned } = pushed.find(({ length }) => length === PUSH)!;
  const { ratio: atRandom } = await push(unit(point.map(() => random.normal())), PUSH, 0);
  // The weight and the bias of the last Dense are the last two groups.
  const lastLayer = median(directions.map((direction) => norm(direction.subarray(groups.at(-2)!.start)) ** 2));
  const found = { ratio, assigned, random: atRandom, lastLayer, profile: pushed };
  if (lanczosSteps === 0) return { ...found, sharpness: NaN, inSpan: [], chance: NaN };
  const { largest, ritzVectors } = await curvature(double, point, {
    random: random.fork("lanczos"),
    steps: lanczosSteps,
    ritzVectors: Math.min(SHARPEST, lanczosSteps),
    differenceStep: DIFFERENCE_STEP,
  });
  const span = spanShares(ritzVectors, directions);
  const inSpan = span.shares.map((share) => share!);
  return { ...found, sharpness: largest.value * size ** 2, inSpan, chance: span.chance };
}

/** Returns the mean of output k over the batch, as a function of the outputs. */
export function meanOutput(k: number): (output: Tensor) => OutputValue {
  return (output) => {
    const [rows, classes] = output.shape as [number, number];
    const gradOutput = Tensor.zeros(output.shape, output.dtype);
    let value = 0;
    for (let i = k; i < output.size; i += classes) {
      value += output.data[i]! / rows;
      gradOutput.data[i] = 1 / rows;
    }
    return { value, gradOutput };
  };
}

/** Returns the share of the rows in which each output is the largest. */
function assignedShares(output: Tensor): number[] {
  const [rows, classes] = output.shape as [number, number];
  const counts = Array.from({ length: classes }, () => 0);
  for (let row = 0; row < rows; row++) {
    const outputs = output.data.subarray(row * classes, (row + 1) * classes);
    counts[outputs.indexOf(Math.max(...outputs))]!++;
  }
  return counts.map((count) => count / rows);
}

function unit(vector: Float64Array): Float64Array {
  const length = norm(vector);
  return vector.map((value) => value / length);
}

function norm(vector: Float64Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value ** 2, 0));
}
