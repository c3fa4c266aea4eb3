/** Optimizer steps, part by part. */

import { expectAdam, expectSGD } from "../checks.js";
import type { Kernels } from "../types.js";
import type { Wasm } from "./instance.js";
import { forEachPart } from "./pieces.js";

/** The optimizers of the WebAssembly kernel set. */
export function optimizerKernels({ memory, routinesFor }: Wasm): Pick<Kernels, "sgd" | "adam"> {
  return {
    sgd(args) {
      expectSGD("sgd", args);
      const { values, gradient, velocity, learningRate, momentum, nesterov, weightDecay } = args;
      const routines = routinesFor(values);
      forEachPart(values.length, (from, to) => {
        memory.reset();
        const v = memory.loadPart(values, from, to);
        const g = memory.loadPart(gradient, from, to);
        const u = velocity === undefined ? 0 : memory.loadPart(velocity, from, to);
        routines.sgd(v, g, u, to - from, learningRate, momentum, nesterov, weightDecay);
        memory.store(v, values, from, to);
        if (velocity !== undefined) memory.store(u, velocity, from, to);
      });
    },
    adam(args) {
      expectAdam("adam", args);
      const { values, gradient, firstMoment, secondMoment, learningRate, beta1, beta2, correction1, correction2 } =
        args;
      const { epsilon, weightDecay, decoupled } = args;
      const keep = decoupled ? 1 - learningRate * weightDecay : 1;
      const added = decoupled ? 0 : weightDecay;
      const rate = learningRate / correction1;
      const routines = routinesFor(values);
      forEachPart(values.length, (from, to) => {
        memory.reset();
        const x = memory.loadPart(values, from, to);
        const g = memory.loadPart(gradient, from, to);
        const m = memory.loadPart(firstMoment, from, to);
        const v = memory.loadPart(secondMoment, from, to);
        const length = to - from;
        const scale = 1 / correction2;
        routines.adam(x, g, m, v, length, beta1, 1 - beta1, beta2, 1 - beta2, rate, scale, epsilon, added, keep);
        memory.store(x, values, from, to);
        memory.store(m, firstMoment, from, to);
        memory.store(v, secondMoment, from, to);
      });
    },
  };
}
