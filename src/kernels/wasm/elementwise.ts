/** Activations, part by part. */

import { expectElementwise, expectElementwiseBackward, expectSlope } from "../checks.js";
import type { ElementwiseArguments, ElementwiseBackwardArguments, Kernels } from "../types.js";
import type { Wasm } from "./instance.js";
import type { Routines } from "./module.js";
import { forEachPart } from "./pieces.js";

type ForwardRoutine = (routines: Routines, x: number, y: number, length: number) => void;
type BackwardRoutine = (routines: Routines, y: number, dy: number, dx: number, length: number) => void;

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
      forwardInParts(wasm, args, (routines, x, y, length) => {
        routines.relu(x, y, length);
      });
    },
    reluBackward(args) {
      expectElementwiseBackward("reluBackward", args);
      backwardInParts(wasm, args, (routines, y, dy, dx, length) => {
        routines.reluBackward(y, dy, dx, length);
      });
    },
    leakyRelu(args) {
      expectElementwise("leakyRelu", args);
      expectSlope("leakyRelu", args.slope);
      forwardInParts(wasm, args, (routines, x, y, length) => {
        routines.leakyRelu(x, y, length, args.slope);
      });
    },
    leakyReluBackward(args) {
      expectElementwiseBackward("leakyReluBackward", args);
      expectSlope("leakyReluBackward", args.slope);
      backwardInParts(wasm, args, (routines, y, dy, dx, length) => {
        routines.leakyReluBackward(y, dy, dx, length, args.slope);
      });
    },
    sigmoid(args) {
      expectElementwise("sigmoid", args);
      forwardInParts(wasm, args, (routines, x, y, length) => {
        routines.sigmoid(x, y, length);
      });
    },
    sigmoidBackward(args) {
      expectElementwiseBackward("sigmoidBackward", args);
      backwardInParts(wasm, args, (routines, y, dy, dx, length) => {
        routines.sigmoidBackward(y, dy, dx, length);
      });
    },
    tanh(args) {
      expectElementwise("tanh", args);
      forwardInParts(wasm, args, (routines, x, y, length) => {
        routines.tanh(x, y, length);
      });
    },
    tanhBackward(args) {
      expectElementwiseBackward("tanhBackward", args);
      backwardInParts(wasm, args, (routines, y, dy, dx, length) => {
        routines.tanhBackward(y, dy, dx, length);
      });
    },
  };
}

function forwardInParts({ memory, routinesFor }: Wasm, { x, y }: ElementwiseArguments, compute: ForwardRoutine): void {
  const routines = routinesFor(x);
  forEachPart(x.length, (from, to) => {
    memory.reset();
    const atX = memory.loadPart(x, from, to);
    const atY = memory.outputPart(y, from, to, atX);
    compute(routines, atX, atY, to - from);
    memory.store(atY, y, from, to);
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
    const atDx = memory.outputPart(dx, from, to, atDy);
    compute(routines, atY, atDy, atDx, to - from);
    memory.store(atDx, dx, from, to);
  });
}
