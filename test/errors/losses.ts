/** The losses. */
import {
  accuracy,
  argmax,
  confusionMatrix,
  meanSquaredError,
  oneHot,
  rowLosses,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  Tensor,
} from "../../src/index.js";
import { as, tensor, type Row } from "./row.js";

export const losses: readonly Row[] = [
  ["TypeError: softmaxCrossEntropy: output | Tensor | [an array of 2]", () => softmaxCrossEntropy(as([[1, 2]]), [1])],
  ["ShapeError: softmaxCrossEntropy: logits | [N, K] | [3]", () => softmaxCrossEntropy(tensor(3), [1])],
  ["ShapeError: softmaxCrossEntropy: logits | [N, K] | [2, 3, 1]", () => softmaxCrossEntropy(tensor(2, 3, 1), [1, 1])],
  ["TypeError: softmaxCrossEntropy: options | null", () => softmaxCrossEntropy(tensor(2, 3), [1, 1], as(null))],
  [
    "RangeError: softmaxCrossEntropy: labelSmoothing | [0, 1] | 1.1",
    () => softmaxCrossEntropy(tensor(2, 3), [1, 1], { labelSmoothing: 1.1 }),
  ],
  [
    "RangeError: softmaxCrossEntropy: labelSmoothing | [0, 1] | NaN",
    () => softmaxCrossEntropy(tensor(2, 3), [1, 1], { labelSmoothing: NaN }),
  ],
  ["ShapeError: softmaxCrossEntropy: 2 | 1", () => softmaxCrossEntropy(tensor(2, 3), [1])],
  ["RangeError: softmaxCrossEntropy: labels | 0..2 | 3 | 1", () => softmaxCrossEntropy(tensor(2, 3), [1, 3])],
  ["RangeError: softmaxCrossEntropy: labels | 0..2 | -1 | 0", () => softmaxCrossEntropy(tensor(2, 3), [-1, 0])],
  ["RangeError: softmaxCrossEntropy: labels | 0..2 | 0.5 | 0", () => softmaxCrossEntropy(tensor(2, 3), [0.5, 0])],
  ["RangeError: softmaxCrossEntropy: labels | 0..2 | NaN | 0", () => softmaxCrossEntropy(tensor(2, 3), [NaN, 0])],
  ['TypeError: softmaxCrossEntropy: target | Tensor | "01"', () => softmaxCrossEntropy(tensor(2, 3), as("01"))],
  [
    "TypeError: softmaxCrossEntropy: target | Tensor | undefined",
    () => softmaxCrossEntropy(tensor(2, 3), as(undefined)),
  ],
  ["TypeError: softmaxCrossEntropy: target | Tensor | object", () => softmaxCrossEntropy(tensor(2, 3), as({}))],
  ["ShapeError: softmaxCrossEntropy: target | [2, 3] | [3, 2]", () => softmaxCrossEntropy(tensor(2, 3), tensor(3, 2))],
  [
    "TypeError: softmaxCrossEntropy: target | float32 | float64 | cure",
    () => softmaxCrossEntropy(tensor(2, 3), Tensor.zeros([2, 3], "float64")),
  ],
  [
    "RangeError: softmaxCrossEntropy: -0.5 | 1",
    () =>
      softmaxCrossEntropy(
        tensor(2, 2),
        Tensor.from([
          [1, 0],
          [1.5, -0.5],
        ]),
      ),
  ],
  ["RangeError: softmaxCrossEntropy: NaN | 0", () => softmaxCrossEntropy(tensor(1, 2), Tensor.from([[NaN, 0]]))],
  ["TypeError: meanSquaredError: output | Tensor | 1", () => meanSquaredError(as(1), tensor(1))],
  ["TypeError: meanSquaredError: target | Tensor | [1]", () => meanSquaredError(tensor(1), as([1]))],
  ["ShapeError: meanSquaredError: target | [2, 3] | [2]", () => meanSquaredError(tensor(2, 3), tensor(2))],
  [
    "TypeError: meanSquaredError: target | float32 | float64 | cure",
    () => meanSquaredError(tensor(2), Tensor.zeros([2], "float64")),
  ],
  ["TypeError: meanSquaredError: options | null", () => meanSquaredError(tensor(2), tensor(2), as(null))],
  ["TypeError: sigmoidCrossEntropy: output | Tensor | 1", () => sigmoidCrossEntropy(as(1), [1])],
  ["ShapeError: sigmoidCrossEntropy: target | [2, 3] | 2 labels", () => sigmoidCrossEntropy(tensor(2, 3), [1, 0])],
  ["ShapeError: sigmoidCrossEntropy: 2 | 3", () => sigmoidCrossEntropy(tensor(2, 1), [1, 0, 0])],
  ["ShapeError: sigmoidCrossEntropy: target | [2, 1] | [2]", () => sigmoidCrossEntropy(tensor(2, 1), tensor(2))],
  [
    "TypeError: sigmoidCrossEntropy: target | float32 | float64 | cure",
    () => sigmoidCrossEntropy(tensor(2), Tensor.zeros([2], "float64")),
  ],
  ["RangeError: sigmoidCrossEntropy: [0, 1] | 2 | index 1", () => sigmoidCrossEntropy(tensor(2), [1, 2])],
  ["RangeError: sigmoidCrossEntropy: [0, 1] | NaN | index 0", () => sigmoidCrossEntropy(tensor(2), [NaN, 1])],
  ["TypeError: sigmoidCrossEntropy: target | undefined", () => sigmoidCrossEntropy(tensor(2), as(undefined))],
  ["TypeError: sigmoidCrossEntropy: options | null", () => sigmoidCrossEntropy(tensor(2), [1, 0], as(null))],
  [
    "RangeError: sigmoidCrossEntropy: weight | 0 | cure",
    () => sigmoidCrossEntropy(tensor(2), [1, 0], { rowWeights: [0, 0] }),
  ],
  ["TypeError: rowLosses: loss | function | undefined", () => rowLosses(as(undefined), tensor(2), [1, 0])],
  ["TypeError: rowLosses: output | Tensor | 1", () => rowLosses(softmaxCrossEntropy, as(1), [1, 0])],
  ["ShapeError: rowLosses: 2 labels | 3", () => rowLosses(softmaxCrossEntropy, tensor(2, 3), [1, 0, 0])],
  ["ShapeError: rowLosses: 2 rows | [3, 3]", () => rowLosses(meanSquaredError, tensor(2, 3), tensor(3, 3))],
  ["TypeError: argmax: output | Tensor | [1]", () => argmax(as([1]))],
  ["ShapeError: argmax: [N, K] | [3]", () => argmax(tensor(3))],
  ["ShapeError: accuracy: [N, K] | [2, 3, 4]", () => accuracy(tensor(2, 3, 4), [0, 1])],
  ["ShapeError: accuracy: 2 classes | [3, 1] | cure", () => accuracy(tensor(3, 1), [0, 1, 0])],
  ["ShapeError: accuracy: 2 labels | 3", () => accuracy(tensor(2, 3), [0, 1, 1])],
  ["RangeError: accuracy: 0..2 | -100 | row 1 | cure", () => accuracy(tensor(2, 3), [0, -100])],
  ["TypeError: accuracy: options | rowWeights | cure", () => accuracy(tensor(2, 3), [0, 1], as({ weights: [1, 1] }))],
  ["ShapeError: confusionMatrix: target | [2, 3] | [3, 3]", () => confusionMatrix(tensor(2, 3), tensor(3, 3))],
  ["ShapeError: confusionMatrix: [2] | [3]", () => confusionMatrix(tensor(2, 3), [0, 1], { rowWeights: [1, 1, 1] })],
  ["RangeError: oneHot: 0..1 | 2 | row 1", () => oneHot([0, 2], { classes: 2 })],
  ["RangeError: oneHot: labels | 1 | 0", () => oneHot([], { classes: 2 })],
  ["TypeError: oneHot: labels | 3", () => oneHot(as(3), { classes: 2 })],
  ["TypeError: oneHot: options | undefined", () => oneHot([1], as(undefined))],
  // What is no kernel set is refused as in a pass.
  ...([softmaxCrossEntropy, meanSquaredError, sigmoidCrossEntropy] as const).flatMap((loss): Row[] => {
    const run = (kernels: unknown) => () =>
      loss(tensor(1, 2), as(loss === softmaxCrossEntropy ? [0] : tensor(1, 2)), { kernels: as(kernels) });
    return [
      [`TypeError: ${loss.name}: kernels | null`, run(null)],
      [`TypeError: ${loss.name}: kernels | 1`, run(1)],
      [`TypeError: ${loss.name}: kernels | "fast"`, run("fast")],
      [`TypeError: ${loss.name}: kernels | name | none | cure`, run({})],
      [`TypeError: ${loss.name}: kernels | name | keys matmul | cure`, run({ matmul: () => undefined })],
    ];
  }),
];
