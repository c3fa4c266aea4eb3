/** Sequential: layers in a row. */

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
 * stand in it twice; its gradients are then summed, and it keeps its first path. `pass.observe` is told the output of
 * every child, and its input. The input gradient of the first layer is not computed unless somebody reads it.
 *
 * - **Modes**: passes the mode on. A forward that throws, at whichever layer, has changed no running statistic and no stream
 *
 * @throws {TypeError} if there is no layer, or something that is none
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

  /** Puts layers in a row; they are kept, not copied. */
  constructor(layers: readonly Layer[]) {
    if (!Array.isArray(layers) || layers.length === 0) {
      throw new TypeError(complaint("Sequential", "an array of at least one layer", show(layers)));
    }
    for (const [index, layer] of layers.entries()) {
      expectLayer("Sequential", layer, ` at place ${index}`);
    }
    this.children = new Map(layers.map((layer: Layer, index) => [String(index), layer]));
    this.parameters = [...new Set(layers.flatMap((layer: Layer) => layer.parameters))];
    this.statistics = [...new Set(layers.flatMap((layer: Layer) => layer.statistics))];
  }

  /** Whether each child's output feeds the next: false in a class that inherits from this one and has another forward. */
  get isSequence(): boolean {
    return hasOwnForward(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    beginForward("Sequential", input, pass, []);
    const changes: (() => void)[] = [];
    const defer = pass.defer ?? ((change: () => void): void => void changes.push(change));
    const forwards: Forward[] = [];
    const layers = [...this.children.values()];
    const isPrivate = layers.map((layer, i) => pass.observe === undefined && arePrivate(layer, layers[i + 1]));
    const spares: ArrayBuffer[] = [];
    let output = input;
    for (const [name, layer] of this.children) {
      const path = pass.path === undefined ? name : `${pass.path}.${name}`;
      const entering = output;
      // Not { ...pass, path, defer }: V8 makes a hidden class for each such object, which costs more than a small layer.
      const inner = isPrivate[forwards.length]!
        ? new PrivatePass(pass, path, defer, spares)
        : Object.assign({}, pass, { path, defer });
      const forward = layer.forward(entering, inner);
      output = forward.output;
      pass.observe?.(path, output, entering);
      forwards.push(forward);
    }
    // Nothing has thrown: now the running statistics may move.
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

/** Not in the class: esbuild renames a class that names itself, and its name is what logs show. */
function hasOwnForward(layer: Sequential): boolean {
  return layer.forward === Sequential.prototype.forward;
}
