/** Tensors and their shapes. */
import { channelView, Tensor } from "../../src/index.js";
import { as, random, tensor, type Row } from "./row.js";

export const tensors: readonly Row[] = [
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
