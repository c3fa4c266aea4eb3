/**
 * THE TABLE OF ERRORS: everything that the public functions of the "." entry refuse, each message whole. Inputs that a
 * layer refuses by their shape stand in test/support/cases.ts.
 *
 * The form is `who: expected X, got Y - cure`: ShapeError for shapes, RangeError for values, TypeError for kinds. And whatever
 * throws has changed nothing.
 */
import { describe, expect, it } from "vitest";
import * as batchnorm from "../src/index.js";
import {
  Adam,
  AdamW,
  type Backward,
  BatchNorm,
  BatchRenorm,
  channelView,
  checkGradient,
  checkLayer,
  checkObjective,
  Dense,
  type Evaluation,
  type Forward,
  GhostBatchNorm,
  GroupNorm,
  guardBackward,
  type Layer,
  LayerNorm,
  LeakyReLU,
  loadStateDict,
  LpNorm,
  meanSquaredError,
  modelObjective,
  NoiseInjection,
  type Objective,
  Parameter,
  parametersByPath,
  Random,
  ReLU,
  RunningStatistic,
  Sequential,
  SGD,
  Sigmoid,
  softmaxCrossEntropy,
  stateDict,
  statisticsByPath,
  Tanh,
  Tensor,
} from "../src/index.js";
import { refusals } from "./support/cases.js";
import { expectError } from "./support/close.js";

type Kind = "ShapeError" | "RangeError" | "TypeError";
type Row = readonly [kind: Kind, message: string, work: () => unknown];

/** Passes off one thing as another, as a caller in plain JavaScript can. */
const as = (value: unknown): never => value as never;

const random = (): Random => new Random(1);
const tensor = (...shape: number[]): Tensor => Tensor.normal(shape, { random: random() });
const pass = { mode: "probe" } as const;
const dense = (): Dense => new Dense({ inputs: 3, outputs: 2, random: random() });
const gamma = (): Parameter => new Parameter("gamma", "scale", Tensor.filled([3], 1));
const bowl: Objective = (x) => ({ loss: x[0]! ** 2, gradient: x.map((value) => 2 * value) });
const one = Float64Array.of(1);

/** A layer that answers the backward pass with whatever it is told to. */
function answering(backward: Partial<Backward>): Layer {
  const inner = dense();
  return {
    parameters: inner.parameters,
    statistics: [],
    forward(input, given): Forward {
      const forward = inner.forward(input, given);
      return { output: forward.output, backward: (dy) => ({ ...forward.backward(dy), gradInput: input, ...backward }) };
    },
  };
}

const tensors: readonly Row[] = [
  [
    "TypeError",
    "Tensor: expected data to be a Float32Array or a Float64Array, got [1, 2] - copy other arrays with Tensor.from",
    () => new Tensor(as([1, 2]), [2]),
  ],
  [
    "TypeError",
    "Tensor: expected data to be a Float32Array or a Float64Array, got Int32Array(1) - copy other arrays with Tensor.from",
    () => new Tensor(as(Int32Array.of(1)), [1]),
  ],
  [
    "ShapeError",
    "Tensor: expected 4 values for shape [2, 2], got 3",
    () => new Tensor(Float32Array.of(1, 2, 3), [2, 2]),
  ],
  [
    "TypeError",
    "Tensor: expected a shape, an array of numbers, got 3",
    () => new Tensor(Float32Array.of(1, 2, 3), as(3)),
  ],
  [
    "ShapeError",
    "Tensor: expected every axis of the shape to be a whole number of at least 1, got [3, 0]",
    () => new Tensor(Float32Array.of(1, 2, 3), [3, 0]),
  ],
  [
    "ShapeError",
    "Tensor: expected every axis of the shape to be a whole number of at least 1, got [1.5, 2]",
    () => new Tensor(Float32Array.of(1, 2, 3), [1.5, 2]),
  ],
  [
    "ShapeError",
    'Tensor: expected every axis of the shape to be a whole number of at least 1, got ["3"]',
    () => new Tensor(Float32Array.of(1, 2, 3), as(["3"])),
  ],
  ["TypeError", 'Tensor.from: expected numbers in nested arrays, got "12"', () => Tensor.from(as("12"))],
  ["TypeError", "Tensor.from: expected numbers in nested arrays, got null", () => Tensor.from(as(null))],
  ["TypeError", "Tensor.from: expected numbers in nested arrays, got an object", () => Tensor.from(as({ a: 1 }))],
  ["TypeError", "Tensor: expected every value to be a number, got 1n", () => Tensor.from(as(BigInt64Array.of(1n)))],
  ["TypeError", 'Tensor: expected every value to be a number, got "2"', () => Tensor.from(as([1, "2"]))],
  ["TypeError", "Tensor: expected every value to be a number, got null", () => Tensor.from([[1], [as(null)]])],
  [
    "TypeError",
    "Tensor.from: expected numbers in nested arrays, got undefined",
    () => Tensor.from(as([[[undefined]]])),
  ],
  ["ShapeError", "Tensor.from: expected at least one value on every axis, got shape [0]", () => Tensor.from([])],
  [
    "ShapeError",
    "Tensor.from: expected at least one value on every axis, got shape [2, 0]",
    () => Tensor.from([[], []]),
  ],
  [
    "ShapeError",
    "Tensor.from: expected arrays of 2 on axis 1, as the first one is, got an array of 1",
    () => Tensor.from([[1, 2], [3]]),
  ],
  [
    "ShapeError",
    "Tensor.from: expected arrays of 2 on axis 1, as the first one is, got 3",
    () => Tensor.from([[1, 2], 3]),
  ],
  ["TypeError", "Tensor: expected every value to be a number, got [2]", () => Tensor.from([1, [2]])],
  ["ShapeError", "Tensor: expected 4 values for shape [2, 2], got 3", () => Tensor.from([1, 2, 3], { shape: [2, 2] })],
  [
    "TypeError",
    'Tensor.from: expected dtype to be "float32" or "float64", got "float16"',
    () => Tensor.from([1], { dtype: as("float16") }),
  ],
  ["TypeError", "Tensor.from: expected options to be an object, got null", () => Tensor.from([1], as(null))],
  [
    "ShapeError",
    "Tensor.zeros: expected every axis of the shape to be a whole number of at least 1, got [-1]",
    () => Tensor.zeros([-1]),
  ],
  [
    "ShapeError",
    "Tensor.zeros: expected every axis of the shape to be a whole number of at least 1, got [NaN]",
    () => Tensor.zeros([NaN]),
  ],
  [
    "TypeError",
    "Tensor.zeros: expected a shape, an array of numbers, got undefined",
    () => Tensor.zeros(as(undefined)),
  ],
  [
    "TypeError",
    'Tensor.zeros: expected dtype to be "float32" or "float64", got "int32"',
    () => Tensor.zeros([1], as("int32")),
  ],
  ["TypeError", 'Tensor: expected every value to be a number, got "1"', () => Tensor.filled([1], as("1"))],
  [
    "ShapeError",
    "Tensor.filled: expected every axis of the shape to be a whole number of at least 1, got [0]",
    () => Tensor.filled([0], 1),
  ],
  [
    "TypeError",
    "Tensor.normal: expected options to be an object, got undefined",
    () => Tensor.normal([2], as(undefined)),
  ],
  [
    "TypeError",
    "Tensor.normal: expected random to be a Random, got undefined - pass new Random(seed)",
    () => Tensor.normal([2], as({})),
  ],
  [
    "TypeError",
    "Tensor.normal: expected random to be a Random, got a function - pass new Random(seed)",
    () => Tensor.normal([2], { random: as(Math.random) }),
  ],
  [
    "RangeError",
    "Tensor.normal: expected std to be a finite number >= 0, got -1",
    () => Tensor.normal([2], { random: random(), std: -1 }),
  ],
  [
    "RangeError",
    "Tensor.normal: expected mean to be a finite number, got NaN",
    () => Tensor.normal([2], { random: random(), mean: NaN }),
  ],
  [
    "TypeError",
    'Tensor.normal: expected dtype to be "float32" or "float64", got "f32"',
    () => Tensor.normal([2], { random: random(), dtype: as("f32") }),
  ],
  [
    "TypeError",
    "Tensor.uniform: expected options to be an object, got undefined",
    () => Tensor.uniform([2], as(undefined)),
  ],
  [
    "TypeError",
    "Tensor.uniform: expected random to be a Random, got undefined - pass new Random(seed)",
    () => Tensor.uniform([2], { random: as(undefined) }),
  ],
  [
    "RangeError",
    "Tensor.uniform: expected high to be a finite number >= 2, got 1",
    () => Tensor.uniform([2], { random: random(), low: 2, high: 1 }),
  ],
  [
    "RangeError",
    "Tensor.uniform: expected low to be a finite number, got -Infinity",
    () => Tensor.uniform([2], { random: random(), low: -Infinity }),
  ],
  ["RangeError", "Tensor.at: expected 2 indices within shape [2, 3], got [2, 0]", () => tensor(2, 3).at(2, 0)],
  ["RangeError", "Tensor.at: expected 2 indices within shape [2, 3], got [1]", () => tensor(2, 3).at(1)],
  ["RangeError", "Tensor.at: expected 2 indices within shape [2, 3], got [0, 0.5]", () => tensor(2, 3).at(0, 0.5)],
  ["RangeError", "Tensor.at: expected 2 indices within shape [2, 3], got [0, -1]", () => tensor(2, 3).at(0, -1)],
  ["ShapeError", "Tensor.reshape: expected a shape of 6 values, got [4]", () => tensor(2, 3).reshape([4])],
  [
    "ShapeError",
    "Tensor.reshape: expected every axis of the shape to be a whole number of at least 1, got [-1, 3]",
    () => tensor(2, 3).reshape([-1, 3]),
  ],
  ["RangeError", "Tensor.rows: expected row numbers in 0..1, got 2", () => tensor(2, 3).rows([0, 2])],
  ["RangeError", "Tensor.rows: expected row numbers in 0..1, got -1", () => tensor(2, 3).rows([-1])],
  ["RangeError", "Tensor.rows: expected row numbers in 0..1, got 0.5", () => tensor(2, 3).rows([0.5])],
  [
    "RangeError",
    "Tensor.rows: expected the number of rows to be a whole number of at least 1, got 0",
    () => tensor(2, 3).rows([]),
  ],
  ["TypeError", "Tensor.rows: expected row numbers in an array, got 1", () => tensor(2, 3).rows(as(1))],
  ["ShapeError", "Tensor.rows: expected at least one axis, got shape []", () => Tensor.from(5).rows([0])],
  [
    "TypeError",
    'Tensor.cast: expected dtype to be "float32" or "float64", got "double"',
    () => tensor(2).cast(as("double")),
  ],
  ["RangeError", "channelView: expected an axis of shape [2, 3], got 2", () => channelView([2, 3], 2)],
  ["RangeError", "channelView: expected an axis of shape [2, 3], got -3", () => channelView([2, 3], -3)],
  ["RangeError", "channelView: expected an axis of shape [2, 3], got 0.5", () => channelView([2, 3], 0.5)],
  ["TypeError", 'channelView: expected a shape, an array of numbers, got "23"', () => channelView(as("23"), 1)],
];

const randoms: readonly Row[] = [
  ["TypeError", 'Random: expected seed to be a number, got "seed"', () => new Random(as("seed"))],
  ["TypeError", "Random: expected seed to be a number, got undefined", () => new Random(as(undefined))],
  ["RangeError", "Random: expected seed to be a whole number, got 0.5", () => new Random(0.5)],
  ["RangeError", "Random: expected seed to be a finite number, got NaN", () => new Random(NaN)],
  ["RangeError", "Random: expected seed to be a whole number, got 1152921504606847000", () => new Random(2 ** 60)],
  ["RangeError", "Random.uniform: expected high to be a finite number >= 1, got 0", () => random().uniform(1, 0)],
  ["RangeError", "Random.uniform: expected low to be a finite number, got NaN", () => random().uniform(NaN)],
  [
    "RangeError",
    "Random.uniform: expected high - low to be a finite number >= 0, got Infinity",
    () => random().uniform(-1e308, 1e308),
  ],
  ["TypeError", 'Random.uniform: expected high to be a number, got "1"', () => random().uniform(0, as("1"))],
  ["RangeError", "Random.normal: expected std to be a finite number >= 0, got -1", () => random().normal(0, -1)],
  ["RangeError", "Random.normal: expected mean to be a finite number, got Infinity", () => random().normal(Infinity)],
  ["RangeError", "Random.integer: expected bound to be a whole number of at least 1, got 0", () => random().integer(0)],
  [
    "RangeError",
    "Random.integer: expected bound in [1, 4294967296], got 4294967297",
    () => random().integer(2 ** 32 + 1),
  ],
  ["TypeError", "Random.integer: expected bound to be a number, got undefined", () => random().integer(as(undefined))],
  [
    "RangeError",
    "Random.permutation: expected length to be a whole number of at least 0, got -1",
    () => random().permutation(-1),
  ],
  ["TypeError", "Random.fork: expected label to be a string, got 1", () => random().fork(as(1))],
  ["TypeError", "Random.from: expected state to be an object, got undefined", () => Random.from(as(undefined))],
  [
    "TypeError",
    "Random.from: expected words to be four 32-bit words, got undefined",
    () => Random.from(as({ key: [1, 2, 3, 4] })),
  ],
  [
    "TypeError",
    "Random.from: expected key to be four 32-bit words, got [1, 2, 3]",
    () => Random.from({ key: [1, 2, 3], words: [1, 2, 3, 4] }),
  ],
  [
    "TypeError",
    "Random.from: expected words to be four 32-bit words, got [1, 2, 3, 4294967296]",
    () => Random.from({ key: [1, 2, 3, 4], words: [1, 2, 3, 2 ** 32] }),
  ],
  [
    "RangeError",
    "Random.from: expected words not to be all zeros, got [0, 0, 0, 0]",
    () => Random.from({ key: [1, 2, 3, 4], words: [0, 0, 0, 0] }),
  ],
  ["TypeError", "Random.from: expected key to be four 32-bit words, got undefined", () => random().restore(as({}))],
];

const layers: readonly Row[] = [
  ["TypeError", "BatchNorm: expected options to be an object, got undefined", () => new BatchNorm(as(undefined))],
  ["TypeError", "BatchNorm: expected features to be a number, got undefined", () => new BatchNorm(as({}))],
  [
    "RangeError",
    "BatchNorm: expected features to be a whole number of at least 1, got 0",
    () => new BatchNorm({ features: 0 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected features to be a whole number of at least 1, got 2.5",
    () => new BatchNorm({ features: 2.5 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected features to be a whole number of at least 1, got NaN",
    () => new BatchNorm({ features: NaN }),
  ],
  ["TypeError", "BatchNorm: expected axis to be a number, got []", () => new BatchNorm({ features: 1, axis: as([]) })],
  [
    "TypeError",
    "BatchNorm.freeze: expected options to be an object, got null",
    () => new BatchNorm({ features: 1 }).freeze(as(null)),
  ],
  [
    "TypeError",
    "BatchNorm: expected rowWeights to be an object, got 0",
    () => new BatchNorm({ features: 1 }).forward(tensor(4, 1), { ...pass, rowWeights: as(0) }),
  ],
  [
    "TypeError",
    "LpNorm: expected rowWeights to be an object, got null",
    () => new LpNorm({ features: 1, p: 1 }).forward(tensor(4, 1), { ...pass, rowWeights: as(null) }),
  ],
  [
    "RangeError",
    "BatchNorm: expected axis to be a whole number, got 0.5",
    () => new BatchNorm({ features: 3, axis: 0.5 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected epsilon to be a finite number >= 0, got -0.00001",
    () => new BatchNorm({ features: 3, epsilon: -1e-5 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected epsilon to be a finite number >= 0, got NaN",
    () => new BatchNorm({ features: 3, epsilon: NaN }),
  ],
  [
    "TypeError",
    "BatchNorm: expected epsilon to be a number, got null",
    () => new BatchNorm({ features: 3, epsilon: as(null) }),
  ],
  ["RangeError", "BatchNorm: expected momentum in [0, 1], got 5", () => new BatchNorm({ features: 3, momentum: 5 })],
  [
    "RangeError",
    "BatchNorm: expected momentum in [0, 1], got -0.1",
    () => new BatchNorm({ features: 3, momentum: -0.1 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected momentum in [0, 1], got NaN",
    () => new BatchNorm({ features: 3, momentum: NaN }),
  ],
  [
    "TypeError",
    'BatchNorm: expected momentum to be a number, got "0.1"',
    () => new BatchNorm({ features: 3, momentum: as("0.1") }),
  ],
  [
    "TypeError",
    "BatchNorm: expected scale to be true or false, got 1",
    () => new BatchNorm({ features: 3, scale: as(1) }),
  ],
  [
    "TypeError",
    'BatchNorm: expected center to be true or false, got "no"',
    () => new BatchNorm({ features: 3, center: as("no") }),
  ],
  [
    "TypeError",
    "BatchNorm: expected trackRunningStatistics to be true or false, got null",
    () => new BatchNorm({ features: 3, trackRunningStatistics: as(null) }),
  ],
  [
    "TypeError",
    'BatchNorm: expected varianceEstimator to be "unbiased" or "biased", got "sample"',
    () => new BatchNorm({ features: 3, varianceEstimator: as("sample") }),
  ],
  [
    "TypeError",
    'BatchNorm: expected dtype to be "float32" or "float64", got "float16"',
    () => new BatchNorm({ features: 3, dtype: as("float16") }),
  ],
  [
    "TypeError",
    "BatchNorm: expected the input to be a Tensor, got [an array of 3]",
    () => new BatchNorm({ features: 3 }).forward(as([[1, 2, 3]]), pass),
  ],
  [
    "TypeError",
    "BatchNorm: expected the input to be a Tensor, got an object",
    () => new BatchNorm({ features: 3 }).forward(as({ shape: [4, 3], data: new Float32Array(12) }), pass),
  ],
  [
    "TypeError",
    "BatchNorm.forward: expected the pass to be an object, got undefined",
    () => new BatchNorm({ features: 3 }).forward(tensor(4, 3), as(undefined)),
  ],
  [
    "TypeError",
    'BatchNorm: expected mode to be "train" or "probe" or "inference", got undefined',
    () => new BatchNorm({ features: 3 }).forward(tensor(4, 3), as({})),
  ],
  [
    "TypeError",
    'BatchNorm "2.0": expected mode to be "train" or "probe" or "inference", got "eval"',
    () => new BatchNorm({ features: 3 }).forward(tensor(4, 3), { mode: as("eval"), path: "2.0" }),
  ],
  [
    "RangeError",
    "BatchNorm.freeze: expected running statistics to normalize with, got trackRunningStatistics: false",
    () => new BatchNorm({ features: 3, trackRunningStatistics: false }).freeze(),
  ],
  [
    "TypeError",
    "BatchNorm.freeze: expected updates to be true or false, got 1",
    () => new BatchNorm({ features: 3 }).freeze({ updates: as(1) }),
  ],
  [
    "ShapeError",
    "BatchNorm.track: expected mean to have 3 values, got 2",
    () => new BatchNorm({ features: 3 }).track(new Float64Array(2), new Float64Array(3)),
  ],
  [
    "ShapeError",
    "BatchNorm.track: expected variance to have 3 values, got 4",
    () => new BatchNorm({ features: 3 }).track(new Float64Array(3), new Float64Array(4)),
  ],
  ["TypeError", "Dense: expected options to be an object, got null", () => new Dense(as(null))],
  ["TypeError", "Dense: expected inputs to be a number, got undefined", () => new Dense(as({ outputs: 2 }))],
  [
    "RangeError",
    "Dense: expected inputs to be a whole number of at least 1, got 0",
    () => new Dense({ inputs: 0, outputs: 2, random: random() }),
  ],
  [
    "RangeError",
    "Dense: expected outputs to be a whole number of at least 1, got 2.5",
    () => new Dense({ inputs: 3, outputs: 2.5, random: random() }),
  ],
  [
    "TypeError",
    "Dense: expected random to be a Random, got undefined - pass new Random(seed)",
    () => new Dense({ inputs: 3, outputs: 2 }),
  ],
  [
    "TypeError",
    "Dense: expected bias to be true or false, got 0",
    () => new Dense({ inputs: 3, outputs: 2, bias: as(0), random: random() }),
  ],
  [
    "TypeError",
    'Dense: expected dtype to be "float32" or "float64", got "f"',
    () => new Dense({ inputs: 3, outputs: 2, dtype: as("f"), random: random() }),
  ],
  [
    "TypeError",
    'Dense: expected initial to be "glorot" or "he", got "zeros"',
    () => new Dense({ inputs: 3, outputs: 2, initial: as("zeros"), random: random() }),
  ],
  [
    "TypeError",
    'Dense: expected initial to be "glorot" or "he", got null',
    () => new Dense({ inputs: 3, outputs: 2, initial: as(null), random: random() }),
  ],
  [
    "TypeError",
    "Dense: expected initial.weight to be a Tensor, got [1]",
    () => new Dense({ inputs: 3, outputs: 2, initial: { weight: as([1]) } }),
  ],
  [
    "ShapeError",
    "Dense: expected initial.weight of shape [3, 2], got [2, 3]",
    () => new Dense({ inputs: 3, outputs: 2, initial: { weight: tensor(2, 3) } }),
  ],
  [
    "TypeError",
    'Dense: expected initial.weight of dtype float64, got float32 - cast it, or say dtype: "float32"',
    () => new Dense({ inputs: 3, outputs: 2, dtype: "float64", initial: { weight: tensor(3, 2) } }),
  ],
  [
    "ShapeError",
    "Dense: expected initial.bias of shape [2], got [3]",
    () => new Dense({ inputs: 3, outputs: 2, initial: { weight: tensor(3, 2), bias: tensor(3) } }),
  ],
  [
    "TypeError",
    "Dense: expected no initial.bias with bias: false, got one",
    () => new Dense({ inputs: 3, outputs: 2, bias: false, initial: { weight: tensor(3, 2), bias: tensor(2) } }),
  ],
  [
    "TypeError",
    "Dense: expected the input to be a Tensor, got Float32Array(3)",
    () => dense().forward(as(Float32Array.of(1, 2, 3)), pass),
  ],
  ["TypeError", "LeakyReLU: expected options to be an object, got null", () => new LeakyReLU(as(null))],
  ["RangeError", "LeakyReLU: expected slope in (0, 1], got 0", () => new LeakyReLU({ slope: 0 })],
  ["RangeError", "LeakyReLU: expected slope in (0, 1], got 1.5", () => new LeakyReLU({ slope: 1.5 })],
  ["TypeError", 'LeakyReLU: expected slope to be a number, got "0.1"', () => new LeakyReLU({ slope: as("0.1") })],
  ["TypeError", "LeakyReLU: expected the input to be a Tensor, got 1", () => new LeakyReLU().forward(as(1), pass)],
  [
    "TypeError",
    "ReLU: expected the input to be a Tensor, got undefined",
    () => new ReLU().forward(as(undefined), pass),
  ],
  ["TypeError", "Sigmoid: expected the input to be a Tensor, got [1]", () => new Sigmoid().forward(as([1]), pass)],
  [
    "TypeError",
    'Tanh.forward: expected the pass to be an object, got "train"',
    () => new Tanh().forward(tensor(2), as("train")),
  ],
  ["TypeError", "LayerNorm: expected options to be an object, got undefined", () => new LayerNorm(as(undefined))],
  [
    "RangeError",
    "LayerNorm: expected features to be a whole number of at least 1, got -3",
    () => new LayerNorm({ features: -3 }),
  ],
  [
    "RangeError",
    "LayerNorm: expected epsilon to be a finite number >= 0, got -1",
    () => new LayerNorm({ features: 3, epsilon: -1 }),
  ],
  [
    "TypeError",
    'LayerNorm: expected scale to be true or false, got "yes"',
    () => new LayerNorm({ features: 3, scale: as("yes") }),
  ],
  [
    "TypeError",
    "LayerNorm: expected center to be true or false, got 1",
    () => new LayerNorm({ features: 3, center: as(1) }),
  ],
  [
    "TypeError",
    'LayerNorm: expected dtype to be "float32" or "float64", got "int8"',
    () => new LayerNorm({ features: 3, dtype: as("int8") }),
  ],
  [
    "TypeError",
    "LayerNorm: expected the input to be a Tensor, got 3",
    () => new LayerNorm({ features: 3 }).forward(as(3), pass),
  ],
  ["TypeError", "GroupNorm: expected groups to be a number, got undefined", () => new GroupNorm(as({ features: 4 }))],
  [
    "RangeError",
    "GroupNorm: expected groups to be a whole number of at least 1, got 0",
    () => new GroupNorm({ features: 4, groups: 0 }),
  ],
  [
    "RangeError",
    "GroupNorm: expected groups that divide the 4 features, got 3",
    () => new GroupNorm({ features: 4, groups: 3 }),
  ],
  [
    "TypeError",
    "GroupNorm: expected the input to be a Tensor, got an object",
    () => new GroupNorm({ features: 4, groups: 2 }).forward(as({}), pass),
  ],
  [
    "TypeError",
    "Sequential: expected an array of at least one layer, got an object",
    () => new Sequential(as(dense())),
  ],
  ["TypeError", "Sequential: expected an array of at least one layer, got []", () => new Sequential([])],
  [
    "TypeError",
    "Sequential: expected a layer at place 1, with forward, parameters and statistics, got undefined",
    () => new Sequential([dense(), as(undefined)]),
  ],
  [
    "TypeError",
    "Sequential: expected a layer at place 0, with forward, parameters and statistics, got an object",
    () => new Sequential([as({ forward: () => 1 })]),
  ],
  [
    "TypeError",
    "Sequential: expected the input to be a Tensor, got [1]",
    () => new Sequential([dense()]).forward(as([1]), pass),
  ],
  [
    "TypeError",
    'Sequential: expected mode to be "train" or "probe" or "inference", got "training"',
    () => new Sequential([dense()]).forward(tensor(2, 3), as({ mode: "training" })),
  ],
  [
    "TypeError",
    "parametersByPath: expected a layer, with forward, parameters and statistics, got undefined",
    () => parametersByPath(as(undefined)),
  ],
  [
    "TypeError",
    "statisticsByPath: expected a layer, with forward, parameters and statistics, got an object",
    () => statisticsByPath(as({ forward: () => 1, parameters: [] })),
  ],
  [
    "TypeError",
    'parametersByPath: expected another path for everything in a model, got two of "weight" - name the layers inside that layer in its `children`',
    () =>
      parametersByPath({
        parameters: [...dense().parameters, ...dense().parameters],
        statistics: [],
        forward: as(() => 1),
      }),
  ],
  ["TypeError", "Parameter: expected name to be a string, got 1", () => new Parameter(as(1), "scale", tensor(3))],
  [
    "TypeError",
    'Parameter: expected role to be "weight" or "bias" or "scale" or "shift", got "gamma"',
    () => new Parameter("gamma", as("gamma"), tensor(3)),
  ],
  [
    "TypeError",
    'Parameter "gamma": expected value to be a Tensor, got Float32Array(1)',
    () => new Parameter("gamma", "scale", as(Float32Array.of(1))),
  ],
  [
    "TypeError",
    'Parameter "gamma": expected update to be given a function, got Float32Array(1)',
    () => gamma().update(as(Float32Array.of(1))),
  ],
  [
    "TypeError",
    "RunningStatistic: expected name to be a string, got null",
    () => new RunningStatistic(as(null), new Float64Array(1)),
  ],
  [
    "TypeError",
    'RunningStatistic "count": expected values to be a Float64Array, got Float32Array(1)',
    () => new RunningStatistic("count", as(new Float32Array(1))),
  ],
  [
    "TypeError",
    'RunningStatistic "count": expected least to be a number, got "0"',
    () => new RunningStatistic("count", new Float64Array(1), as("0")),
  ],
  [
    "TypeError",
    "Mine: expected gradOutput to be a Tensor, got [1, 2]",
    () => guardBackward("Mine", tensor(2), [])(as([1, 2])),
  ],
  [
    "ShapeError",
    "Mine: expected gradOutput of shape [2], as the output is, got [3]",
    () => guardBackward("Mine", tensor(2), [])(tensor(3)),
  ],
  [
    "TypeError",
    'Mine: expected gradOutput of dtype float32, got float64 - use gradOutput.cast("float32")',
    () => guardBackward("Mine", tensor(2), [])(tensor(2).cast("float64")),
  ],
  [
    "RangeError",
    'Mine "3": expected gamma as it was in the forward pass, got changed values - call backward before the parameters are updated',
    () => {
      const parameter = gamma();
      const guard = guardBackward('Mine "3"', tensor(2), [parameter]);
      parameter.update((values) => values.fill(2));
      guard(tensor(2));
    },
  ],
];

const training: readonly Row[] = [
  [
    "TypeError",
    "softmaxCrossEntropy: expected the output to be a Tensor, got [an array of 2]",
    () => softmaxCrossEntropy(as([[1, 2]]), [1]),
  ],
  [
    "ShapeError",
    "softmaxCrossEntropy: expected logits of shape [N, K], got [3]",
    () => softmaxCrossEntropy(tensor(3), [1]),
  ],
  [
    "ShapeError",
    "softmaxCrossEntropy: expected logits of shape [N, K], got [2, 3, 1]",
    () => softmaxCrossEntropy(tensor(2, 3, 1), [1, 1]),
  ],
  [
    "TypeError",
    "softmaxCrossEntropy: expected options to be an object, got null",
    () => softmaxCrossEntropy(tensor(2, 3), [1, 1], as(null)),
  ],
  [
    "RangeError",
    "softmaxCrossEntropy: expected labelSmoothing in [0, 1], got 1.1",
    () => softmaxCrossEntropy(tensor(2, 3), [1, 1], { labelSmoothing: 1.1 }),
  ],
  [
    "RangeError",
    "softmaxCrossEntropy: expected labelSmoothing in [0, 1], got NaN",
    () => softmaxCrossEntropy(tensor(2, 3), [1, 1], { labelSmoothing: NaN }),
  ],
  [
    "ShapeError",
    "softmaxCrossEntropy: expected 2 labels, one a row, got 1",
    () => softmaxCrossEntropy(tensor(2, 3), [1]),
  ],
  [
    "RangeError",
    "softmaxCrossEntropy: expected labels to be whole numbers in 0..2, got 3 in row 1",
    () => softmaxCrossEntropy(tensor(2, 3), [1, 3]),
  ],
  [
    "RangeError",
    "softmaxCrossEntropy: expected labels to be whole numbers in 0..2, got -1 in row 0",
    () => softmaxCrossEntropy(tensor(2, 3), [-1, 0]),
  ],
  [
    "RangeError",
    "softmaxCrossEntropy: expected labels to be whole numbers in 0..2, got 0.5 in row 0",
    () => softmaxCrossEntropy(tensor(2, 3), [0.5, 0]),
  ],
  [
    "RangeError",
    "softmaxCrossEntropy: expected labels to be whole numbers in 0..2, got NaN in row 0",
    () => softmaxCrossEntropy(tensor(2, 3), [NaN, 0]),
  ],
  [
    "TypeError",
    'softmaxCrossEntropy: expected the target to be labels or a Tensor of distributions, got "01"',
    () => softmaxCrossEntropy(tensor(2, 3), as("01")),
  ],
  [
    "TypeError",
    "softmaxCrossEntropy: expected the target to be labels or a Tensor of distributions, got undefined",
    () => softmaxCrossEntropy(tensor(2, 3), as(undefined)),
  ],
  [
    "TypeError",
    "softmaxCrossEntropy: expected the target to be labels or a Tensor of distributions, got an object",
    () => softmaxCrossEntropy(tensor(2, 3), as({})),
  ],
  [
    "ShapeError",
    "softmaxCrossEntropy: expected a target of shape [2, 3], as the output is, got [3, 2]",
    () => softmaxCrossEntropy(tensor(2, 3), tensor(3, 2)),
  ],
  [
    "TypeError",
    'softmaxCrossEntropy: expected a target of dtype float32, got float64 - use target.cast("float32")',
    () => softmaxCrossEntropy(tensor(2, 3), Tensor.zeros([2, 3], "float64")),
  ],
  [
    "RangeError",
    "softmaxCrossEntropy: expected distributions without negative values, got -0.5 in row 1",
    () =>
      softmaxCrossEntropy(
        tensor(2, 2),
        Tensor.from([
          [1, 0],
          [1.5, -0.5],
        ]),
      ),
  ],
  [
    "RangeError",
    "softmaxCrossEntropy: expected distributions without negative values, got NaN in row 0",
    () => softmaxCrossEntropy(tensor(1, 2), Tensor.from([[NaN, 0]])),
  ],
  [
    "TypeError",
    "meanSquaredError: expected the output to be a Tensor, got 1",
    () => meanSquaredError(as(1), tensor(1)),
  ],
  [
    "TypeError",
    "meanSquaredError: expected the target to be a Tensor, got [1]",
    () => meanSquaredError(tensor(1), as([1])),
  ],
  [
    "ShapeError",
    "meanSquaredError: expected a target of shape [2, 3], as the output is, got [2]",
    () => meanSquaredError(tensor(2, 3), tensor(2)),
  ],
  [
    "TypeError",
    'meanSquaredError: expected a target of dtype float32, got float64 - use target.cast("float32")',
    () => meanSquaredError(tensor(2), Tensor.zeros([2], "float64")),
  ],
  [
    "TypeError",
    "meanSquaredError: expected options to be an object, got null",
    () => meanSquaredError(tensor(2), tensor(2), as(null)),
  ],
  [
    "TypeError",
    "SGD: expected parameters to be a list, got undefined - pass model.parameters",
    () => new SGD(as(undefined), { learningRate: 1 }),
  ],
  [
    "TypeError",
    "SGD: expected parameters to be a list, got an object - pass model.parameters",
    () => new SGD(as(gamma()), { learningRate: 1 }),
  ],
  ["TypeError", "SGD: expected parameters only, got an object", () => new SGD([as(tensor(2))], { learningRate: 1 })],
  [
    "TypeError",
    "SGD: expected parameters only, got an object",
    () => new SGD(as(new BatchNorm({ features: 2 }).statistics), { learningRate: 1 }),
  ],
  ["TypeError", "SGD: expected options to be an object, got undefined", () => new SGD([gamma()], as(undefined))],
  ["TypeError", "SGD: expected learningRate to be a number, got undefined", () => new SGD([gamma()], as({}))],
  [
    "RangeError",
    "SGD: expected learningRate to be a finite number >= 0, got -1",
    () => new SGD([gamma()], { learningRate: -1 }),
  ],
  [
    "RangeError",
    "SGD: expected learningRate to be a finite number >= 0, got NaN",
    () => new SGD([gamma()], { learningRate: NaN }),
  ],
  [
    "RangeError",
    "SGD: expected weightDecay to be a finite number >= 0, got -1",
    () => new SGD([gamma()], { learningRate: 1, weightDecay: -1 }),
  ],
  [
    "TypeError",
    'SGD: expected withoutDecay to be a list of roles, got "bias"',
    () => new SGD([gamma()], { learningRate: 1, withoutDecay: as("bias") }),
  ],
  [
    "TypeError",
    'SGD: expected withoutDecay to be "weight" or "bias" or "scale" or "shift", got "gamma"',
    () => new SGD([gamma()], { learningRate: 1, withoutDecay: [as("gamma")] }),
  ],
  ["RangeError", "SGD: expected momentum in [0, 1), got 1", () => new SGD([gamma()], { learningRate: 1, momentum: 1 })],
  [
    "RangeError",
    "SGD: expected momentum in [0, 1), got -0.1",
    () => new SGD([gamma()], { learningRate: 1, momentum: -0.1 }),
  ],
  [
    "TypeError",
    "SGD: expected nesterov to be true or false, got 1",
    () => new SGD([gamma()], { learningRate: 1, momentum: 0.9, nesterov: as(1) }),
  ],
  [
    "RangeError",
    "SGD: expected momentum > 0 with nesterov, got 0",
    () => new SGD([gamma()], { learningRate: 1, nesterov: true }),
  ],
  [
    "RangeError",
    "SGD: expected learningRate to be a finite number >= 0, got -1",
    () => (new SGD([gamma()], { learningRate: 1 }).learningRate = -1),
  ],
  [
    "TypeError",
    "SGD: expected a Map of gradients, got undefined - pass what backward returns as `gradients`",
    () => new SGD([gamma()], { learningRate: 1 }).step(as(undefined)),
  ],
  [
    "TypeError",
    "Adam: expected parameters to be a list, got 1 - pass model.parameters",
    () => new Adam(as(1), { learningRate: 1 }),
  ],
  [
    "RangeError",
    "Adam: expected learningRate to be a finite number >= 0, got Infinity",
    () => new Adam([gamma()], { learningRate: Infinity }),
  ],
  ["RangeError", "Adam: expected beta1 in [0, 1), got 1", () => new Adam([gamma()], { learningRate: 1, beta1: 1 })],
  [
    "RangeError",
    "Adam: expected beta2 in [0, 1), got -0.1",
    () => new Adam([gamma()], { learningRate: 1, beta2: -0.1 }),
  ],
  [
    "RangeError",
    "Adam: expected epsilon to be a finite number >= 0, got -1",
    () => new Adam([gamma()], { learningRate: 1, epsilon: -1 }),
  ],
  [
    "RangeError",
    "Adam: expected learningRate to be a finite number >= 0, got NaN",
    () => (new Adam([gamma()], { learningRate: 1 }).learningRate = NaN),
  ],
  [
    "RangeError",
    "AdamW: expected beta1 in [0, 1), got 1.5",
    () => new AdamW([gamma()], { learningRate: 1, beta1: 1.5 }),
  ],
  [
    "RangeError",
    "AdamW: expected weightDecay to be a finite number >= 0, got NaN",
    () => new AdamW([gamma()], { learningRate: 1, weightDecay: NaN }),
  ],
  ["TypeError", "AdamW: expected options to be an object, got null", () => new AdamW([gamma()], as(null))],
  [
    "TypeError",
    "stateDict: expected a layer, with forward, parameters and statistics, got undefined",
    () => stateDict(as(undefined)),
  ],
  [
    "TypeError",
    "loadStateDict: expected a layer, with forward, parameters and statistics, got an object",
    () => loadStateDict(as({}), {}),
  ],
  [
    "TypeError",
    "loadStateDict: expected the state to be an object, got undefined",
    () => loadStateDict(dense(), as(undefined)),
  ],
];

const checks: readonly Row[] = [
  [
    "TypeError",
    "checkGradient: expected the objective to be a function of a point, got 1",
    () => checkGradient(as(1), one, { random: random() }),
  ],
  [
    "TypeError",
    "checkGradient: expected the point to be a Float64Array, got [1]",
    () => checkGradient(bowl, as([1]), { random: random() }),
  ],
  [
    "TypeError",
    "checkGradient: expected the point to be a Float64Array, got Float32Array(1)",
    () => checkGradient(bowl, as(Float32Array.of(1)), { random: random() }),
  ],
  [
    "RangeError",
    "checkGradient: expected the length of the point to be a whole number of at least 1, got 0",
    () => checkGradient(bowl, new Float64Array(0), { random: random() }),
  ],
  [
    "RangeError",
    "checkGradient: expected a finite point, got NaN at coordinate 1",
    () => checkGradient(bowl, Float64Array.of(1, NaN), { random: random() }),
  ],
  [
    "TypeError",
    "checkGradient: expected options to be an object, got undefined",
    () => checkGradient(bowl, one, as(undefined)),
  ],
  [
    "TypeError",
    "checkGradient: expected random to be a Random, got undefined - pass new Random(seed)",
    () => checkGradient(bowl, one, as({})),
  ],
  [
    "RangeError",
    "checkGradient: expected step to be a finite number > 0, got 0",
    () => checkGradient(bowl, one, { random: random(), step: 0 }),
  ],
  [
    "RangeError",
    "checkGradient: expected tolerance to be a finite number > 0, got -1",
    () => checkGradient(bowl, one, { random: random(), tolerance: -1 }),
  ],
  [
    "RangeError",
    "checkGradient: expected coordinatesPerGroup to be a whole number of at least 1, got 0",
    () => checkGradient(bowl, one, { random: random(), coordinatesPerGroup: 0 }),
  ],
  [
    "RangeError",
    "checkGradient: expected coordinatesPerGroup to be a whole number of at least 1, got 1.5",
    () => checkGradient(bowl, one, { random: random(), coordinatesPerGroup: 1.5 }),
  ],
  [
    "TypeError",
    "checkGradient: expected groups to be an array of at least one, got []",
    () => checkGradient(bowl, one, { random: random(), groups: [] }),
  ],
  [
    "TypeError",
    "checkGradient: expected groups to be an array of at least one, got an object",
    () => checkGradient(bowl, one, { random: random(), groups: as({}) }),
  ],
  [
    "TypeError",
    "checkGradient: expected every group to be an object, got 1",
    () => checkGradient(bowl, one, { random: random(), groups: [as(1)] }),
  ],
  [
    "ShapeError",
    'checkGradient: expected groups within the 1 coordinates of the point, got "w" up to 2',
    () => checkGradient(bowl, one, { random: random(), groups: [as({ name: "w", start: 0, end: 2 })] }),
  ],
  [
    "RangeError",
    'checkGradient: expected end of group "w" to be a whole number of at least 1, got 0',
    () => checkGradient(bowl, one, { random: random(), groups: [as({ name: "w", start: 0, end: 0 })] }),
  ],
  [
    "TypeError",
    'checkGradient: expected the objective\'s dtype to be "float32" or "float64", got "half"',
    () =>
      checkGradient(
        Object.assign((x: Float64Array) => bowl(x), { dtype: as("half") }),
        one,
        { random: random() },
      ),
  ],
  [
    "TypeError",
    "checkGradient: expected an objective that gives { loss: number, gradient: Float64Array }, got undefined",
    () =>
      checkGradient(
        as(() => undefined),
        one,
        { random: random() },
      ),
  ],
  [
    "TypeError",
    "checkGradient: expected an objective that gives { loss: number, gradient: Float64Array }, got 3",
    () =>
      checkGradient(
        as(() => 3),
        one,
        { random: random() },
      ),
  ],
  [
    "TypeError",
    "checkGradient: expected an objective that gives { loss: number, gradient: Float64Array }, got an object",
    () =>
      checkGradient(
        as(() => ({ loss: 1, gradient: [1] })),
        one,
        { random: random() },
      ),
  ],
  [
    "ShapeError",
    "checkGradient: expected the objective's gradient to have 1 values, got 2",
    () => checkGradient(() => ({ loss: 1, gradient: new Float64Array(2) }), one, { random: random() }),
  ],
  [
    "TypeError",
    "checkGradient: expected an objective whose lossOnly gives a number, got an object",
    () =>
      checkGradient(
        Object.assign((x: Float64Array) => bowl(x), { lossOnly: as(() => ({})) }),
        one,
        { random: random() },
      ),
  ],
  [
    "RangeError",
    "checkGradient: expected a finite loss at the point, got NaN",
    () => checkGradient(() => ({ loss: NaN, gradient: one }), one, { random: random() }),
  ],
  [
    "RangeError",
    "checkGradient: expected a finite gradient at the point, got NaN at point[1]",
    () =>
      checkGradient((): Evaluation => ({ loss: 1, gradient: Float64Array.of(1, NaN) }), Float64Array.of(1, 2), {
        random: random(),
      }),
  ],
  [
    "RangeError",
    "checkGradient: expected a finite gradient at the point, got Infinity at 1.beta[0]",
    () =>
      checkGradient(() => ({ loss: 1, gradient: Float64Array.of(1, Infinity) }), Float64Array.of(1, 2), {
        random: random(),
        groups: [as({ name: "a", start: 0, end: 1 }), as({ name: "1.beta", start: 1, end: 2 })],
      }),
  ],
  [
    "TypeError",
    "checkObjective: expected the objective to be a function of a point, got undefined",
    () => checkObjective(as(undefined), one, { random: random() }),
  ],
  [
    "TypeError",
    "checkObjective: expected the point to be a Float64Array, got 1",
    () => checkObjective(bowl, as(1), { random: random() }),
  ],
  [
    "TypeError",
    "checkObjective: expected options to be an object, got undefined",
    () => checkObjective(bowl, one, as(undefined)),
  ],
  [
    "TypeError",
    "checkObjective: expected random to be a Random, got undefined - pass new Random(seed)",
    () => checkObjective(bowl, one, as({})),
  ],
  [
    "TypeError",
    "checkObjective: expected an objective that gives { loss: number, gradient: Float64Array }, got null",
    () =>
      checkObjective(
        as(() => null),
        one,
        { random: random() },
      ),
  ],
  [
    "TypeError",
    "checkLayer: expected a layer, with forward, parameters and statistics, got undefined",
    () => checkLayer(as(undefined), tensor(4, 3), { mode: "probe", random: random() }),
  ],
  [
    "TypeError",
    "checkLayer: expected the input to be a Tensor, got [1]",
    () => checkLayer(dense(), as([1]), { mode: "probe", random: random() }),
  ],
  [
    "TypeError",
    "checkLayer: expected options to be an object, got undefined",
    () => checkLayer(dense(), tensor(4, 3), as(undefined)),
  ],
  [
    "TypeError",
    'checkLayer: expected mode to be "probe" or "inference", got "train" - the derivative in mode "train" is that of "probe"',
    () => checkLayer(dense(), tensor(4, 3), { mode: as("train"), random: random() }),
  ],
  [
    "TypeError",
    "checkLayer: expected random to be a Random, got undefined - pass new Random(seed)",
    () => checkLayer(dense(), tensor(4, 3), { mode: "probe", random: as(undefined) }),
  ],
  [
    "TypeError",
    'checkLayer: expected dtype to be "float32" or "float64", got "f"',
    () => checkLayer(dense(), tensor(4, 3), { mode: "probe", random: random(), dtype: as("f") }),
  ],
  [
    "ShapeError",
    "Dense: expected an input of shape [N, 3], got [4, 2]",
    () => checkLayer(dense(), tensor(4, 2), { mode: "probe", random: random() }),
  ],
  [
    "ShapeError",
    "checkLayer: expected the gradient of the input of shape [4, 3], got [3, 4]",
    () => checkLayer(answering({ gradInput: tensor(3, 4) }), tensor(4, 3), { mode: "probe", random: random() }),
  ],
  [
    "TypeError",
    "checkLayer: expected the gradient of the input to be a Tensor, got undefined",
    () => checkLayer(answering({ gradInput: as(undefined) }), tensor(4, 3), { mode: "probe", random: random() }),
  ],
  [
    "ShapeError",
    "checkLayer: expected the gradient of weight of shape [3, 2], got [2, 3]",
    () => {
      const layer = answering({});
      const wrong = answering({ gradients: new Map([[layer.parameters[0]!, tensor(2, 3)]]) });
      return checkLayer({ ...wrong, parameters: layer.parameters }, tensor(4, 3), {
        mode: "probe",
        random: random(),
        dtype: "float32",
      });
    },
  ],
  [
    "TypeError",
    "modelObjective: expected a layer, with forward, parameters and statistics, got undefined",
    () => modelObjective(as(undefined), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, pass),
  ],
  [
    "TypeError",
    "modelObjective: expected the batch to be an object, got undefined",
    () => modelObjective(dense(), as(undefined), meanSquaredError, pass),
  ],
  [
    "TypeError",
    "modelObjective: expected batch.input to be a Tensor, got [1]",
    () => modelObjective(dense(), { input: as([1]), target: tensor(4, 2) }, meanSquaredError, pass),
  ],
  [
    "TypeError",
    "modelObjective: expected the loss to be a function, got undefined",
    () => modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, as(undefined), pass),
  ],
  [
    "TypeError",
    "modelObjective: expected options to be an object, got undefined",
    () => modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, as(undefined)),
  ],
  [
    "TypeError",
    'modelObjective: expected mode to be "probe" or "inference", got "train" - training would move the running statistics',
    () =>
      modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, { mode: as("train") }),
  ],
  [
    "TypeError",
    'modelObjective: expected dtype to be "float32" or "float64", got "f"',
    () =>
      modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, {
        ...pass,
        dtype: as("f"),
      }),
  ],
  [
    "TypeError",
    'modelObjective: expected parameters of the model, got a foreign "gamma"',
    () =>
      modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, {
        ...pass,
        parameters: [gamma()],
      }),
  ],
  [
    "TypeError",
    "modelObjective: expected parameters to be a list, got an object",
    () =>
      modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, {
        ...pass,
        parameters: as(gamma()),
      }),
  ],
  [
    "ShapeError",
    "modelObjective: expected the point to have 8 values, got 1",
    () => modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, pass).objective(one),
  ],
  [
    "TypeError",
    "modelObjective: expected the point to be a Float64Array, got [1, 2, 3, 4, 5, 6, 7, 8]",
    () =>
      modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, pass).objective(
        as([1, 2, 3, 4, 5, 6, 7, 8]),
      ),
  ],
];

/** The layers for experiments; as BatchNorm where they are made of one. */
const specials: readonly Row[] = [
  ["TypeError", "BatchRenorm: expected options to be an object, got undefined", () => new BatchRenorm(as(undefined))],
  [
    "RangeError",
    "BatchRenorm: expected largestScale to be a finite number >= 1, got 0.5",
    () => new BatchRenorm({ features: 3, largestScale: 0.5 }),
  ],
  [
    "RangeError",
    "BatchRenorm: expected largestShift to be a finite number >= 0, got -1",
    () => new BatchRenorm({ features: 3, largestShift: -1 }),
  ],
  [
    "RangeError",
    "BatchNorm: expected features to be a whole number of at least 1, got 0",
    () => new BatchRenorm({ features: 0 }),
  ],
  [
    "ShapeError",
    "BatchRenorm: expected 3 features on axis 1 of the input, got shape [4, 5]",
    () => new BatchRenorm({ features: 3 }).forward(tensor(4, 5), pass),
  ],
  [
    "RangeError",
    'BatchRenorm: expected at least 2 values per feature in mode "probe", got input shape [1, 3] - use a larger batch, or mode "inference"',
    () => new BatchRenorm({ features: 3 }).forward(tensor(1, 3), pass),
  ],
  [
    "TypeError",
    "BatchRenorm: expected a pass without row weights, got 4 - use a BatchNorm",
    () => new BatchRenorm({ features: 3 }).forward(tensor(4, 3), { ...pass, rowWeights: [1, 1, 1, 0] }),
  ],
  [
    "TypeError",
    "GhostBatchNorm: expected options to be an object, got undefined",
    () => new GhostBatchNorm(as(undefined)),
  ],
  [
    "RangeError",
    "GhostBatchNorm: expected groupSize to be a whole number of at least 2, got 1",
    () => new GhostBatchNorm({ features: 3, groupSize: 1 }),
  ],
  [
    "TypeError",
    "GhostBatchNorm: expected groupSize to be a number, got undefined",
    () => new GhostBatchNorm(as({ features: 3 })),
  ],
  [
    "ShapeError",
    "GhostBatchNorm: expected the features on another axis than the rows, axis 0, got axis 0",
    () => new GhostBatchNorm({ features: 4, groupSize: 2, axis: 0 }).forward(tensor(4, 3), pass),
  ],
  [
    "ShapeError",
    "GhostBatchNorm: expected the features on another axis than the rows, axis 0, got axis -2",
    () => new GhostBatchNorm({ features: 4, groupSize: 2, axis: -2 }).forward(tensor(4, 3), pass),
  ],
  [
    "RangeError",
    'GhostBatchNorm: expected at least 2 values per feature in mode "probe", got input shape [1, 3] - use a larger batch, or mode "inference"',
    () => new GhostBatchNorm({ features: 3, groupSize: 2 }).forward(tensor(1, 3), pass),
  ],
  ["TypeError", "LpNorm: expected options to be an object, got undefined", () => new LpNorm(as(undefined))],
  [
    "RangeError",
    "LpNorm: expected features to be a whole number of at least 1, got 0",
    () => new LpNorm({ features: 0, p: 2 }),
  ],
  ["RangeError", "LpNorm: expected p to be 1, 2 or Infinity, got 3", () => new LpNorm({ features: 3, p: 3 })],
  [
    "RangeError",
    "LpNorm: expected axis to be a whole number, got 0.5",
    () => new LpNorm({ features: 3, p: 2, axis: 0.5 }),
  ],
  [
    "RangeError",
    "LpNorm: expected epsilon to be a finite number >= 0, got -1",
    () => new LpNorm({ features: 3, p: 2, epsilon: -1 }),
  ],
  ["RangeError", "LpNorm: expected momentum in [0, 1], got 2", () => new LpNorm({ features: 3, p: 2, momentum: 2 })],
  [
    "TypeError",
    'LpNorm: expected dtype to be "float32" or "float64", got "f"',
    () => new LpNorm({ features: 3, p: 2, dtype: as("f") }),
  ],
  [
    "RangeError",
    'LpNorm: expected running statistics in mode "inference", got none, as no batch was tracked - run a batch in mode "train", or load statistics',
    () => new LpNorm({ features: 3, p: 2 }).forward(tensor(4, 3), { mode: "inference" }),
  ],
  [
    "TypeError",
    "NoiseInjection: expected options to be an object, got undefined",
    () => new NoiseInjection(as(undefined)),
  ],
  [
    "TypeError",
    "NoiseInjection: expected random to be a Random, got undefined - pass new Random(seed)",
    () => new NoiseInjection(as({})),
  ],
  [
    "RangeError",
    "NoiseInjection: expected axis to be a whole number, got 0.5",
    () => new NoiseInjection({ random: random(), axis: 0.5 }),
  ],
  [
    "RangeError",
    "NoiseInjection: expected meanSpread to be a finite number >= 0, got -1",
    () => new NoiseInjection({ random: random(), meanSpread: -1 }),
  ],
  [
    "RangeError",
    "NoiseInjection: expected largestScale to be a finite number >= 1, got 0.5",
    () => new NoiseInjection({ random: random(), largestScale: 0.5 }),
  ],
  [
    "RangeError",
    "NoiseInjection: expected sampleMeanSpread to be a finite number >= 0, got NaN",
    () => new NoiseInjection({ random: random(), sampleMeanSpread: NaN }),
  ],
  [
    "RangeError",
    "NoiseInjection: expected sampleScaleStd to be a finite number >= 0, got -0.1",
    () => new NoiseInjection({ random: random(), sampleScaleStd: -0.1 }),
  ],
  [
    "TypeError",
    'NoiseInjection: expected inference to be "expectation" or "identity", got "off"',
    () => new NoiseInjection({ random: random(), inference: as("off") }),
  ],
  [
    "ShapeError",
    "NoiseInjection: expected an input with an axis 1, got shape [3]",
    () => new NoiseInjection({ random: random() }).forward(tensor(3), pass),
  ],
];

const allRows = [...tensors, ...randoms, ...layers, ...specials, ...training, ...checks];

/** Public names whose errors a test file of their own asserts whole, and those that refuse nothing. */
const elsewhere = ["addGradients", "Batcher", "compareModes", "foldBatchNorm", "inspect", "recalibrate"];
const withoutErrors = ["backwardOf", "whenDone", "defaultKernels", "plainKernels", "ShapeError"];

describe("the errors of", () => {
  describe.each(Object.entries({ tensors, randoms, layers, specials, training, checks }))("%s", (_, rows) => {
    it.each(rows)("%s: %s", async (kind, message, work) => {
      await expectError(work, kind, message);
    });
  });

  it("are all different, and have the form `who: expected X, got Y - cure`", () => {
    const messages = allRows.map(([, message]) => message);
    for (const message of [...messages, ...refusals.map((refusal) => refusal.message)]) {
      expect(message).toMatch(/^[A-Za-z][\w.]*( "[\w.]+")?: expected .+, got .*[^.]$/);
    }
  });

  it("are asserted for every public function that takes something", () => {
    const speakers = new Set([...allRows.map(([, message]) => message), ...refusals.map(({ message }) => message)]);
    const silent = Object.keys(batchnorm).filter((name) => ![...speakers].some((message) => message.startsWith(name)));
    // guardBackward speaks in the name of the layer that it guards.
    expect(new Set(silent)).toEqual(new Set([...elsewhere, ...withoutErrors, "guardBackward"]));
  });
});
