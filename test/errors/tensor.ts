/** Tensors and their shapes. */
import { channelView, ReLU, Tensor } from "../../src/index.js";
import { as, random, tensor, type Row } from "./row.js";

/** An array whose memory belongs to another thread now. */
function transferred(): Float32Array {
  const array = Float32Array.of(1, 2, 3);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

/** A tensor whose memory belongs to another thread now. */
function lost(): Tensor {
  const tensor = Tensor.from([1, 2, 3]);
  structuredClone(tensor.data, { transfer: [tensor.data.buffer] });
  return tensor;
}

function selfContaining(): never {
  const array: unknown[] = [];
  array[0] = array;
  return as(array);
}

export const tensors: readonly Row[] = [
  ["TypeError: Tensor: data | Float32Array | Float64Array | [1, 2] | cure", () => new Tensor(as([1, 2]), [2])],
  [
    "TypeError: Tensor: data | Float32Array | Float64Array | Int32Array(1) | cure",
    () => new Tensor(as(Int32Array.of(1)), [1]),
  ],
  ["ShapeError: Tensor: 4 | [2, 2] | 3", () => new Tensor(Float32Array.of(1, 2, 3), [2, 2])],
  ["TypeError: Tensor: shape | 3", () => new Tensor(Float32Array.of(1, 2, 3), as(3))],
  ["ShapeError: Tensor: 1 | [3, 0]", () => new Tensor(Float32Array.of(1, 2, 3), [3, 0])],
  ["ShapeError: Tensor: 1 | [1.5, 2]", () => new Tensor(Float32Array.of(1, 2, 3), [1.5, 2])],
  ['ShapeError: Tensor: 1 | ["3"]', () => new Tensor(Float32Array.of(1, 2, 3), as(["3"]))],
  ['TypeError: Tensor.from: "12"', () => Tensor.from(as("12"))],
  ["TypeError: Tensor.from: numbers | null", () => Tensor.from(as(null))],
  ["TypeError: Tensor.from: numbers | object", () => Tensor.from(as({ a: 1 }))],
  ["TypeError: Tensor.from: BigInt64Array(1)", () => Tensor.from(as(BigInt64Array.of(1n)))],
  ["TypeError: Tensor.from: DataView", () => Tensor.from(as(new DataView(new ArrayBuffer(8))))],
  ["TypeError: Tensor.from: undefined", () => Tensor.from(new Array<number>(3))],
  ["TypeError: Tensor.from: undefined", () => Tensor.from({ length: 2, 0: 1 })],
  ["ShapeError: Tensor.from: [-1]", () => Tensor.from({ length: -1 })],
  ["ShapeError: Tensor.from: 32 | cure", () => Tensor.from(selfContaining())],
  ["ShapeError: Tensor.from: Float32Array | transferred", () => Tensor.from(transferred())],
  ["ShapeError: Tensor: 3 | [3] | Float32Array | transferred", () => new Tensor(transferred(), [3])],
  ["ShapeError: Tensor: 32 | 33", () => new Tensor(new Float32Array(1), new Array<number>(33).fill(1))],
  ["ShapeError: Tensor.zeros: 1", () => Tensor.zeros(new Array<number>(2))],
  ["RangeError: Tensor.zeros: [10000000000000] | float32 | 40000 | GB", () => Tensor.zeros([1e13])],
  ["RangeError: Tensor.zeros: [1000000, 1000000, 1000000] | float64", () => Tensor.zeros([1e6, 1e6, 1e6], "float64")],
  ["RangeError: Tensor.from: [10000000000000] | float32", () => Tensor.from({ length: 1e13 })],
  ["RangeError: Tensor.rows: [10000000000000, 3] | float32", () => tensor(2, 3).rows({ length: 1e13 })],
  ["ShapeError: Tensor.copy: 3 | Float32Array | transferred | cure", () => lost().copy()],
  ["ShapeError: Tensor.cast: 3 | Float32Array | transferred | cure", () => lost().cast("float64")],
  ["ShapeError: Tensor.reshape: 3 | Float32Array | transferred | cure", () => lost().reshape([3, 1])],
  ["ShapeError: Tensor.rows: 3 | Float32Array | transferred | cure", () => lost().rows([0])],
  ["ShapeError: Tensor.at: 3 | Float32Array | transferred | cure", () => lost().at(0)],
  ["ShapeError: Tensor.toNested: 3 | Float32Array | transferred | cure", () => lost().toNested()],
  [
    "ShapeError: ReLU: input | 3 | Float32Array | transferred | cure",
    () => new ReLU().forward(lost(), { mode: "probe" }),
  ],
  ['TypeError: Tensor.from: "2"', () => Tensor.from(as([1, "2"]))],
  ["TypeError: Tensor.from: null", () => Tensor.from([[1], [as(null)]])],
  ["TypeError: Tensor.from: numbers | undefined", () => Tensor.from(as([[[undefined]]]))],
  ["ShapeError: Tensor.from: [0]", () => Tensor.from([])],
  ["ShapeError: Tensor.from: [2, 0]", () => Tensor.from([[], []])],
  ["ShapeError: Tensor.from: 2 | 1", () => Tensor.from([[1, 2], [3]])],
  ["ShapeError: Tensor.from: 2 | 1 | 3", () => Tensor.from([[1, 2], 3])],
  ["TypeError: Tensor.from: [2]", () => Tensor.from([1, [2]])],
  ["ShapeError: Tensor: 4 | [2, 2] | 3", () => Tensor.from([1, 2, 3], { shape: [2, 2] })],
  [
    'TypeError: Tensor.from: dtype | "float32" | "float64" | "float16"',
    () => Tensor.from([1], { dtype: as("float16") }),
  ],
  ["TypeError: Tensor.from: options | null", () => Tensor.from([1], as(null))],
  ["ShapeError: Tensor.zeros: 1 | [-1]", () => Tensor.zeros([-1])],
  ["ShapeError: Tensor.zeros: 1 | [NaN]", () => Tensor.zeros([NaN])],
  ["TypeError: Tensor.zeros: shape | undefined", () => Tensor.zeros(as(undefined))],
  ['TypeError: Tensor.zeros: dtype | "float32" | "float64" | "int32"', () => Tensor.zeros([1], as("int32"))],
  ['TypeError: Tensor.filled: "1"', () => Tensor.filled([1], as("1"))],
  ["ShapeError: Tensor.filled: 1 | [0]", () => Tensor.filled([0], 1)],
  ["TypeError: Tensor.normal: options | undefined", () => Tensor.normal([2], as(undefined))],
  ["TypeError: Tensor.normal: random | Random | undefined | cure", () => Tensor.normal([2], as({}))],
  [
    "TypeError: Tensor.normal: random | Random | function | cure",
    () => Tensor.normal([2], { random: as(Math.random) }),
  ],
  ["RangeError: Tensor.normal: std | 0 | -1", () => Tensor.normal([2], { random: random(), std: -1 })],
  ["RangeError: Tensor.normal: mean | NaN", () => Tensor.normal([2], { random: random(), mean: NaN })],
  [
    'TypeError: Tensor.normal: dtype | "float32" | "float64" | "f32"',
    () => Tensor.normal([2], { random: random(), dtype: as("f32") }),
  ],
  ["TypeError: Tensor.uniform: options | undefined", () => Tensor.uniform([2], as(undefined))],
  [
    "TypeError: Tensor.uniform: random | Random | undefined | cure",
    () => Tensor.uniform([2], { random: as(undefined) }),
  ],
  ["RangeError: Tensor.uniform: high | 2 | 1", () => Tensor.uniform([2], { random: random(), low: 2, high: 1 })],
  ["RangeError: Tensor.uniform: low | -Infinity", () => Tensor.uniform([2], { random: random(), low: -Infinity })],
  ["RangeError: Tensor.at: 2 | [2, 3] | [2, 0]", () => tensor(2, 3).at(2, 0)],
  ["RangeError: Tensor.at: 2 | [2, 3] | [1]", () => tensor(2, 3).at(1)],
  ["RangeError: Tensor.at: 2 | [2, 3] | [0, 0.5]", () => tensor(2, 3).at(0, 0.5)],
  ["RangeError: Tensor.at: 2 | [2, 3] | [0, -1]", () => tensor(2, 3).at(0, -1)],
  ["ShapeError: Tensor.reshape: 6 | [4]", () => tensor(2, 3).reshape([4])],
  ["ShapeError: Tensor.reshape: 1 | [-1, 3]", () => tensor(2, 3).reshape([-1, 3])],
  ["RangeError: Tensor.rows: 0..1 | 2", () => tensor(2, 3).rows([0, 2])],
  ["RangeError: Tensor.rows: 0..1 | -1", () => tensor(2, 3).rows([-1])],
  ["RangeError: Tensor.rows: 0..1 | 0.5", () => tensor(2, 3).rows([0.5])],
  ["RangeError: Tensor.rows: rows | 1 | 0", () => tensor(2, 3).rows([])],
  ["TypeError: Tensor.rows: 1", () => tensor(2, 3).rows(as(1))],
  ["ShapeError: Tensor.rows: []", () => Tensor.from(5).rows([0])],
  ['TypeError: Tensor.cast: dtype | "float32" | "float64" | "double"', () => tensor(2).cast(as("double"))],
  ["RangeError: channelView: axis | [2, 3] | 2", () => channelView([2, 3], 2)],
  ["RangeError: channelView: axis | [2, 3] | -3", () => channelView([2, 3], -3)],
  ["RangeError: channelView: axis | [2, 3] | 0.5", () => channelView([2, 3], 0.5)],
  ["TypeError: channelView: axis | a symbol", () => channelView([2, 3], as(Symbol("s")))],
  ["TypeError: channelView: axis | 1n", () => channelView([2, 3], as(1n))],
  ['TypeError: channelView: "23"', () => channelView(as("23"), 1)],
];
