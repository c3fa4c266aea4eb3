/** Guards: what every layer requires of its input, its pass and the gradient of its output. */

import { complaint, expectObject, expectOneOf, ShapeError, show } from "../core/errors.js";
import { printShape, sameShape, type Shape } from "../core/shape.js";
import { isTensor, type Tensor } from "../core/tensor.js";
import type { Layer, Pass } from "./contract.js";
import type { Parameter } from "./parameter.js";

/** Who speaks in an error message: the kind of layer and, inside a model, its path. */
export function who(kind: string, pass: Pass): string {
  return pass.path === undefined ? kind : `${kind} "${pass.path}"`;
}

/** Requires a tensor and a pass with one of the three modes: the first line of every forward. */
export function expectForward(kind: string, input: unknown, pass: unknown): void {
  expectObject(`${kind}.forward`, "the pass", pass);
  const { mode, path } = pass as Partial<Pass>;
  const name = path === undefined ? kind : `${kind} "${path}"`;
  expectOneOf(name, "mode", mode, ["train", "probe", "inference"]);
  if (!isTensor(input)) throw new TypeError(complaint(name, "the input to be a Tensor", show(input)));
}

/** Requires a layer. */
export function expectLayer(name: string, layer: unknown, where = ""): asserts layer is Layer {
  const { forward, parameters, statistics } = (layer ?? {}) as Partial<Layer>;
  if (typeof forward !== "function" || !Array.isArray(parameters) || !Array.isArray(statistics)) {
    throw new TypeError(complaint(name, `a layer${where}, with forward, parameters and statistics`, show(layer)));
  }
}

/** Requires a gradient like the values that it belongs to. */
export function expectGradient(name: string, of: string, gradient: unknown, value: Tensor): asserts gradient is Tensor {
  const expected = `the gradient of ${of}`;
  if (!isTensor(gradient)) throw new TypeError(complaint(name, `${expected} to be a Tensor`, show(gradient)));
  if (!sameShape(gradient.shape, value.shape)) {
    const shape = printShape(value.shape);
    throw new ShapeError(complaint(name, `${expected} of shape ${shape}`, printShape(gradient.shape)));
  }
  if (gradient.dtype !== value.dtype) {
    throw new TypeError(complaint(name, `${expected} of dtype ${value.dtype}`, gradient.dtype));
  }
}

/** Requires that input and parameters are of one dtype: nothing is promoted silently. */
export function expectDTypes(name: string, input: Tensor, parameters: readonly Parameter[]): void {
  for (const parameter of parameters) {
    if (parameter.value.dtype !== input.dtype) {
      const expected = `an input of dtype ${parameter.value.dtype}, as ${parameter.name} is`;
      throw new TypeError(complaint(name, expected, input.dtype, `use input.cast("${parameter.value.dtype}")`));
    }
  }
}

/**
 * Watches over one forward pass: the function returned is the first line of its backward. It requires a gradient like the
 * output and parameters that have not changed since.
 */
export function guardBackward(
  name: string,
  output: Tensor,
  parameters: readonly Parameter[],
): (gradOutput: Tensor) => void {
  const { shape, dtype } = output;
  const versions = parameters.map((parameter) => parameter.version);
  return (gradOutput) => {
    if (!isTensor(gradOutput)) throw new TypeError(complaint(name, "gradOutput to be a Tensor", show(gradOutput)));
    expectShapeLike(name, "gradOutput", gradOutput.shape, shape);
    if (gradOutput.dtype !== dtype) {
      throw new TypeError(
        complaint(name, `gradOutput of dtype ${dtype}`, gradOutput.dtype, `use gradOutput.cast("${dtype}")`),
      );
    }
    const moved = parameters.findIndex((parameter, i) => parameter.version !== versions[i]);
    if (moved >= 0) {
      const expected = `${parameters[moved]!.name} as it was in the forward pass`;
      throw new RangeError(
        complaint(name, expected, "changed values", "call backward before the parameters are updated"),
      );
    }
  };
}

function expectShapeLike(name: string, what: string, got: Shape, expected: Shape): void {
  if (!sameShape(got, expected)) {
    throw new ShapeError(
      complaint(name, `${what} of shape ${printShape(expected)}, as the output is`, printShape(got)),
    );
  }
}

/** Makes a change of state: at the end of the whole pass if a container leads it, at once if this layer runs alone. */
export function whenDone(pass: Pass, change: () => void): void {
  if (pass.defer === undefined) change();
  else pass.defer(change);
}
