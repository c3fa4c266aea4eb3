/** Activations, part by part: each is computed in place in the memory. */

import { expectElementwise, expectElementwiseBackward, expectSlope } from "../checks.js";
import type { ElementwiseArguments, ElementwiseBackwardArguments, Kernels } from "../types.js";
import type { Wasm } from "./instance.js";
import type { Routines } from "./module.js";
import { forEachPart } from "./pieces.js";

type Forward = (routines: Routines, x: number, length: number) => void;
type Backward = (routines: Routines, y: number, dy: number, length: number) => void;

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
      forward(wasm, args, (routines, x, length) => {
        routines.relu(x, length);
      });
    },
    reluBackward(args) {
      expectElementwiseBackward("reluBackward", args);
      backward(wasm, args, (routines, y, dy, length) => {
        routines.reluBackward(y, dy, length);
      });
    },
    leakyRelu(args) {
      expectElementwise("leakyRelu", args);
      expectSlope("leakyRelu", args.slope);
      forward(wasm, args, (routines, x, length) => {
        routines.leakyRelu(x, length, args.slope);
      });
    },
    leakyReluBackward(args) {
      expectElementwiseBackward("leakyReluBackward", args);
      expectSlope("leakyReluBackward", args.slope);
      backward(wasm, args, (routines, y, dy, length) => {
        routines.leakyReluBackward(y, dy, length, args.slope);
      });
    },
    sigmoid(args) {
      expectElementwise("sigmoid", args);
      forward(wasm, args, (routines, x, length) => {
        routines.sigmoid(x, length);
      });
    },
    sigmoidBackward(args) {
      expectElementwiseBackward("sigmoidBackward", args);
      backward(wasm, args, (routines, y, dy, length) => {
        routines.sigmoidBackward(y, dy, length);
      });
    },
    tanh(args) {
      expectElementwise("tanh", args);
      forward(wasm, args, (routines, x, length) => {
        routines.tanh(x, length);
      });
    },
    tanhBackward(args) {
      expectElementwiseBackward("tanhBackward", args);
      backward(wasm, args, (routines, y, dy, length) => {
        routines.tanhBackward(y, dy, length);
      });
    },
  };
}

function forward({ memory, of }: Wasm, { x, y }: ElementwiseArguments, compute: Forward): void {
  const routines = of(x);
  forEachPart(x.length, (from, to) => {
    memory.reset();
    const at = memory.loadPart(x, from, to);
    compute(routines, at, to - from);
    memory.store(at, y, from, to);
  });
}

function backward({ memory, of }: Wasm, { y, dy, dx }: ElementwiseBackwardArguments, compute: Backward): void {
  const routines = of(y);
  forEachPart(y.length, (from, to) => {
    memory.reset();
    const atY = memory.loadPart(y, from, to);
    const atDy = memory.loadPart(dy, from, to);
    compute(routines, atY, atDy, to - from);
    memory.store(atDy, dx, from, to);
  });
}
