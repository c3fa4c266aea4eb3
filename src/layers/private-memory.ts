/**
 * Private tensors: values that one of the library's own layers passes to the next inside a container, where no other code can
 * read or write them. They are stored in the memory of the kernels, which compute them in place, and are overwritten or freed
 * once they are no longer needed. A tensor that a caller, an observer or a third-party layer may hold is never private.
 *
 * A lease is the private memory of one run of a container: its forward pass allocates it, and its backward pass frees it.
 */

import { complaint, ShapeError } from "../core/errors.js";
import { allocate, type DType, type Floats, type OwnFloats } from "../core/dtype.js";
import { printShape, sameShape, type Shape, sizeOf } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import { basicKernels } from "../kernels/default.js";
import { type Residence, residenceOf } from "../kernels/residence.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { zeroGradients } from "./gradients.js";
import type { Parameter } from "./parameter.js";

const ownLayers = new WeakSet<Layer>();

/** Registers one of the library's own layers. Subclasses are not registered, because they may keep or expose tensors. */
export function registerOwn(layer: Layer): void {
  const own = Object.getPrototypeOf(layer) as object;
  if (Object.getPrototypeOf(own) === Object.prototype) ownLayers.add(layer);
}

/** Returns whether a layer is one of the library's own, which never expose private tensors. */
export function isOwn(layer: Layer): boolean {
  return ownLayers.has(layer) && !Object.hasOwn(layer, "forward");
}

/** The private memory of one run of a container. */
export class Lease {
  /** Whether a backward pass may follow. If so, the layers keep the values that it reads. */
  readonly keeps: boolean;
  /** Whether the run ends within one call. The gradients of parameters are then private too. */
  readonly isShort: boolean;
  private readonly residence: Residence | undefined;
  private readonly taken = new Set<Floats>();

  /**
   * Begins a run. In mode "inference", a backward pass is possible but rare, so the values kept for it are ordinary arrays that
   * are garbage-collected, unless the run is short.
   */
  constructor({ mode, kernels }: Pass, keeps: boolean, isShort: boolean) {
    const waits = keeps && mode === "inference" && !isShort;
    this.residence = waits ? undefined : residenceOf(kernels ?? basicKernels());
    this.keeps = keeps;
    this.isShort = isShort;
  }

  /** Returns an array with arbitrary contents. */
  take(dtype: DType, length: number): Floats {
    if (this.residence === undefined) return allocate(dtype, length);
    const values = this.residence.take(dtype, length) ?? allocate(dtype, length);
    this.taken.add(values);
    return values;
  }

  /** Frees an array. Does nothing if the array does not belong to this lease. */
  give(values: Floats): void {
    if (this.taken.delete(values)) this.residence!.give(values);
  }

  /** Frees all arrays. */
  release(): void {
    for (const values of this.taken) this.residence!.give(values);
    this.taken.clear();
  }

  /** Whether the arrays are in the memory of the kernels. */
  get isResident(): boolean {
    return this.residence !== undefined;
  }

  get isEmpty(): boolean {
    return this.taken.size === 0;
  }
}

/** The pass of one of the library's own layers inside a run. A copy made with the spread syntax is an ordinary pass. */
export class PrivatePass implements Pass {
  readonly mode: Pass["mode"];
  readonly kernels: Pass["kernels"];
  readonly rowWeights: Pass["rowWeights"];
  readonly path: string | undefined;
  readonly defer: Pass["defer"];
  readonly lease: Lease;
  /** Where the output goes: only to the next layer, to the caller, or into the caller's tensor. */
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

/** A tensor held only by the layer that created it and by the next layer. */
class PrivateTensor extends Tensor {
  /** Copied to the heap if it is still needed when its memory is freed. */
  declare data: OwnFloats;
  /** Whether the layer that created it reads the values in its backward pass. */
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

/** Returns whether a tensor is private, so that no code outside the library can write to it. */
export function isPrivate(tensor: Tensor): boolean {
  return tensor instanceof PrivateTensor;
}

/** Returns a tensor for the output of a pass. The caller must write every value. */
export function outputTensor(pass: Pass, shape: Shape, dtype: DType): Tensor {
  if (!(pass instanceof PrivatePass) || pass.output === "public") return Tensor.zeros(shape, dtype);
  if (pass.output === "private") return takeTensor(pass.lease, shape, dtype);
  expectDestination(pass.output, shape, dtype);
  return pass.output;
}

/** Requires that the output matches the shape and dtype of the tensor it is written to. */
export function expectDestination(into: Tensor, shape: Shape, dtype: DType): void {
  if (!sameShape(into.shape, shape)) {
    const expected = `into of shape ${printShape(shape)}, like the output`;
    throw new ShapeError(complaint("predict", expected, printShape(into.shape)));
  }
  if (into.dtype !== dtype) throw new TypeError(complaint("predict", `into of dtype ${dtype}`, into.dtype));
}

/**
 * Returns a tensor for the output of a layer that reads each value of its input once. It reuses the memory of the input if the
 * input is no longer needed. A shape other than that of the input must have as many values.
 */
export function outputInPlace(input: Tensor, pass: Pass, shape: Shape = input.shape): Tensor {
  if (pass instanceof PrivatePass && pass.output === "private" && isFree(input)) {
    return new PrivateTensor(input.data, shape, pass.lease);
  }
  return outputTensor(pass, shape, input.dtype);
}

/**
 * Returns a tensor for the output of a layer that reads its input in the backward pass. It reuses the memory of the input if no
 * backward pass will follow.
 */
export function outputOverRead(input: Tensor, pass: Pass): Tensor {
  if (pass instanceof PrivatePass && !pass.lease.keeps) return outputInPlace(input, pass);
  return outputTensor(pass, input.shape, input.dtype);
}

/** Marks an output that its own layer reads in the backward pass. */
export function keepOutput(output: Tensor): void {
  if (output instanceof PrivateTensor && output.lease.keeps) output.kept = true;
}

/**
 * Returns a tensor for the gradient with respect to an input. It is private if the input is. The caller must write every value.
 */
export function gradientTensor(input: Tensor): Tensor {
  const { shape, dtype } = input;
  return input instanceof PrivateTensor ? takeTensor(input.lease, shape, dtype) : Tensor.zeros(shape, dtype);
}

/**
 * Returns a tensor for the gradient with respect to an input. It reuses the memory of `gradOutput` if that is no longer needed.
 */
export function gradientInPlace(gradOutput: Tensor, input: Tensor): Tensor {
  if (input instanceof PrivateTensor && isFree(gradOutput)) {
    return new PrivateTensor(gradOutput.data, input.shape, input.lease);
  }
  return gradientTensor(input);
}

/**
 * Does what `gradientInPlace` does, for a layer whose kernels read `gradOutput` more than once. Only the library's own kernels
 * can then write over it.
 */
export function gradientOverRead(gradOutput: Tensor, input: Tensor): Tensor {
  const inPlace = input instanceof PrivateTensor && input.lease.isResident;
  return inPlace ? gradientInPlace(gradOutput, input) : gradientTensor(input);
}

/** Returns tensors for the gradients of parameters. They are private in a short run. The caller must write every value. */
export function parameterGradients(parameters: readonly Parameter[], pass: Pass): Map<Parameter, Tensor> {
  if (!(pass instanceof PrivatePass) || !pass.lease.isShort) return zeroGradients(parameters);
  const { lease } = pass;
  return new Map(
    parameters.map((parameter) => [parameter, takeTensor(lease, parameter.value.shape, parameter.value.dtype)]),
  );
}

function isFree(tensor: Tensor): boolean {
  return tensor instanceof PrivateTensor && !tensor.kept;
}

/** Frees a tensor after its last use, unless the next one uses the same memory. */
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

/** Ends a run after its backward pass. A gradient that is still needed is copied to the heap. */
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

  /** Registers the memory of the run to be freed if `backward` is garbage-collected before it is called. */
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

  /** Frees the memory immediately. */
  end(): void {
    endRun(this.lease, undefined);
  }
}

/** Options for `shortRun`. */
interface ShortRunOptions {
  /** Whether `use` runs the backward pass. */
  readonly keeps: boolean;
  readonly output: PrivatePass["output"];
}

/**
 * Runs a layer's forward pass, and `use` with its result, in memory that is then freed for the next run. The gradients of
 * parameters are in that memory too, so `use` must copy what it returns of them. The output is not.
 */
export function shortRun<Result>(
  layer: Layer,
  input: Tensor,
  pass: Pass,
  { keeps, output }: ShortRunOptions,
  use: (forward: Forward) => Result,
): Result {
  const lease = new Lease(pass, keeps, true);
  try {
    const inner = isOwn(layer) ? new PrivatePass(pass, pass.path, pass.defer, lease, output) : pass;
    const forward = layer.forward(input, inner);
    const result = use(forward);
    endWithoutBackward(forward);
    return result;
  } finally {
    lease.release();
  }
}

/** Frees the memory of a forward pass immediately, because no backward pass will follow. */
export function endWithoutBackward(forward: Forward): void {
  if (forward instanceof RunForward) forward.end();
}
