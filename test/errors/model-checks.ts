/** The checks of layers, and models seen as objectives. */
import {
  type Backward,
  checkLayer,
  type Forward,
  type Layer,
  meanSquaredError,
  modelObjective,
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

export const modelChecks: readonly Row[] = [
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
