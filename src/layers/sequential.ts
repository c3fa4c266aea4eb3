/** Sequential: a chain of layers. */

import { complaint, show } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import { arePrivate, PrivatePass, recycle } from "./private-tensors.js";
import { beginForward, lazyBackward } from "./forward.js";
import { addGradients } from "./gradients.js";
import { expectLayer } from "./guards.js";
import type { Forward, Layer, Pass } from "./contract.js";
import type { Parameter, RunningStatistic } from "./parameter.js";

/**
 * A model that feeds each layer's output to the next.
 *
 *     y = f_k(... f_2(f_1(x)))
 *
 * Its children are named "0", "1", ... and their parameters by path: "1.gamma" is the gamma of the second layer. A layer may
 * occur in it twice; its gradients are then summed, and its first path names it. `pass.observe` is called with the path, the
 * output and the input of every child. The input gradient of the first layer is computed only if it is read.
 *
 * - **Modes**: passes the mode on. If any layer throws, no running statistic and no random stream has changed
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
 * [...parametersByPath(model).keys()];   // => ["0.weight", "1.gamma", "1.beta", "3.weight", "3.bias"]
 */
export class Sequential implements Layer {
  readonly children: ReadonlyMap<string, Layer>;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  /** Chains layers, which are kept, not copied. */
  constructor(layers: readonly Layer[]) {
    if (!Array.isArray(layers) || layers.length === 0) {
      throw new TypeError(complaint("Sequential", "an array of at least one layer", show(layers)));
    }
    const list = Array.from<Layer>(layers); // also of an array that has lost its prototype
    for (const [index, layer] of list.entries()) expectLayer("Sequential", layer, ` at index ${index}`);
    this.children = new Map(list.map((layer, index) => [String(index), layer]));
    this.parameters = [...new Set(list.flatMap((layer) => layer.parameters))];
    this.statistics = [...new Set(list.flatMap((layer) => layer.statistics))];
  }

  /** Whether each child's output feeds the next: false for a subclass that overrides `forward`. */
  get isSequence(): boolean {
    return hasOwnForward(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    beginForward("Sequential", input, pass, []);
    // By name, since a pass may inherit its keys, or compute them.
    const { mode, kernels, rowWeights, observe } = pass;
    const changes: (() => void)[] = [];
    const defer = pass.defer ?? ((change: () => void): void => void changes.push(change));
    const forwards: Forward[] = [];
    const layers = [...this.children.values()];
    const isPrivate = layers.map((layer, i) => observe === undefined && arePrivate(layer, layers[i + 1]));
    const spares: ArrayBuffer[] = [];
    let output = input;
    for (const [name, layer] of this.children) {
      const path = pass.path === undefined ? name : `${pass.path}.${name}`;
      const entering = output;
      // Not { ...pass, path, defer }: V8 makes a hidden class for each such object, which costs more than a small layer.
      const inner = isPrivate[forwards.length]!
        ? new PrivatePass(pass, path, defer, spares)
        : Object.assign({}, pass, { mode, kernels, rowWeights, observe, path, defer });
      const forward = layer.forward(entering, inner);
      output = forward.output;
      observe?.(path, output, entering);
      forwards.push(forward);
    }
    // Nothing has thrown: now the changes of state are made.
    for (const change of changes) change();

    return {
      output,
      backward: (gradOutput) => {
        const gradients = new Map<Parameter, Tensor>();
        let entering = gradOutput;
        let backward = forwards.at(-1)!.backward(entering);
        addGradients(gradients, backward.gradients);
        for (let i = forwards.length - 2; i >= 0; i--) {
          const { gradInput } = backward;
          recycle(entering, gradInput);
          entering = gradInput;
          backward = forwards[i]!.backward(entering);
          addGradients(gradients, backward.gradients);
        }
        const first = backward;
        return lazyBackward(gradients, () => first.gradInput);
      },
    };
  }
}

/** Outside the class: bundlers rename a class that refers to itself, and logs would show that name. */
function hasOwnForward(layer: Sequential): boolean {
  return layer.forward === Sequential.prototype.forward;
}
