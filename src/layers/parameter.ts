/**
 * Parameter and RunningStatistic: the two kinds of numbers that a layer stores.
 *
 * They are different types, so a running mean cannot be passed to an optimizer.
 */

import { complaint, expectOneOf, show } from "../core/errors.js";
import { type Floats, typedArrayName } from "../core/dtype.js";
import { expectTensor, type Tensor } from "../core/tensor.js";

/** The role of a parameter in its layer: a matrix, an added vector, a gamma or a beta. */
export type Role = "weight" | "bias" | "scale" | "shift";

// One counter for all parameters, so no version occurs twice, even after `holding` has restored an older one.
let versions = 0;

/**
 * A trainable tensor with a name.
 *
 * Change its values through `update`, which also changes `version`. If the version has changed since the forward pass, the
 * backward pass throws instead of returning wrong gradients.
 *
 * @example
 * const gamma = new Parameter("gamma", "scale", Tensor.filled([3], 1));
 * gamma.update((values) => values.fill(0.5));
 */
export class Parameter {
  /** The name within its layer, such as "gamma". Containers prepend the path ("1.gamma"). */
  readonly name: string;
  /** Its role, by which weight decay and filter normalization select parameters. */
  readonly role: Role;
  /** The axis of a weight that counts the outputs, for filter normalization: -1, the last, unless the constructor is given another. */
  readonly outputAxis: number;
  /** Whether optimizers update it. Initially true. Gradients are computed in any case, for checks and probes. */
  trainable = true;
  private tensor: Tensor;
  private currentVersion: number;

  /** Wraps a tensor without copying it. */
  constructor(name: string, role: Role, value: Tensor, outputAxis = -1) {
    if (typeof name !== "string") throw new TypeError(complaint("Parameter", "name to be a string", show(name)));
    expectOneOf("Parameter", "role", role, ["weight", "bias", "scale", "shift"]);
    expectTensor(`Parameter "${name.slice(0, 80)}"`, "value", value);
    this.name = name;
    this.role = role;
    this.outputAxis = outputAxis;
    this.tensor = value;
    this.currentVersion = ++versions;
  }

  /** The current values. Read-only: use `update` to change them. */
  get value(): Tensor {
    return this.tensor;
  }

  /** A number that changes with every change of the values. */
  get version(): number {
    return this.currentVersion;
  }

  /** Changes the values in place. `change` is called with the array of values and writes to it. */
  update(change: (values: Floats) => void): void {
    if (typeof change !== "function") {
      throw new TypeError(
        complaint(`Parameter "${this.name.slice(0, 80)}"`, "update to be called with a function", show(change)),
      );
    }
    // The version changes first, because `change` may throw after it has written some values.
    this.currentVersion = ++versions;
    change(this.tensor.data);
  }

  /**
   * Runs `work` while the parameters hold other tensors, of any dtype. Afterwards, even if `work` throws, it restores the
   * original tensors and their versions. This is how an objective evaluates a model at any point without changing it.
   *
   * `work` must be synchronous, because other code that runs during an `await` would read the temporary tensors.
   *
   * @throws {TypeError} if `work` returns a promise; the original tensors are restored in this case too
   */
  static holding<T>(values: ReadonlyMap<Parameter, Tensor>, work: () => T): T {
    const restorers: (() => void)[] = [];
    try {
      for (const [parameter, value] of values) restorers.push(parameter.hold(value));
      const result = work();
      const { then } = (result ?? {}) as Partial<PromiseLike<unknown>>;
      if (typeof then === "function") {
        // The caller gets the error below, not the promise, so a rejection must be handled here.
        then.call(result, undefined, () => undefined);
        const cure = "await outside of work, and hold the tensors for each synchronous part";
        throw new TypeError(complaint("Parameter.holding", "work that is synchronous", "a promise", cure));
      }
      return result;
    } finally {
      for (const restore of restorers) restore();
    }
  }

  /** Throws, because JSON cannot hold typed arrays or a model's Map of children: it would lose values silently. */
  toJSON(): never {
    return refuseJSON(`Parameter "${this.name.slice(0, 80)}"`);
  }

  /** Replaces the tensor with another one, of any dtype, until the returned function is called. */
  hold(value: Tensor): () => void {
    const { tensor, currentVersion } = this;
    this.tensor = value;
    this.currentVersion = ++versions;
    return () => {
      this.tensor = tensor;
      this.currentVersion = currentVersion;
    };
  }
}

/** Numbers that a layer collects during training and that no optimizer changes: running means, variances, counts. */
export class RunningStatistic {
  /** The name within its layer, such as "runningMean". */
  readonly name: string;
  /** The numbers; always double precision. */
  readonly values: Float64Array;
  /** The smallest valid value: 0 for variances and counts. Loading rejects smaller values. */
  readonly least: number;

  /** Wraps an array without copying it. */
  constructor(name: string, values: Float64Array, least: number = -Infinity) {
    if (typeof name !== "string") throw new TypeError(complaint("RunningStatistic", "name to be a string", show(name)));
    const label = `RunningStatistic "${name.slice(0, 80)}"`;
    if (typedArrayName(values) !== "Float64Array") {
      throw new TypeError(complaint(label, "values to be a Float64Array", show(values)));
    }
    if (typeof least !== "number") throw new TypeError(complaint(label, "least to be a number", show(least)));
    this.name = name;
    this.values = values;
    this.least = least;
  }

  /** Throws, for the same reason as that of a `Parameter`. */
  toJSON(): never {
    return refuseJSON(`RunningStatistic "${this.name.slice(0, 80)}"`);
  }
}

function refuseJSON(who: string): never {
  throw new TypeError(complaint(who, "plain JSON", "a model", "pass stateDict(model) to JSON.stringify instead"));
}
