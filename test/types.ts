/**
 * What must compile and what must not, checked by `tsc -p test`: an unused `@ts-expect-error` is an error. Nothing runs this file.
 */
import {
  accuracy,
  BatchNorm,
  clipByNorm,
  Conv2d,
  cosineSchedule,
  Dense,
  type Layer,
  meanSquaredError,
  oneHot,
  type Parameter,
  type Pass,
  Random,
  ReLU,
  RMSprop,
  rowLosses,
  Sequential,
  SGD,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  Tensor,
} from "batchnorm";
import { clone, summary, WeightAverage } from "batchnorm/tools";

const random = new Random(1);
const x = Tensor.zeros([4, 2]);
const weight = Tensor.zeros([2, 3]);
const norm = new BatchNorm({ features: 3 });

// --- initial values: drawn from a stream, or given
new Dense({ inputs: 2, outputs: 3, random });
new Dense({ inputs: 2, outputs: 3, initial: "he", random });
new Dense({ inputs: 2, outputs: 3, initial: { weight } });
new Conv2d({ inputs: 2, outputs: 3, size: 3, random });
// @ts-expect-error -- without `random`, there are no initial values
new Dense({ inputs: 2, outputs: 3 });
// @ts-expect-error -- "he" draws them too
new Dense({ inputs: 2, outputs: 3, initial: "he" });
// @ts-expect-error -- without `random`, as in Dense
new Conv2d({ inputs: 2, outputs: 3, size: 3 });
// @ts-expect-error -- an unknown option
new Dense({ inputs: 2, outputs: 3, random, units: 3 });
// @ts-expect-error -- a number instead of options
new BatchNorm(64);

// --- the mode of a pass
const pass: Pass = { mode: "train" };
norm.forward(x, pass);
// @ts-expect-error -- a forgotten pass
norm.forward(x);
// @ts-expect-error -- a forgotten mode
norm.forward(x, {});
// @ts-expect-error -- a word of other libraries
norm.forward(x, { mode: "eval" });
// @ts-expect-error -- a mode alone
norm.forward(x, "train");

// --- a Sequential has the types of its layers
const dense = new Dense({ inputs: 2, outputs: 3, random });
const model = new Sequential([dense, new BatchNorm({ features: 3 }), new Sequential([new ReLU(), dense])]);
model.layers[1].runningMean.values.fill(0);
model.layers[2].layers[1].weight.update(() => undefined);
// @ts-expect-error -- a Dense has no running mean
model.layers[0].runningMean;
// @ts-expect-error -- there are three layers
model.layers[3];
// @ts-expect-error -- the list cannot be changed
model.layers[0] = dense;
const list: Layer[] = [dense, norm];
const general: Sequential = new Sequential(list);
// @ts-expect-error -- of a list of unknown length, any layer may be missing
general.layers[0].parameters;
const copied: typeof model = clone(model);
copied.layers[1].freeze();
const anyModel: Sequential = model;
summary(anyModel).text.trim();

// --- optimizers and losses
new SGD(model.parameters, { learningRate: cosineSchedule({ start: 0.1, steps: 10 })(0) });
// @ts-expect-error -- statistics are not trained
new SGD(model.statistics, { learningRate: 0.1 });
// @ts-expect-error -- a schedule is a function of the step
new SGD(model.parameters, { learningRate: cosineSchedule({ start: 0.1, steps: 10 }) });
// @ts-expect-error -- RMSprop has no kernel
new RMSprop(model.parameters, { learningRate: 0.1, kernels: undefined });
// @ts-expect-error -- the average needs a model and a decay
new WeightAverage(model);
// @ts-expect-error -- labels are not values
meanSquaredError(x, [0, 1, 0, 1]);
softmaxCrossEntropy(x, [0, 1, 0, 1]);
sigmoidCrossEntropy(x, Tensor.zeros([4, 2]));
rowLosses(softmaxCrossEntropy, x, [0, 1, 0, 1], { labelSmoothing: 0.1 });
rowLosses(meanSquaredError, x, x);
// @ts-expect-error -- the target of another loss
rowLosses(meanSquaredError, x, [0, 1, 0, 1]);
accuracy(x, oneHot([0, 1, 0, 1], { classes: 2 })).toFixed();
const { gradients } = clipByNorm(new Map<Parameter, Tensor>(), 1);
// @ts-expect-error -- gradients are not to be changed in place
gradients.clear();
