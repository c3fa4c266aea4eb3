/** What a mistake does to a network: trains small networks on the digits with an answer, right or wrong. */
import {
  BatchNorm,
  Dense,
  type Layer,
  modelObjective,
  Random,
  Sequential,
  SGD,
  Sigmoid,
  softmaxCrossEntropy,
  Tensor,
} from "batchnorm";
import { accuracyOf, batchesOf, type Digits, loadDigits, splitDigits } from "../data/digits.js";
import { type Answers, type BackwardRule, meanOf, type Statistics } from "./answers.js";
import { RuleBatchNorm } from "./rule-batch-norm.js";

const WIDTH = 24;

/** A trained network, and the digits that it has not been trained on. */
interface Trained {
  readonly model: Sequential;
  readonly norms: readonly BatchNorm[];
  readonly test: Digits;
}

interface Training {
  readonly depth: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate?: number;
  readonly norm: (random: Random) => Layer;
  /** Called after every step with the inputs of each normalization layer. */
  readonly afterStep?: (inputs: readonly Tensor[], model: Sequential) => void;
}

function train({ depth, steps, batchSize, learningRate = 0.5, norm, afterStep }: Training): Trained {
  const random = new Random(1);
  const { train: digits, test } = splitDigits(loadDigits(), random.fork("split"));
  const layers: Layer[] = [];
  for (let i = 0; i < depth; i++) {
    layers.push(new Dense({ inputs: i === 0 ? 64 : WIDTH, outputs: WIDTH, bias: false, initial: "glorot", random }));
    layers.push(norm(random), new Sigmoid());
  }
  layers.push(new Dense({ inputs: WIDTH, outputs: 10, initial: "glorot", random }));
  const model = new Sequential(layers);
  const optimizer = new SGD(model.parameters, { learningRate });
  const batches = batchesOf(digits, batchSize, random);
  for (let step = 0; step < steps; step++) {
    const { images, labels } = batches.next().value;
    const inputs: Tensor[] = [];
    const { output, backward } = model.forward(images, {
      mode: "train",
      observe: (path, _, input) => {
        if (Number(path) % 3 === 1) inputs.push(input);
      },
    });
    optimizer.step(backward(softmaxCrossEntropy(output, labels).gradOutput).gradients);
    afterStep?.(inputs.slice(0, depth), model);
  }
  return { model, norms: layers.filter((layer) => layer instanceof BatchNorm), test };
}

function accuracy(model: Sequential, { images, labels }: Digits): number {
  return accuracyOf(model.forward(images, { mode: "inference" }).output, labels);
}

/** Trains a network with a backward rule, and returns its test accuracy. */
export function accuracyAfterTraining(rule: BackwardRule): number {
  const norm = (): Layer => new RuleBatchNorm(WIDTH, rule);
  const { model, test } = train({ depth: 4, steps: 100, batchSize: 32, norm });
  return accuracy(model, test);
}

/**
 * Trains a network with batches of 3 while the answers update its running statistics. Returns its test accuracy and the mean
 * running variance of a hidden unit.
 */
export function runningResults({ updateMean, updateVariance }: Pick<Answers, "updateMean" | "updateVariance">): {
  readonly accuracy: number;
  readonly variance: number;
} {
  const running: { mean: Float64Array; variance: Float64Array }[] = [];
  const momentum = 0.02;
  const { model, norms, test } = train({
    ...{ depth: 2, steps: 1000, batchSize: 3, learningRate: 0.05, norm: () => new BatchNorm({ features: WIDTH }) },
    afterStep: (inputs) => {
      for (const [layer, input] of inputs.entries()) {
        const own = (running[layer] ??= { mean: new Float64Array(WIDTH), variance: new Float64Array(WIDTH).fill(1) });
        for (let c = 0; c < WIDTH; c++) {
          const values = columnOf(input, c);
          own.mean[c] = updateMean(own.mean[c]!, meanOf(values), momentum);
          own.variance[c] = updateVariance(own.variance[c]!, values, momentum);
        }
      }
    },
  });
  for (const [layer, norm] of norms.entries()) {
    norm.runningMean.values.set(running[layer]!.mean);
    norm.runningVariance.values.set(running[layer]!.variance);
  }
  const variances = running.map(({ variance }) => meanOf(variance));
  return { accuracy: accuracy(model, test), variance: meanOf(Float64Array.from(variances)) };
}

/** Returns the test accuracy of a trained network whose digits come four at a time, with the statistics that the answer selects. */
export function accuracyOfFours(statisticsFor: Answers["statisticsFor"]): number {
  const { model, test } = trainedByTheLibrary();
  const [batch, running]: Statistics[] = [
    { mean: 0, variance: 1 },
    { mean: 1, variance: 1 },
  ] as const;
  const mode = statisticsFor("inference", batch, running) === running ? "inference" : "probe";
  let right = 0;
  for (let start = 0; start + 4 <= test.labels.length; start += 4) {
    const rows = [0, 1, 2, 3].map((row) => start + row);
    const { output } = model.forward(test.images.rows(rows), { mode });
    right +=
      4 *
      accuracyOf(
        output,
        rows.map((row) => test.labels[row]!),
      );
  }
  return right / (4 * Math.floor(test.labels.length / 4));
}

/** Lets the answer predict 20 batches of inverted digits, and returns the accuracy on ordinary digits afterwards. */
export function accuracyAfterPredicting(predict: Answers["predict"]): number {
  const { model, test } = trainedByTheLibrary();
  const inverted = new Tensor(
    test.images.data.map((x) => -x),
    test.images.shape,
  );
  for (let i = 0; i < 20; i++) predict(model, inverted);
  return accuracy(model, test);
}

/** Lets the answer evaluate the loss at 20 places with changed weights, and returns the accuracy at the original weights. */
export function accuracyAfterProbing(lossForProbe: Answers["lossForProbe"]): number {
  const { model, test } = trainedByTheLibrary();
  const random = new Random(3);
  for (let i = 0; i < 20; i++) {
    const before = model.parameters.map(({ value }) => value.data.slice());
    for (const parameter of model.parameters) {
      parameter.update((values) => values.forEach((value, k) => (values[k] = value + random.normal(0, 0.5))));
    }
    lossForProbe(model, test.images, test.labels);
    for (const [k, parameter] of model.parameters.entries()) parameter.update((values) => values.set(before[k]!));
  }
  return accuracy(model, test);
}

/** Returns how much the gradient of a trained network has changed after a step along it, according to the answer. */
export async function changeAlongGradient(relativeChange: Answers["relativeChange"]): Promise<number> {
  const { model, test } = trainedByTheLibrary();
  const batch = { input: test.images, target: test.labels };
  const { objective, point } = modelObjective(model, batch, softmaxCrossEntropy, { mode: "probe" });
  const { gradient } = await objective(point);
  const { gradient: other } = await objective(point.map((value, i) => value - 2 * gradient[i]!));
  return relativeChange(gradient, other);
}

function trainedByTheLibrary(): Trained {
  return train({ depth: 2, steps: 100, batchSize: 32, norm: () => new BatchNorm({ features: WIDTH }) });
}

function columnOf({ data, shape }: Tensor, c: number): Float64Array {
  const [rows, features] = shape as [number, number];
  return Float64Array.from({ length: rows }, (_, n) => data[n * features + c]!);
}
