/** The beginning and the end of every forward pass, both in the library's layers and in custom ones. */

import { complaint, expectObject, show } from "../core/errors.js";
import { nearest } from "../core/options.js";
import { expectTensor, type Tensor } from "../core/tensor.js";
import { basicKernels } from "../kernels/default.js";
import { basicPlainKernels } from "../kernels/plain/kernels.js";
import type { Kernels } from "../kernels/types.js";
import type { Backward, Forward, Gradients, Mode, Pass } from "./contract.js";
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
 * Checks the input and the pass, and returns the layer's name and its kernels. This is the first line of every `forward`.
 *
 * @throws {TypeError} if the input is not a Tensor, the mode is not one of the three, another key of the pass is misspelled or
 *   has the wrong type, or the input and the parameters differ in dtype (nothing is converted silently)
 */
export function beginForward(kind: string, input: Tensor, pass: Pass, parameters: readonly Parameter[]): ForwardStart {
  if (typeof pass !== "object" || pass === null) refusePass(`${kind}.forward`, pass);
  const name = pass.path === undefined ? kind : `${kind} "${pass.path}"`;
  if (!MODES.includes(pass.mode)) refuseMode(name, pass.mode);
  // If `defer` is set, this layer is inside a container, which has already checked the pass.
  if (pass.defer === undefined) expectPass(name, pass);
  else if (typeof pass.defer !== "function") {
    throw new TypeError(complaint(name, "defer to be a function", show(pass.defer)));
  }
  expectTensor(name, "the input", input);
  for (const parameter of parameters) {
    if (parameter.value.dtype === input.dtype) continue;
    const expected = `an input of dtype ${parameter.value.dtype}, like ${parameter.name}`;
    throw new TypeError(complaint(name, expected, input.dtype, `use input.cast("${parameter.value.dtype}")`));
  }
  return { name, kernels: pass.kernels ?? basicKernels() };
}

const MODES: readonly Mode[] = ["train", "probe", "inference"];

/** Rejects a pass that is not an object, such as a mode alone. */
function refusePass(who: string, pass: unknown): never {
  const cure = `pass an object, as in { mode: "${nearestMode(pass) ?? "train"}" }`;
  throw new TypeError(complaint(who, "the pass to be an object", show(pass), cure));
}

function refuseMode(name: string, mode: unknown): never {
  const near = nearestMode(mode);
  const cure = near === undefined ? undefined : `use "${near}"`;
  throw new TypeError(complaint(name, 'mode to be "train" or "probe" or "inference"', show(mode), cure));
}

/** Returns the mode for a word of another library, such as "eval". */
function nearestMode(word: unknown): Mode | undefined {
  if (typeof word !== "string") return undefined;
  return /^(eval|test|pred)/i.test(word) ? "inference" : nearest(word, MODES);
}

const PASS_KEYS: readonly string[] = ["mode", "kernels", "rowWeights", "path", "observe", "defer"];

const accepted = new WeakSet<Kernels>();

/** Requires valid `observe` and `kernels`, if a pass has them, and no misspelled key. */
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

/** Rejects a key that resembles one of `PASS_KEYS`. Other keys are allowed, because custom containers may need them. */
function expectNoMisspelling(name: string, pass: Pass): void {
  for (const key in pass) {
    if (PASS_KEYS.includes(key)) continue;
    const near = nearest(key, PASS_KEYS);
    if (near !== undefined) {
      throw new TypeError(complaint(name, `a pass with ${PASS_KEYS.join(", ")}`, show(key), `did you mean ${near}?`));
    }
  }
}

/** Creates a `Backward` that computes its input gradient when it is first read, after the same checks. */
export type LazyBackward = (gradients: Gradients, computeGradInput: () => Tensor) => Backward;

/**
 * Returns the output with its backward pass, which is guarded: it runs only if the gradient has the shape and dtype of the
 * output, the parameters are unchanged since the forward pass, and the tensors in `reads` were not overwritten. This is the
 * last line of every `forward`.
 *
 * `reads` lists the tensors that `backward` will read: the input, the output, or both. Parameters need not be listed. The check
 * compares a sample of the values. It costs about a microsecond, and it misses writes that leave the sample unchanged.
 *
 * `backward` may return its input gradient, or use `lazily` if that gradient is expensive and not always read.
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
 * Returns a `Backward` that computes its input gradient once, when it is first read. `reads` is the gradient that this
 * computation will read, if any.
 */
export function lazyBackward(
  gradients: Gradients,
  computeGradInput: () => Tensor,
  reads: Tensor | undefined,
): Backward {
  return new BackwardWithLazyInput(gradients, computeGradInput, reads);
}

/** Returns the gradient that the input gradient will be computed from, if it has not been computed yet. */
export function stillRead(backward: Backward): Tensor | undefined {
  return backward instanceof BackwardWithLazyInput ? backward.stillRead : undefined;
}

/** A class, because V8 creates a hidden class for each object literal with a getter, which costs as much as a small layer. */
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

/** Applies a state change once the whole pass has succeeded: now, or when the container that runs this layer has finished. */
export function afterPass(pass: Pass, change: () => void): void {
  if (pass.defer === undefined) change();
  else pass.defer(change);
}
