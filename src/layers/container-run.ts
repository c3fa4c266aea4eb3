/** One run of a container: what its children receive, the memory between them, and what happens once all have succeeded. */

import { complaint } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import type { Backward, Forward, Layer, Pass } from "./contract.js";
import { beginForward, stillRead } from "./forward.js";
import { endRun, isOwn, isPrivate, Lease, PrivatePass, RunForward } from "./private-memory.js";

/** Where the output of a child goes: to one of the library's own layers alone, or to somebody else. */
export type Destination = PrivatePass["output"];

/** A run. If any child throws, no running statistic and no random stream has changed. */
export class ContainerRun {
  /** Whether a backward pass may follow. */
  readonly keeps: boolean;
  /** Where the output of the container goes; undefined if it decides on that itself. */
  readonly destination: Destination | undefined;
  /** The name of the container in error messages. */
  readonly name: string;
  private readonly kind: string;
  private readonly pass: Pass;
  private readonly outer: PrivatePass | undefined;
  private readonly lease: Lease;
  private readonly changes: (() => void)[] = [];
  private readonly defer: NonNullable<Pass["defer"]>;

  /** Checks the input and the pass, and begins. */
  constructor(kind: string, input: Tensor, pass: Pass) {
    this.name = beginForward(kind, input, pass, []).name;
    this.kind = kind;
    this.pass = pass;
    this.defer = pass.defer ?? ((change: () => void): void => void this.changes.push(change));
    this.outer = pass instanceof PrivatePass ? pass : undefined;
    this.destination = this.outer?.output;
    this.lease = this.outer?.lease ?? new Lease(pass, true, false);
    this.keeps = this.lease.keeps;
  }

  /** Runs the forward pass of a child. */
  child(name: string, layer: Layer, input: Tensor, destination: Destination | undefined): Forward {
    // By name, since a pass may inherit its keys, or compute them.
    const { mode, kernels, rowWeights, observe } = this.pass;
    const { defer, outer, lease } = this;
    const path = this.pass.path === undefined ? name : `${this.pass.path}.${name}`;
    const own = isOwn(layer);
    // What only the library knows of an outer pass stays here, and so does its memory.
    const shared = outer === undefined ? this.pass : undefined;
    const entering = isPrivate(input) && !own ? input.copy() : input;
    // Not { ...shared, path, defer }: V8 makes a hidden class for each such object, which costs more than a small layer.
    const inner =
      observe === undefined && own && destination !== undefined
        ? new PrivatePass(this.pass, path, defer, lease, destination)
        : Object.assign({}, shared, { mode, kernels, rowWeights, observe, path, defer });
    const forward = layer.forward(entering, inner);
    observe?.(path, forward.output, entering);
    return forward;
  }

  /**
   * Runs the children by `work`, makes the changes of state, and returns the output with a backward pass that may be called once:
   * it gives the memory of the run back. `differentiate` calls `begin` as soon as it has accepted the gradient.
   */
  complete(work: () => Tensor, differentiate: (gradOutput: Tensor, begin: () => void) => Backward): Forward {
    const { outer, lease, kind } = this;
    let output: Tensor;
    try {
      output = work();
    } catch (error) {
      if (outer === undefined) lease.release();
      throw error;
    }
    // Nothing has thrown: now the changes of state are made.
    for (const change of this.changes) change();

    let called = false;
    const backward = (gradOutput: Tensor): Backward => {
      if (called) {
        const cure = "run forward again, because the first call freed its memory";
        throw new RangeError(complaint(kind, "backward to be called once per forward pass", "a second call", cure));
      }
      try {
        const result = differentiate(gradOutput, () => (called = true));
        if (outer === undefined) endRun(lease, stillRead(result));
        return result;
      } catch (error) {
        if (called && outer === undefined) endRun(lease, undefined);
        throw error;
      }
    };
    return outer === undefined ? new RunForward(output, backward, lease) : { output, backward };
  }
}
