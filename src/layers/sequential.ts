/** Sequential: a chain of layers. */

import { complaint, show } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import { ContainerRun } from "./container-run.js";
import { lazyBackward, stillRead } from "./forward.js";
import { addGradients } from "./gradients.js";
import { expectLayer } from "./guards.js";
import type { Forward, Layer, Pass } from "./contract.js";
import type { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { giveBack, isOwn, registerOwn } from "./private-memory.js";

/**
 * A model that feeds each layer's output to the next.
 *
 *     y = f_k(... f_2(f_1(x)))
 *
 * Its children are named "0", "1", ... and their parameters by path: "1.gamma" is the gamma of the second layer. A layer may
 * occur more than once. Its gradients are then summed, and its first path is used. `pass.observe` is called with the path, the
 * output and the input of every child. The input gradient of the first layer is computed only if it is read. `backward` may be
 * called only once per forward pass, because it frees the memory of the tensors between the layers.
 *
 * - **Modes**: passes the mode on to every layer. If any layer throws, running statistics and random streams are unchanged
 *
 * @throws {TypeError} if the list is empty or an element is not a layer
 * @example
 * const random = new Random(1);
 * const model = new Sequential([
 *   new Dense({ inputs: 2, outputs: 8, bias: false, initial: "he", random }),
 *   new BatchNorm({ features: 8 }),
 *   new ReLU(),
 *   new Dense({ inputs: 8, outputs: 2, random }),
 * ]);
 * model.layers[1].runningMean.values.length;   // => 8
 * [...parametersByPath(model).keys()];   // => ["0.weight", "1.gamma", "1.beta", "3.weight", "3.bias"]
 */
export class Sequential<const Layers extends readonly Layer[] = readonly Layer[]> implements Layer {
  /** The layers in order, each with its own type: `model.layers[1].runningMean` needs no cast if the second is a `BatchNorm`. */
  readonly layers: Layers;
  readonly children: ReadonlyMap<string, Layer>;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  /** Chains layers without copying them. */
  constructor(layers: Layers) {
    if (!Array.isArray(layers) || layers.length === 0) {
      throw new TypeError(complaint("Sequential", "an array of at least one layer", show(layers)));
    }
    const list = Array.from<Layer>(layers); // also works for an array that has lost its prototype
    for (const [index, layer] of list.entries()) expectLayer("Sequential", layer, ` at index ${index}`);
    this.layers = Object.freeze(list) as unknown as Layers;
    this.children = new Map(list.map((layer, index) => [String(index), layer]));
    this.parameters = [...new Set(list.flatMap((layer) => layer.parameters))];
    this.statistics = [...new Set(list.flatMap((layer) => layer.statistics))];
    registerOwn(this);
  }

  /** Whether each child's output feeds the next: false for a subclass that overrides `forward`. */
  get isSequence(): boolean {
    return hasOwnForward(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const run = new ContainerRun("Sequential", input, pass);
    const children = [...this.children];
    const forwards: Forward[] = [];
    const chain = (): Tensor => {
      let output = input;
      for (const [i, [name, layer]] of children.entries()) {
        const entering = output;
        const next = children[i + 1]?.[1];
        const between = next !== undefined && isOwn(next) ? "private" : "public";
        const forward = run.child(name, layer, entering, next === undefined ? run.destination : between);
        output = forward.output;
        if (run.keeps) forwards.push(forward);
        else giveBack(entering, output);
      }
      return output;
    };
    return run.complete(chain, (gradOutput, begin) => {
      let current = forwards.at(-1)!.backward(gradOutput);
      begin();
      const gradients = new Map<Parameter, Tensor>();
      addGradients(gradients, current.gradients);
      let entering = gradOutput;
      for (let i = forwards.length - 2; i >= 0; i--) {
        const { gradInput } = current;
        giveBack(entering, gradInput);
        giveBack(forwards[i + 1]!.output, undefined);
        entering = gradInput;
        current = forwards[i]!.backward(entering);
        addGradients(gradients, current.gradients);
      }
      const first = current;
      return lazyBackward(gradients, () => first.gradInput, stillRead(first));
    });
  }

  /** Returns the output in mode "inference", written to `options.into` if given. Stores nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/** Defined outside the class, because bundlers rename a class that refers to itself, and logs would show the new name. */
function hasOwnForward(layer: Sequential): boolean {
  return layer.forward === Sequential.prototype.forward;
}
