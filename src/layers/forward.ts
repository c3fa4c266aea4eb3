/** The beginning and the end of every forward pass, of the library's layers and of a user's own. */

import { complaint, expectObject, expectOneOf, show } from "../core/errors.js";
import { nearest } from "../core/options.js";
import { expectTensor, type Tensor } from "../core/tensor.js";
import { basicKernels } from "../kernels/default.js";
import { basicPlainKernels } from "../kernels/plain/kernels.js";
import type { Kernels } from "../kernels/types.js";
import type { Backward, Forward, Gradients, Pass } from "./contract.js";
import { guardBackward } from "./guards.js";
import { watch } from "./overwrites.js";
import type { Parameter } from "./parameter.js";

/** The name and the kernels of a layer in one forward pass. */
export interface ForwardStart {
  /** The layer's name in error messages: its kind and, inside a model, its path, as in `Dense "2.0"`. */
  readonly name: string;
  /** The kernel set that this pass runs on. */
  readonly kernels: Kernels;
}

/**
 * Checks the input and the pass, and returns the layer's name and its kernels: the first line of every `forward`.
 *
 * @throws {TypeError} if the input is not a Tensor, the mode is not one of the three, another key of the pass is misspelled or of
 *   the wrong kind, or the input is not of the parameters' dtype: nothing is converted silently
 */
export function beginForward(kind: string, input: Tensor, pass: Pass, parameters: readonly Parameter[]): ForwardStart {
  expectObject(`${kind}.forward`, "the pass", pass);
  const name = pass.path === undefined ? kind : `${kind} "${pass.path}"`;
  expectOneOf(name, "mode", pass.mode, ["train", "probe", "inference"]);
  // Inside a container, which sets `defer`, the container has checked the pass.
  if (pass.defer === undefined) expectPass(name, pass);
  else if (typeof pass.defer !== "function") {
    throw new TypeError(complaint(name, "defer to be a function", show(pass.defer)));
  }
  expectTensor(name, "the input", input);
  for (const parameter of parameters) {
    if (parameter.value.dtype === input.dtype) continue;
    const expected = `an input of dtype ${parameter.value.dtype}, as ${parameter.name} is`;
    throw new TypeError(complaint(name, expected, input.dtype, `use input.cast("${parameter.value.dtype}")`));
  }
  return { name, kernels: pass.kernels ?? basicKernels() };
}

const PASS_KEYS: readonly string[] = ["mode", "kernels", "rowWeights", "path", "observe", "defer"];

const accepted = new WeakSet<Kernels>();

/** Requires functions and kernels where a pass has them, and no misspelled key. */
function expectPass(name: string, pass: Pass): void {
  const { kernels, observe } = pass;
  expectNoMisspelling(name, pass);
  if (observe !== undefined && typeof observe !== "function") {
    throw new TypeError(complaint(name, "observe to be a function", show(observe)));
  }
  expectKernels(name, kernels);
}

/** Requires a complete kernel set, or none. */
export function expectKernels(name: string, kernels: Kernels | undefined): void {
  if (kernels === undefined || accepted.has(kernels)) return;
  expectObject(name, "kernels", kernels);
  const missing = Object.keys(basicPlainKernels).find((kernel) => !(kernel in kernels));
  if (missing !== undefined) {
    const cure = "spread a complete set first, as in { ...plainKernels, ... }";
    throw new TypeError(
      complaint(name, `kernels with ${missing}`, `keys ${Object.keys(kernels).join(", ") || "none"}`, cure),
    );
  }
  accepted.add(kernels);
}

/** Refuses a key that is close to one of the pass's own; other keys are left to a user's own containers. */
function expectNoMisspelling(name: string, pass: Pass): void {
  for (const key in pass) {
    if (PASS_KEYS.includes(key)) continue;
    const near = nearest(key, PASS_KEYS);
    if (near !== undefined) {
      throw new TypeError(complaint(name, `a pass of ${PASS_KEYS.join(", ")}`, show(key), `did you mean ${near}?`));
    }
  }
}

/** Completes a `Backward` whose input gradient is computed when first read, after the same checks. */
export type LazyBackward = (gradients: Gradients, computeGradInput: () => Tensor) => Backward;

/**
 * Returns the output with its backward pass, which is guarded: it runs only if the gradient has the shape and dtype of the
 * output, the parameters are unchanged since the forward pass, and the tensors in `reads` were not overwritten. This is the
 * last line of every `forward`.
 *
 * `reads` names what `backward` will read: the input, the output, or both. Parameters need not be named. The check compares a
 * sample of the values, so it costs about a microsecond, and a write that leaves the sample as it was goes unnoticed.
 *
 * `backward` may return its input gradient, or use `lazily` where that gradient is expensive and not always read.
 */
export function guardedForward(
  name: string,
  output: Tensor,
  parameters: readonly Parameter[],
  reads: readonly Tensor[],
  backward: (gradOutput: Tensor, lazily: LazyBackward) => Backward,
): Forward {
  const guard = guardBackward(name, output, parameters);
  const watched = reads.map((tensor) => watch(name, tensor === output ? "the output" : "the input", tensor));
  const check = (gradOutput: Tensor): void => {
    guard(gradOutput);
    for (const expectUnchanged of watched) expectUnchanged();
  };
  return {
    output,
    backward: (gradOutput) => {
      check(gradOutput);
      return backward(gradOutput, (gradients, computeGradInput) => {
        const expectUnchanged = watch(name, "gradOutput", gradOutput);
        const compute = (): Tensor => {
          check(gradOutput);
          expectUnchanged();
          return computeGradInput();
        };
        return lazyBackward(gradients, compute, gradOutput);
      });
    },
  };
}

/**
 * Returns a `Backward` whose input gradient is computed when first read, and only once. `reads` is the gradient that it will
 * read, if any.
 */
export function lazyBackward(
  gradients: Gradients,
  computeGradInput: () => Tensor,
  reads: Tensor | undefined,
): Backward {
  return new BackwardWithLazyInput(gradients, computeGradInput, reads);
}

/** Returns the gradient that an input gradient, not yet computed, will be computed from. */
export function stillRead(backward: Backward): Tensor | undefined {
  return backward instanceof BackwardWithLazyInput ? backward.stillRead : undefined;
}

/** A class, because V8 gives each object literal with a getter a hidden class of its own, which costs as much as a small layer. */
class BackwardWithLazyInput implements Backward {
  readonly gradients: Gradients;
  private readonly compute: () => Tensor;
  private readonly reads: Tensor | undefined;
  private computed: Tensor | undefined;

  constructor(gradients: Gradients, compute: () => Tensor, reads: Tensor | undefined) {
    this.gradients = gradients;
    this.compute = compute;
    this.reads = reads;
  }

  get gradInput(): Tensor {
    this.computed ??= this.compute();
    return this.computed;
  }

  get stillRead(): Tensor | undefined {
    return this.computed === undefined ? this.reads : undefined;
  }
}

/** Makes a change of state once the whole pass has succeeded: now, or when the container that runs this layer has finished. */
export function afterPass(pass: Pass, change: () => void): void {
  if (pass.defer === undefined) change();
  else pass.defer(change);
}
