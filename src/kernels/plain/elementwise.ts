/** Activations: each a function of one value, followed by its gradient in terms of the output. */

import { sigmoid as sigmoidOf, tanh as tanhOf } from "../../core/math.js";
import { expectElementwise, expectElementwiseBackward, expectSlope } from "../checks.js";
import type { ElementwiseArguments, ElementwiseBackwardArguments } from "../types.js";

/**
 * Computes y = max(x, 0); NaN stays NaN.
 *
 * This is the plain kernel, written for reading; `defaultKernels().relu` is the fast one.
 */
export function relu(args: ElementwiseArguments): void {
  expectElementwise("relu", args);
  const { x, y } = args;
  for (let i = 0; i < x.length; i++) y[i] = x[i]! <= 0 ? 0 : x[i]!;
}

/**
 * Computes dx = dy where y > 0, else 0.
 *
 * This is the plain kernel, written for reading; `defaultKernels().reluBackward` is the fast one.
 */
export function reluBackward(args: ElementwiseBackwardArguments): void {
  expectElementwiseBackward("reluBackward", args);
  const { y, dy, dx } = args;
  for (let i = 0; i < y.length; i++) dx[i] = y[i]! > 0 ? dy[i]! : 0;
}

/**
 * Computes y = x where x > 0, else slope x.
 *
 * This is the plain kernel, written for reading; `defaultKernels().leakyRelu` is the fast one.
 */
export function leakyRelu(args: ElementwiseArguments & { readonly slope: number }): void {
  expectElementwise("leakyRelu", args);
  expectSlope("leakyRelu", args.slope);
  const { x, y, slope } = args;
  for (let i = 0; i < x.length; i++) y[i] = x[i]! > 0 ? x[i]! : slope * x[i]!;
}

/**
 * Computes dx = dy where y > 0, else slope dy. The slope is positive, so y has the sign of x.
 *
 * This is the plain kernel, written for reading; `defaultKernels().leakyReluBackward` is the fast one.
 */
export function leakyReluBackward(args: ElementwiseBackwardArguments & { readonly slope: number }): void {
  expectElementwiseBackward("leakyReluBackward", args);
  expectSlope("leakyReluBackward", args.slope);
  const { y, dy, dx, slope } = args;
  for (let i = 0; i < y.length; i++) dx[i] = y[i]! > 0 ? dy[i]! : slope * dy[i]!;
}

/**
 * Computes y = 1 / (1 + exp(-x)).
 *
 * This is the plain kernel, written for reading; `defaultKernels().sigmoid` is the fast one.
 */
export function sigmoid(args: ElementwiseArguments): void {
  expectElementwise("sigmoid", args);
  const { x, y } = args;
  for (let i = 0; i < x.length; i++) y[i] = sigmoidOf(x[i]!);
}

/**
 * Computes dx = dy y (1 - y).
 *
 * This is the plain kernel, written for reading; `defaultKernels().sigmoidBackward` is the fast one.
 */
export function sigmoidBackward(args: ElementwiseBackwardArguments): void {
  expectElementwiseBackward("sigmoidBackward", args);
  const { y, dy, dx } = args;
  for (let i = 0; i < y.length; i++) dx[i] = dy[i]! * y[i]! * (1 - y[i]!);
}

/**
 * Computes y = tanh(x).
 *
 * This is the plain kernel, written for reading; `defaultKernels().tanh` is the fast one.
 */
export function tanh(args: ElementwiseArguments): void {
  expectElementwise("tanh", args);
  const { x, y } = args;
  for (let i = 0; i < x.length; i++) y[i] = tanhOf(x[i]!);
}

/**
 * Computes dx = dy (1 - y²).
 *
 * This is the plain kernel, written for reading; `defaultKernels().tanhBackward` is the fast one.
 */
export function tanhBackward(args: ElementwiseBackwardArguments): void {
  expectElementwiseBackward("tanhBackward", args);
  const { y, dy, dx } = args;
  for (let i = 0; i < y.length; i++) dx[i] = dy[i]! * (1 - y[i]! * y[i]!);
}
