/**
 * Private tensors: values that one of the library's own layers passes to the next inside a `Sequential`, unseen by any observer.
 * Nobody else can write to them, so they are kept instead of copied and overwritten once no longer needed; small ones share
 * their memory, and large gradients reuse that of earlier ones. A tensor that a caller, an observer or a foreign layer may
 * hold is never private.
 */

import { allocate, type DType, type Floats } from "../core/dtype.js";
import { type Shape, sizeOf } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import type { Layer, Pass } from "./contract.js";

const leaves = new WeakSet<Layer>();

/** Registers a layer as one of the library's own without layers inside; a class derived from such a layer may do what it likes. */
export function registerLeaf(layer: Layer): void {
  const own = Object.getPrototypeOf(layer) as object;
  if (Object.getPrototypeOf(own) === Object.prototype) leaves.add(layer);
}

/** Whether what passes between two layers is seen by these two alone. */
export function arePrivate(one: Layer, other: Layer | undefined): boolean {
  return isLeaf(one) && other !== undefined && isLeaf(other);
}

function isLeaf(layer: Layer): boolean {
  return leaves.has(layer) && !Object.hasOwn(layer, "forward");
}

/** The pass of a layer whose output goes to the next layer alone. A copy by spreading is an ordinary pass again. */
export class PrivatePass implements Pass {
  readonly mode: Pass["mode"];
  readonly kernels: Pass["kernels"];
  readonly rowWeights: Pass["rowWeights"];
  readonly path: string;
  readonly defer: Pass["defer"];
  /** Memory of gradients that nobody needs any more; one list for all layers of a container. */
  readonly spares: ArrayBuffer[];

  constructor(pass: Pass, path: string, defer: Pass["defer"], spares: ArrayBuffer[]) {
    this.mode = pass.mode;
    this.kernels = pass.kernels;
    this.rowWeights = pass.rowWeights;
    this.path = path;
    this.defer = defer;
    this.spares = spares;
  }
}

/** A tensor that nobody holds but the layer that made it and the next one. */
class PrivateTensor extends Tensor {
  /** Whether the layer that made it keeps the values for its backward pass. */
  kept = false;
  readonly spares: ArrayBuffer[];

  constructor(data: Floats, shape: Shape, spares: ArrayBuffer[]) {
    super(data, shape);
    this.spares = spares;
  }
}

/** The output of a pass, to be written to. */
export function outputTensor(pass: Pass, shape: Shape, dtype: DType): Tensor {
  if (!(pass instanceof PrivatePass)) return Tensor.zeros(shape, dtype);
  return new PrivateTensor(privateFloats(dtype, sizeOf(shape)), shape, pass.spares);
}

/** The gradient of an input, to be written to: it goes back to where the input came from. */
export function gradientTensor(input: Tensor): Tensor {
  const { shape, dtype } = input;
  if (!(input instanceof PrivateTensor)) return Tensor.zeros(shape, dtype);
  const { spares, size } = input;
  const { byteLength } = input.data;
  const spare = byteLength > SMALL ? spares.findIndex((buffer) => buffer.byteLength >= byteLength) : -1;
  if (spare < 0) return new PrivateTensor(privateFloats(dtype, size), shape, spares);
  const [buffer] = spares.splice(spare, 1) as [ArrayBuffer];
  return new PrivateTensor(part(buffer, 0, dtype, size), shape, spares);
}

/** Releases a gradient that was read for the last time, to make `next`: its memory may hold another gradient. */
export function recycle(gradient: Tensor, next: Tensor): void {
  if (!(gradient instanceof PrivateTensor) || gradient.data.byteLength <= SMALL) return;
  if (gradient.data.buffer !== next.data.buffer) gradient.spares.push(gradient.data.buffer as ArrayBuffer);
}

/** The values of a tensor for the backward pass: a copy, since a caller may write to the tensor before it. */
export function keptValues(tensor: Tensor): Floats {
  return tensor instanceof PrivateTensor ? tensor.data : copy(tensor);
}

/** The values of a layer's own output for its backward pass, as above. */
export function keptOutput(output: Tensor): Floats {
  if (!(output instanceof PrivateTensor)) return copy(output);
  output.kept = true;
  return output.data;
}

/** The output of a layer that reads each value of its input once: in the memory of the input where nobody needs it any more. */
export function outputInPlace(input: Tensor, pass: Pass): Tensor {
  if (pass instanceof PrivatePass && isFree(input)) return new PrivateTensor(input.data, input.shape, pass.spares);
  return outputTensor(pass, input.shape, input.dtype);
}

/** The gradient of an input, in the memory of the gradient of the output where nobody needs it any more. */
export function gradientInPlace(gradOutput: Tensor, input: Tensor): Tensor {
  if (input instanceof PrivateTensor && isFree(gradOutput)) {
    return new PrivateTensor(gradOutput.data, gradOutput.shape, input.spares);
  }
  return gradientTensor(input);
}

function isFree(tensor: Tensor): boolean {
  return tensor instanceof PrivateTensor && !tensor.kept;
}

function copy({ dtype, data }: Tensor): Floats {
  if (data.byteLength > SMALL) return data.slice(); // without writing zeros first
  const values = privateFloats(dtype, data.length);
  values.set(data);
  return values;
}

// An array with memory of its own costs a microsecond and work for the garbage collector, a part of a slab a tenth of that.
const SLAB = 2 ** 16;
const SMALL = 2 ** 13;
let slab: ArrayBuffer | undefined;
let used = 0;

/** New zeros that no caller will ever hold, since a caller might transfer their memory: small arrays share it. */
function privateFloats(dtype: DType, length: number): Floats {
  const bytes = Math.ceil((length * (dtype === "float32" ? 4 : 8)) / 8) * 8;
  if (bytes > SMALL) return allocate(dtype, length);
  if (slab === undefined || used + bytes > SLAB) {
    slab = new ArrayBuffer(SLAB);
    used = 0;
  }
  const at = used;
  used += bytes;
  return part(slab, at, dtype, length);
}

/** A part of some memory as an array. */
function part(buffer: ArrayBuffer, at: number, dtype: DType, length: number): Floats {
  return dtype === "float32" ? new Float32Array(buffer, at, length) : new Float64Array(buffer, at, length);
}
