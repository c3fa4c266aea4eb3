/** Activations, part by part: each is computed in place in the memory. */

import { expectElementwise, expectElementwiseBackward, expectSlope } from "../checks.js";
import type { ElementwiseArguments, ElementwiseBackwardArguments, Kernels } from "../types.js";
import type { Wasm } from "./instance.js";
import type { Routines } from "./module.js";
import { forEachPart } from "./pieces.js";

type ForwardRoutine = (routines: Routines, x: number, length: number) => void;
type BackwardRoutine = (routines: Routines, y: number, dy: number, length: number) => void;

/** The activations of the WebAssembly kernel set. */
export function elementwiseKernels(
  wasm: Wasm,
): Pick<
  Kernels,
  "relu" | "reluBackward" | "leakyRelu" | "leakyReluBackward" | "sigmoid" | "sigmoidBackward" | "tanh" | "tanhBackward"
> {
  return {
    relu(args) {
      expectElementwise("relu", args);
      forwardInParts(wasm, args, (routines, x, length) => {
        routines.relu(x, length);
      });
    },
    reluBackward(args) {
      expectElementwiseBackward("reluBackward", args);
      backwardInParts(wasm, args, (routines, y, dy, length) => {
        routines.reluBackward(y, dy, length);
      });
    },
    leakyRelu(args) {
      expectElementwise("leakyRelu", args);
      expectSlope("leakyRelu", args.slope);
      forwardInParts(wasm, args, (routines, x, length) => {
        routines.leakyRelu(x, length, args.slope);
      });
    },
    leakyReluBackward(args) {
      expectElementwiseBackward("leakyReluBackward", args);
      expectSlope("leakyReluBackward", args.slope);
      backwardInParts(wasm, args, (routines, y, dy, length) => {
        routines.leakyReluBackward(y, dy, length, args.slope);
      });
    },
    sigmoid(args) {
      expectElementwise("sigmoid", args);
      forwardInParts(wasm, args, (routines, x, length) => {
        routines.sigmoid(x, length);
      });
    },
    sigmoidBackward(args) {
      expectElementwiseBackward("sigmoidBackward", args);
      backwardInParts(wasm, args, (routines, y, dy, length) => {
        routines.sigmoidBackward(y, dy, length);
      });
    },
    tanh(args) {
      expectElementwise("tanh", args);
      forwardInParts(wasm, args, (routines, x, length) => {
        routines.tanh(x, length);
      });
    },
    tanhBackward(args) {
      expectElementwiseBackward("tanhBackward", args);
      backwardInParts(wasm, args, (routines, y, dy, length) => {
        routines.tanhBackward(y, dy, length);
      });
    },
  };
}

function forwardInParts({ memory, routinesFor }: Wasm, { x, y }: ElementwiseArguments, compute: ForwardRoutine): void {
  const routines = routinesFor(x);
  forEachPart(x.length, (from, to) => {
    memory.reset();
    const at = memory.loadPart(x, from, to);
    compute(routines, at, to - from);
    memory.store(at, y, from, to);
  });
}

function backwardInParts(
  { memory, routinesFor }: Wasm,
  { y, dy, dx }: ElementwiseBackwardArguments,
  compute: BackwardRoutine,
): void {
  const routines = routinesFor(y);
  forEachPart(y.length, (from, to) => {
    memory.reset();
    const atY = memory.loadPart(y, from, to);
    const atDy = memory.loadPart(dy, from, to);
    compute(routines, atY, atDy, to - from);
    memory.store(atDy, dx, from, to);
  });
}
