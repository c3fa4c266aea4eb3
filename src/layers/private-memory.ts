/**
 * Private tensors: values that one of the library's own layers passes to the next inside a container, where nobody else can
 * read or write them. They live in the memory of the kernels, which then compute them in place, and are overwritten or given
 * back once they are no longer needed. A tensor that a caller, an observer or a third-party layer may hold is never private.
 *
 * A lease is the private memory of one run of a container: its forward pass takes it, its backward pass gives it back.
 */

import { complaint, ShapeError } from "../core/errors.js";
import { allocate, type DType, type Floats, type OwnFloats } from "../core/dtype.js";
import { printShape, sameShape, type Shape, sizeOf } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import { basicKernels } from "../kernels/default.js";
import { type Residence, residenceOf } from "../kernels/residence.js";
import type { Forward, Layer, Pass } from "./contract.js";

const ownLayers = new WeakSet<Layer>();

/** Registers one of the library's own layers. A class derived from such a layer may do what it likes, and is not registered. */
export function registerOwn(layer: Layer): void {
  const own = Object.getPrototypeOf(layer) as object;
  if (Object.getPrototypeOf(own) === Object.prototype) ownLayers.add(layer);
}

/** Returns whether a layer is one of the library's own, which keep private tensors to themselves. */
export function isOwn(layer: Layer): boolean {
  return ownLayers.has(layer) && !Object.hasOwn(layer, "forward");
}

/** The private memory of one run of a container. */
export class Lease {
  /** Whether a backward pass may follow, which reads what the layers keep. */
  readonly keeps: boolean;
  private readonly residence: Residence | undefined;
  private readonly taken = new Set<Floats>();

  /**
   * Begins a run. In mode "inference" a backward pass may follow but hardly ever does, so what the layers keep for it is left to
   * the garbage collector.
   */
  constructor({ mode, kernels }: Pass, keeps: boolean) {
    this.residence = keeps && mode === "inference" ? undefined : residenceOf(kernels ?? basicKernels());
    this.keeps = keeps;
  }

  /** Returns an array that holds whatever was there. */
  take(dtype: DType, length: number): Floats {
    if (this.residence === undefined) return allocate(dtype, length);
    const values = this.residence.take(dtype, length) ?? allocate(dtype, length);
    this.taken.add(values);
    return values;
  }

  /** Gives an array back; does nothing with one that is not out. */
  give(values: Floats): void {
    if (this.taken.delete(values)) this.residence!.give(values);
  }

  /** Gives everything back. */
  release(): void {
    for (const values of this.taken) this.residence!.give(values);
    this.taken.clear();
  }

  /** Whether the kernels have a memory of their own. */
  get isResident(): boolean {
    return this.residence !== undefined;
  }

  get isEmpty(): boolean {
    return this.taken.size === 0;
  }
}

/** The pass of one of the library's own layers inside a run. A copy by spreading is an ordinary pass again. */
export class PrivatePass implements Pass {
  readonly mode: Pass["mode"];
  readonly kernels: Pass["kernels"];
  readonly rowWeights: Pass["rowWeights"];
  readonly path: string | undefined;
  readonly defer: Pass["defer"];
  readonly lease: Lease;
  /** Where the output goes: to the next layer alone, to the caller, or into the caller's tensor. */
  readonly output: "private" | "public" | Tensor;

  constructor(pass: Pass, path: string | undefined, defer: Pass["defer"], lease: Lease, output: PrivatePass["output"]) {
    this.mode = pass.mode;
    this.kernels = pass.kernels;
    this.rowWeights = pass.rowWeights;
    this.path = path;
    this.defer = defer;
    this.lease = lease;
    this.output = output;
  }
}

/** A tensor that nobody holds but the layer that made it and the next one. */
class PrivateTensor extends Tensor {
  /** Moves to the heap if it is still needed when its memory is given back. */
  declare data: OwnFloats;
  /** Whether the layer that made it reads the values in its backward pass. */
  kept = false;
  /** Whether it is another one's memory, which that one gives back. */
  lent = false;
  readonly lease: Lease;

  constructor(data: Floats, shape: Shape, lease: Lease) {
    super(data, shape);
    this.lease = lease;
  }
}

function takeTensor(lease: Lease, shape: Shape, dtype: DType): PrivateTensor {
  return new PrivateTensor(lease.take(dtype, sizeOf(shape)), shape, lease);
}

/** Returns whether nobody outside the library can write to a tensor. */
export function isPrivate(tensor: Tensor): boolean {
  return tensor instanceof PrivateTensor;
}

/** Returns the output of a pass, of which every value is to be written. */
export function outputTensor(pass: Pass, shape: Shape, dtype: DType): Tensor {
  if (!(pass instanceof PrivatePass) || pass.output === "public") return Tensor.zeros(shape, dtype);
  if (pass.output === "private") return takeTensor(pass.lease, shape, dtype);
  expectDestination(pass.output, shape, dtype);
  return pass.output;
}

/** Requires that the output fits the tensor that is to receive it. */
export function expectDestination(into: Tensor, shape: Shape, dtype: DType): void {
  if (!sameShape(into.shape, shape)) {
    const expected = `into of shape ${printShape(shape)}, as the output is`;
    throw new ShapeError(complaint("predict", expected, printShape(into.shape)));
  }
  if (into.dtype !== dtype) throw new TypeError(complaint("predict", `into of dtype ${dtype}`, into.dtype));
}

/**
 * Returns the output of a layer that reads each value of its input once: in the memory of the input, if nobody needs that any more.
 * A shape other than that of the input must have as many values.
 */
export function outputInPlace(input: Tensor, pass: Pass, shape: Shape = input.shape): Tensor {
  if (pass instanceof PrivatePass && pass.output === "private" && isFree(input)) {
    return new PrivateTensor(input.data, shape, pass.lease);
  }
  return outputTensor(pass, shape, input.dtype);
}

/** Returns the output of a layer that reads its input in the backward pass: in the memory of the input, if there will be none. */
export function outputOverRead(input: Tensor, pass: Pass): Tensor {
  if (pass instanceof PrivatePass && !pass.lease.keeps) return outputInPlace(input, pass);
  return outputTensor(pass, input.shape, input.dtype);
}

/** Marks an output as read by its own layer in the backward pass. */
export function keepOutput(output: Tensor): void {
  if (output instanceof PrivateTensor && output.lease.keeps) output.kept = true;
}

/** Returns the gradient of an input, of which every value is to be written: it goes back to where the input came from. */
export function gradientTensor(input: Tensor): Tensor {
  const { shape, dtype } = input;
  return input instanceof PrivateTensor ? takeTensor(input.lease, shape, dtype) : Tensor.zeros(shape, dtype);
}

/** Returns the gradient of an input, in the memory of the gradient of the output, if nobody needs that any more. */
export function gradientInPlace(gradOutput: Tensor, input: Tensor): Tensor {
  if (input instanceof PrivateTensor && isFree(gradOutput)) {
    return new PrivateTensor(gradOutput.data, input.shape, input.lease);
  }
  return gradientTensor(input);
}

/** Returns the same for a layer whose kernels read the gradient of the output more than once, which only the library's own support. */
export function gradientOverRead(gradOutput: Tensor, input: Tensor): Tensor {
  const inPlace = input instanceof PrivateTensor && input.lease.isResident;
  return inPlace ? gradientInPlace(gradOutput, input) : gradientTensor(input);
}

function isFree(tensor: Tensor): boolean {
  return tensor instanceof PrivateTensor && !tensor.kept;
}

/** Gives back a tensor that was read for the last time, unless the next one lies in its memory. */
export function giveBack(tensor: Tensor, next: Tensor | undefined): void {
  if (tensor instanceof PrivateTensor && tensor.data !== next?.data && !tensor.lent) tensor.lease.give(tensor.data);
}

/** Returns a tensor for one of several layers that read it: nobody writes over what was lent, or gives it back. */
export function lend(tensor: Tensor, layer: Layer): Tensor {
  if (!(tensor instanceof PrivateTensor)) return tensor;
  if (!isOwn(layer)) return tensor.copy();
  const lent = new PrivateTensor(tensor.data, tensor.shape, tensor.lease);
  lent.kept = true;
  lent.lent = true;
  return lent;
}

/** Ends a run after its backward pass. A gradient that is still to be read moves to the heap. */
export function endRun(lease: Lease, needed: Tensor | undefined): void {
  if (needed instanceof PrivateTensor) needed.data = needed.data.slice();
  registry?.unregister(lease);
  lease.release();
}

let registry: FinalizationRegistry<Lease> | undefined;

/** The result of a container's forward pass. */
export class RunForward implements Forward {
  readonly output: Tensor;
  readonly backward: Forward["backward"];
  private readonly lease: Lease;

  /** Gives the memory of the run back when its backward pass is collected without having run. */
  constructor(output: Tensor, backward: Forward["backward"], lease: Lease) {
    this.output = output;
    this.backward = backward;
    this.lease = lease;
    if (lease.isEmpty) return;
    registry ??= new FinalizationRegistry((collected) => {
      collected.release();
    });
    registry.register(backward, lease, lease);
  }

  /** Gives the memory back at once. */
  end(): void {
    endRun(this.lease, undefined);
  }
}

/** Gives the memory of a forward pass back at once, where no backward pass will follow. */
export function endWithoutBackward(forward: Forward): void {
  if (forward instanceof RunForward) forward.end();
}
