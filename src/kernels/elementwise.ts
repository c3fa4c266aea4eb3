/**
 * Activations, each a function of one value with its derivative beside it, written with the function's output.
 *
 * The rectifiers do not branch on a sign but read an array by it: a processor guesses the signs of hidden values wrong half
 * of the time, which costs more than all the rest of the loop.
 */

import { sigmoid as sigmoidOf, tanh as tanhOf } from "../ground/numbers.js";
import { expectElementwise, expectElementwiseBackward, expectSlope } from "./arguments.js";
import * as double from "./double/elementwise.js";
import type { ElementwiseArguments, ElementwiseBackwardArguments } from "./kernels.js";
import { scratchFor } from "./scratch.js";

/** y = max(x, 0); NaN stays NaN. */
export function relu(args: ElementwiseArguments): void {
  if (args.x instanceof Float64Array) return double.relu(args);
  expectElementwise("relu", args);
  const { x, y } = args;
  const { a: choice } = scratchFor(2);
  choice[0] = 0;
  for (let i = 0; i < x.length; i++) {
    choice[1] = x[i]!;
    y[i] = choice[Number(!(x[i]! <= 0))]!;
  }
}

/** dx = dy where y > 0, else 0. */
export function reluBackward(args: ElementwiseBackwardArguments): void {
  if (args.y instanceof Float64Array) return double.reluBackward(args);
  expectElementwiseBackward("reluBackward", args);
  const { y, dy, dx } = args;
  const { a: choice } = scratchFor(2);
  choice[0] = 0;
  for (let i = 0; i < y.length; i++) {
    choice[1] = dy[i]!;
    dx[i] = choice[Number(y[i]! > 0)]!;
  }
}

/** y = x where x > 0, else slope x. */
export function leakyRelu(args: ElementwiseArguments & { readonly slope: number }): void {
  if (args.x instanceof Float64Array) return double.leakyRelu(args);
  expectElementwise("leakyRelu", args);
  expectSlope("leakyRelu", args.slope);
  const { x, y, slope } = args;
  const { a: factor } = scratchFor(2);
  factor[0] = slope;
  factor[1] = 1;
  for (let i = 0; i < x.length; i++) y[i] = x[i]! * factor[Number(x[i]! > 0)]!;
}

/** dx = dy where y > 0, else slope dy. The slope is positive, so y tells the sign of x. */
export function leakyReluBackward(args: ElementwiseBackwardArguments & { readonly slope: number }): void {
  if (args.y instanceof Float64Array) return double.leakyReluBackward(args);
  expectElementwiseBackward("leakyReluBackward", args);
  expectSlope("leakyReluBackward", args.slope);
  const { y, dy, dx, slope } = args;
  const { a: factor } = scratchFor(2);
  factor[0] = slope;
  factor[1] = 1;
  for (let i = 0; i < y.length; i++) dx[i] = dy[i]! * factor[Number(y[i]! > 0)]!;
}

/** y = 1 / (1 + exp(-x)) */
export function sigmoid(args: ElementwiseArguments): void {
  if (args.x instanceof Float64Array) return double.sigmoid(args);
  expectElementwise("sigmoid", args);
  const { x, y } = args;
  for (let i = 0; i < x.length; i++) y[i] = sigmoidOf(x[i]!);
}

/** dx = dy y (1 - y) */
export function sigmoidBackward(args: ElementwiseBackwardArguments): void {
  if (args.y instanceof Float64Array) return double.sigmoidBackward(args);
  expectElementwiseBackward("sigmoidBackward", args);
  const { y, dy, dx } = args;
  for (let i = 0; i < y.length; i++) dx[i] = dy[i]! * y[i]! * (1 - y[i]!);
}

/** y = tanh(x) */
export function tanh(args: ElementwiseArguments): void {
  if (args.x instanceof Float64Array) return double.tanh(args);
  expectElementwise("tanh", args);
  const { x, y } = args;
  for (let i = 0; i < x.length; i++) y[i] = tanhOf(x[i]!);
}

/** dx = dy (1 - y²) */
export function tanhBackward(args: ElementwiseBackwardArguments): void {
  if (args.y instanceof Float64Array) return double.tanhBackward(args);
  expectElementwiseBackward("tanhBackward", args);
  const { y, dy, dx } = args;
  for (let i = 0; i < y.length; i++) dx[i] = dy[i]! * (1 - y[i]! * y[i]!);
}
