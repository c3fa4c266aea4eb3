/** Activations, each a function of one value with its derivative beside it, written with the function's output. */

import { expectNumber } from "../ground/errors.js";
import { sigmoid as sigmoidOf, tanh as tanhOf } from "../ground/numbers.js";
import { expectArrays } from "./arguments.js";
import type { ElementwiseArguments, ElementwiseBackwardArguments } from "./kernels.js";

/** y = max(x, 0); NaN stays NaN. */
export function relu({ x, y }: ElementwiseArguments): void {
  expectForward("relu", x, y);
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!;
    y[i] = value <= 0 ? 0 : value;
  }
}

/** dx = dy where y > 0, else 0. */
export function reluBackward({ y, dy, dx }: ElementwiseBackwardArguments): void {
  expectBackward("reluBackward", y, dy, dx);
  for (let i = 0; i < y.length; i++) dx[i] = y[i]! > 0 ? dy[i]! : 0;
}

/** y = x where x > 0, else slope x. */
export function leakyRelu({ x, y, slope }: ElementwiseArguments & { readonly slope: number }): void {
  expectForward("leakyRelu", x, y);
  expectSlope("leakyRelu", slope);
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!;
    y[i] = value > 0 ? value : slope * value;
  }
}

/** dx = dy where y > 0, else slope dy. The slope is positive, so y tells the sign of x. */
export function leakyReluBackward({
  y,
  dy,
  dx,
  slope,
}: ElementwiseBackwardArguments & { readonly slope: number }): void {
  expectBackward("leakyReluBackward", y, dy, dx);
  expectSlope("leakyReluBackward", slope);
  for (let i = 0; i < y.length; i++) dx[i] = y[i]! > 0 ? dy[i]! : slope * dy[i]!;
}

/** y = 1 / (1 + exp(-x)) */
export function sigmoid({ x, y }: ElementwiseArguments): void {
  expectForward("sigmoid", x, y);
  for (let i = 0; i < x.length; i++) y[i] = sigmoidOf(x[i]!);
}

/** dx = dy y (1 - y) */
export function sigmoidBackward({ y, dy, dx }: ElementwiseBackwardArguments): void {
  expectBackward("sigmoidBackward", y, dy, dx);
  for (let i = 0; i < y.length; i++) dx[i] = dy[i]! * y[i]! * (1 - y[i]!);
}

/** y = tanh(x) */
export function tanh({ x, y }: ElementwiseArguments): void {
  expectForward("tanh", x, y);
  for (let i = 0; i < x.length; i++) y[i] = tanhOf(x[i]!);
}

/** dx = dy (1 - y²) */
export function tanhBackward({ y, dy, dx }: ElementwiseBackwardArguments): void {
  expectBackward("tanhBackward", y, dy, dx);
  for (let i = 0; i < y.length; i++) dx[i] = dy[i]! * (1 - y[i]! * y[i]!);
}

function expectForward(kernel: string, x: ElementwiseArguments["x"], y: ElementwiseArguments["y"]): void {
  expectArrays(kernel, [
    ["x", x, x.length],
    ["y", y, x.length],
  ]);
}

type Floats = ElementwiseBackwardArguments["y"];
function expectBackward(kernel: string, y: Floats, dy: Floats, dx: Floats): void {
  expectArrays(kernel, [
    ["y", y, y.length],
    ["dy", dy, y.length],
    ["dx", dx, y.length],
  ]);
}

function expectSlope(kernel: string, slope: number): void {
  expectNumber(kernel, "slope", slope, { low: 0, withoutLow: true });
}
