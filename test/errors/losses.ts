/** The losses. */
import { meanSquaredError, softmaxCrossEntropy, Tensor } from "../../src/index.js";
import { as, tensor, type Row } from "./row.js";

export const losses: readonly Row[] = [
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
];
