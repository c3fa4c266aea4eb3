/**
 * What stays inside a `Sequential`: values that one of the library's own layers hands to the next, with no observer to see them.
 * Nobody else can write to them, so they are kept instead of copied, and overwritten once nobody needs them. A tensor that a
 * caller, an observer or a layer of somebody else may hold is never among them.
 */

import type { Floats } from "../ground/numbers.js";
import { Tensor } from "../tensor/tensor.js";
import type { Layer, Pass } from "./layer.js";

const leaves = new WeakSet<Layer>();
const hidden = new WeakSet<Pass>();
const settled = new WeakSet<Tensor>();
const kept = new WeakSet<Tensor>();

/** Tells that a layer is one of the library's own, without layers inside; a class derived from it may do what it likes. */
export function registerLeaf(layer: Layer, kind: unknown): void {
  if (layer.constructor === kind) leaves.add(layer);
}

/** Whether what passes between two layers is seen by these two alone. */
export function arePrivate(one: Layer, other: Layer | undefined): boolean {
  return isLeaf(one) && other !== undefined && isLeaf(other);
}

function isLeaf(layer: Layer): boolean {
  return leaves.has(layer) && !Object.hasOwn(layer, "forward");
}

/** Tells that the output of a pass will go to the next layer alone. */
export function hideOutput(pass: Pass): void {
  hidden.add(pass);
}

/** Tells that nobody outside holds a tensor. */
export function settle(tensor: Tensor): void {
  settled.add(tensor);
}

/** The values of a tensor for the backward pass: a copy, since a caller may write to the tensor before it. */
export function valuesToKeep(tensor: Tensor): Floats {
  return settled.has(tensor) ? tensor.data : tensor.data.slice();
}

/** The values of a layer's own output for its backward pass, as above. */
export function outputToKeep(output: Tensor, pass: Pass): Floats {
  if (!hidden.has(pass)) return output.data.slice();
  kept.add(output);
  return output.data;
}

/**
 * A tensor to write into, like another that was read: in the memory of that one where nobody needs it any more. The tensor is
 * a new one in either case, so that what is known of the other does not hold for it.
 */
export function placeFor(tensor: Tensor): Tensor {
  if (settled.has(tensor) && !kept.has(tensor)) return new Tensor(tensor.data, tensor.shape);
  return Tensor.zeros(tensor.shape, tensor.dtype);
}
