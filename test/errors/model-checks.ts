/** The checks of layers, and models seen as objectives. */
import {
  type Backward,
  checkLayer,
  type Forward,
  type Layer,
  meanSquaredError,
  modelObjective,
  outputObjective,
  type OutputValue,
  type Tensor,
} from "../../src/index.js";
import { as, dense, gamma, pass, random, tensor, type Row } from "./row.js";

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

const anyValue = (output: Tensor): OutputValue => ({ value: 1, gradOutput: output });

export const modelChecks: readonly Row[] = [
  ["TypeError: outputObjective: undefined", () => outputObjective(as(undefined), tensor(4, 3), anyValue, pass)],
  ["TypeError: outputObjective: input | Tensor | [1]", () => outputObjective(dense(), as([1]), anyValue, pass)],
  [
    "TypeError: outputObjective: function | undefined",
    () => outputObjective(dense(), tensor(4, 3), as(undefined), pass),
  ],
  [
    "TypeError: outputObjective: options | undefined",
    () => outputObjective(dense(), tensor(4, 3), anyValue, as(undefined)),
  ],
  [
    'TypeError: outputObjective: mode | "probe" | "inference" | "train" | cure',
    () => outputObjective(dense(), tensor(4, 3), anyValue, { mode: as("train") }),
  ],
  [
    'TypeError: outputObjective: "gamma"',
    () => outputObjective(dense(), tensor(4, 3), anyValue, { ...pass, parameters: [gamma()] }),
  ],
  [
    "TypeError: checkLayer: undefined",
    () => checkLayer(as(undefined), tensor(4, 3), { mode: "probe", random: random() }),
  ],
  [
    "TypeError: checkLayer: input | Tensor | [1]",
    () => checkLayer(dense(), as([1]), { mode: "probe", random: random() }),
  ],
  ["TypeError: checkLayer: options | undefined", () => checkLayer(dense(), tensor(4, 3), as(undefined))],
  [
    'TypeError: checkLayer: mode | "probe" | "inference" | "train" | cure',
    () => checkLayer(dense(), tensor(4, 3), { mode: as("train"), random: random() }),
  ],
  [
    "TypeError: checkLayer: random | Random | undefined | cure",
    () => checkLayer(dense(), tensor(4, 3), { mode: "probe", random: as(undefined) }),
  ],
  [
    'TypeError: checkLayer: dtype | "float32" | "float64" | "f"',
    () => checkLayer(dense(), tensor(4, 3), { mode: "probe", random: random(), dtype: as("f") }),
  ],
  [
    "ShapeError: Dense: input | [N, 3] | [4, 2]",
    () => checkLayer(dense(), tensor(4, 2), { mode: "probe", random: random() }),
  ],
  [
    "ShapeError: checkLayer: input | [4, 3] | [3, 4]",
    () => checkLayer(answering({ gradInput: tensor(3, 4) }), tensor(4, 3), { mode: "probe", random: random() }),
  ],
  [
    "TypeError: checkLayer: input | Tensor | undefined",
    () => checkLayer(answering({ gradInput: as(undefined) }), tensor(4, 3), { mode: "probe", random: random() }),
  ],
  [
    "ShapeError: checkLayer: weight | [3, 2] | [2, 3]",
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
    "TypeError: modelObjective: undefined",
    () => modelObjective(as(undefined), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, pass),
  ],
  [
    "TypeError: modelObjective: batch | undefined",
    () => modelObjective(dense(), as(undefined), meanSquaredError, pass),
  ],
  [
    "TypeError: modelObjective: batch.input | Tensor | [1]",
    () => modelObjective(dense(), { input: as([1]), target: tensor(4, 2) }, meanSquaredError, pass),
  ],
  [
    "TypeError: modelObjective: loss | undefined",
    () => modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, as(undefined), pass),
  ],
  [
    "TypeError: modelObjective: options | undefined",
    () => modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, as(undefined)),
  ],
  [
    'TypeError: modelObjective: mode | "probe" | "inference" | "train" | cure',
    () =>
      modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, { mode: as("train") }),
  ],
  [
    'TypeError: modelObjective: dtype | "float32" | "float64" | "f"',
    () =>
      modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, {
        ...pass,
        dtype: as("f"),
      }),
  ],
  [
    'TypeError: modelObjective: "gamma"',
    () =>
      modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, {
        ...pass,
        parameters: [gamma()],
      }),
  ],
  [
    "TypeError: modelObjective: parameters | object",
    () =>
      modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, {
        ...pass,
        parameters: as(gamma()),
      }),
  ],
  [
    "ShapeError: modelObjective: point | 8 | 1",
    () => modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, pass).objective(one),
  ],
  [
    "TypeError: modelObjective: point | Float64Array | [1, 2, 3, 4, 5, 6, 7, 8]",
    () =>
      modelObjective(dense(), { input: tensor(4, 3), target: tensor(4, 2) }, meanSquaredError, pass).objective(
        as([1, 2, 3, 4, 5, 6, 7, 8]),
      ),
  ],
];
