/**
 * The contract of every layer, on one page.
 *
 * `forward` returns the output and a `backward` that is a closure over this very forward, so two passes in flight never
 * disturb each other. `backward` returns gradients; it adds into nothing, so there is nothing to set to zero.
 */

import { complaint, expectNumber, expectObject, expectOneOf, ShapeError, show } from "../ground/errors.js";
import type { Kernels } from "../kernels/kernels.js";
import { printShape, sameShape, type Shape } from "../tensor/shape.js";
import { isTensor, Tensor } from "../tensor/tensor.js";
import type { Parameter, RunningStatistic } from "./parameter.js";

/**
 * What a pass is for.
 *
 * - `"train"`: batch statistics normalize, running statistics are updated
 * - `"probe"`: batch statistics normalize, running statistics stay: what finite differences and every probe need
 * - `"inference"`: running statistics normalize, and stay
 */
export type Mode = "train" | "probe" | "inference";

/** How a forward pass is to be made. The mode is required: forgetting it does not compile. */
export interface Pass {
  /** Which statistics normalize, and whether the running ones move. */
  readonly mode: Mode;
  /** The kernel set that does the arithmetic; the best there is when not said. */
  readonly kernels?: Kernels | undefined;
  /**
   * One weight a row of the batch, for statistics in which some rows count less or not at all (0: padding, masked). Batch norm
   * reads them when the batch normalizes; a loss that is to ignore those rows must do so itself.
   */
  readonly rowWeights?: ArrayLike<number> | undefined;
  /** Where in a model the layer stands, as in "2.0"; containers set it, error messages print it. */
  readonly path?: string | undefined;
  /** Told the output of every layer inside a container, and what went in. It may read and keep both, not write to them. */
  readonly observe?: ((path: string, output: Tensor, input: Tensor) => void) | undefined;
  /**
   * Takes a change of state (running statistics, a random stream) to be made once the whole pass has succeeded. Set by the
   * outermost container, so that a pass that throws has changed nothing. See `whenDone`.
   */
  readonly defer?: ((change: () => void) => void) | undefined;
}

/** The gradient of each parameter that took part. */
export type Gradients = ReadonlyMap<Parameter, Tensor>;

/** What a forward pass gives. */
export interface Forward {
  /** What the layer makes of its input. */
  readonly output: Tensor;
  /** The gradients, given the gradient of the loss with respect to `output`. May be called more than once. */
  readonly backward: (gradOutput: Tensor) => Backward;
}

/** What a backward pass gives. */
export interface Backward {
  /** The gradient with respect to the input; computed when first read. */
  readonly gradInput: Tensor;
  /** The gradients with respect to the parameters. */
  readonly gradients: Gradients;
}

/** A function with parameters and a hand-written derivative. */
export interface Layer {
  /** The trainable tensors, containers' children included. */
  readonly parameters: readonly Parameter[];
  /** The running statistics, containers' children included. */
  readonly statistics: readonly RunningStatistic[];
  /** The layers inside a container, by name. A layer used twice keeps its first path. */
  readonly children?: ReadonlyMap<string, Layer>;
  /**
   * Makes the output, and the backward pass that belongs to it.
   *
   * @throws {TypeError | ShapeError | RangeError} if input or pass do not fit the layer; nothing has changed then
   */
  forward(input: Tensor, pass: Pass): Forward;
}

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

/** A `Backward` whose input gradient is computed when first read, and once. */
export function backwardOf(gradients: Gradients, computeGradInput: () => Tensor): Backward {
  return new LazyBackward(gradients, computeGradInput);
}

/** A class: a getter in an object literal makes V8 give each object a hidden class of its own, at the price of a small layer. */
class LazyBackward implements Backward {
  readonly gradients: Gradients;
  readonly #compute: () => Tensor;
  #gradInput: Tensor | undefined;

  constructor(gradients: Gradients, compute: () => Tensor) {
    this.gradients = gradients;
    this.#compute = compute;
  }

  get gradInput(): Tensor {
    this.#gradInput ??= this.#compute();
    return this.#gradInput;
  }
}

/**
 * Adds gradients, times a weight, to a map: those of a parameter that is used twice, or of the parts of a batch.
 *
 *   into += weight from
 *
 * The loss of a batch is the mean over its rows, so that parts of n rows out of N add up with weight n / N. The statistics
 * of batch norm do not: each part is normalized by its own.
 *
 * @throws {ShapeError | TypeError} if a gradient is not like its parameter; nothing was added then
 * @example
 * const weight = new Parameter("weight", "weight", Tensor.from([0]));
 * const total = new Map<Parameter, Tensor>();
 * addGradients(total, new Map([[weight, Tensor.from([3])]]), 2 / 3);
 * addGradients(total, new Map([[weight, Tensor.from([6])]]), 1 / 3);
 * total.get(weight)!.at(0);   // => 4
 */
export function addGradients(into: Map<Parameter, Tensor>, from: Gradients, weight = 1): void {
  expectNumber("addGradients", "weight", weight, { low: -Infinity });
  for (const [parameter, gradient] of from) {
    expectGradient("addGradients", parameter.name, gradient, parameter.value);
  }
  for (const [parameter, gradient] of from) {
    const before = into.get(parameter);
    if (before === undefined && weight === 1) {
      into.set(parameter, gradient);
      continue;
    }
    // A tensor of its own: the first one may belong to somebody else.
    const sum = before?.copy() ?? Tensor.zeros(gradient.shape, gradient.dtype);
    for (let i = 0; i < sum.size; i++) sum.data[i]! += weight * gradient.data[i]!;
    into.set(parameter, sum);
  }
}

/** The gradient of nothing, for layers without parameters. */
export const noGradients: Gradients = new Map();
