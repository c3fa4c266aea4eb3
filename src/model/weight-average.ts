/** WeightAverage: an exponential moving average of the parameters of a model. */

import { complaint, expectObject, ShapeError, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { printShape, sameShape } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import type { Layer } from "../layers/contract.js";
import type { Parameter } from "../layers/parameter.js";
import type { StateDict } from "./state.js";
import { parametersByPath } from "./tree.js";

/** Options for `WeightAverage`. */
export interface WeightAverageOptions {
  /** The fraction of the average that is kept at each update, in [0, 1). It averages over about 1 / (1 - decay) steps. */
  readonly decay: number;
}

const averageRules = {
  decay: { kind: "number", low: 0, high: 1, withoutHigh: true },
} as const satisfies OptionRules<WeightAverageOptions>;

/**
 * Keeps an exponential moving average (EMA) of the parameters of a model. It often generalizes better than the last weights.
 *
 *     average = decay average + (1 - decay) parameter      at each update, starting from the parameters at construction
 *
 * The running statistics of batch norm are not averaged, because they belong to the weights that computed them. After `apply`,
 * call `recalibrate` to compute those of the averaged weights.
 *
 * - **Numerics**: the average is kept in double precision. In float32, small updates would be lost
 * - **Cost**: one pass over the parameters per update; memory for one float64 array per parameter
 * - **Source**: Polyak & Juditsky 1992; Izmailov et al. 2018 (arXiv:1803.05407) for the recomputed statistics
 *
 * @throws {RangeError} if the decay is not in [0, 1)
 * @example
 * const model = new BatchNorm({ features: 1 });
 * const average = new WeightAverage(model, { decay: 0.75 });
 * model.gamma!.update((values) => values.fill(5)); // an optimizer's step
 * average.update();
 * average.apply();
 * model.gamma!.value.at(0);   // => 2
 */
export class WeightAverage {
  readonly decay: number;
  private readonly averages: ReadonlyMap<string, { readonly parameter: Parameter; readonly values: Float64Array }>;

  /** Starts from the current values of all parameters of a model. */
  constructor(model: Layer, options: WeightAverageOptions) {
    const parameters = parametersByPath(model);
    this.decay = readOptions("WeightAverage", options, averageRules).decay;
    this.averages = new Map(
      [...parameters].map(([path, parameter]) => [
        path,
        { parameter, values: Float64Array.from(parameter.value.data) },
      ]),
    );
  }

  /** Includes the current values of the parameters. Call it after each step of the optimizer. */
  update(): void {
    const { decay } = this;
    for (const { parameter, values } of this.averages.values()) {
      const { data } = parameter.value;
      for (let i = 0; i < values.length; i++) values[i] = decay * values[i]! + (1 - decay) * data[i]!;
    }
  }

  /**
   * The averages, rounded to the dtypes of the parameters. To evaluate with them and then continue training, run
   * `Parameter.holding(average.values, work)`.
   */
  get values(): ReadonlyMap<Parameter, Tensor> {
    return new Map(
      [...this.averages.values()].map(({ parameter, values }) => {
        const { shape, dtype } = parameter.value;
        return [parameter, new Tensor(values.slice(), shape).cast(dtype)];
      }),
    );
  }

  /** Writes the averages to the parameters of the model. */
  apply(): void {
    for (const { parameter, values } of this.averages.values()) parameter.update((own) => own.set(values));
  }

  /** The averages by path, as plain JSON. Save it with the checkpoint of a run that is to be resumed. */
  get state(): StateDict {
    const entries = [...this.averages].map(([path, { parameter, values }]) => {
      return [path, { shape: [...parameter.value.shape], dtype: "float64", values: Array.from(values) }] as const;
    });
    return Object.fromEntries(entries);
  }

  /**
   * Restores a saved `state`. If it throws, nothing has changed.
   *
   * @throws {TypeError} if the state does not have exactly one entry per parameter, or a value is not a number
   * @throws {ShapeError} if the shape of an entry differs from that of its parameter
   */
  restore(state: StateDict): void {
    const who = "WeightAverage.restore";
    expectObject(who, "the state", state);
    const unknown = Object.keys(state).find((path) => !this.averages.has(path));
    if (unknown !== undefined) throw new TypeError(complaint(who, "the parameters of the model", show(unknown)));
    const writes = [...this.averages].map(([path, { parameter, values }]) => {
      const name = `${who}: ${show(path)}`;
      if (!Object.hasOwn(state, path)) throw new TypeError(complaint(name, "an entry", "none"));
      const { shape, values: saved } = state[path] ?? { shape: undefined, values: undefined };
      if (!Array.isArray(shape) || !Array.isArray(saved)) {
        throw new TypeError(complaint(name, "an entry of shape and values", show(state[path])));
      }
      const own = parameter.value.shape;
      if (!sameShape(shape as number[], own) || saved.length !== values.length) {
        const got = `${printShape(shape as number[])} with ${saved.length} values`;
        throw new ShapeError(complaint(name, `shape ${printShape(own)}`, got));
      }
      const copy = Array.from(saved as readonly unknown[]);
      const wrong = copy.findIndex((value) => typeof value !== "number");
      if (wrong >= 0) throw new TypeError(complaint(name, "numbers", `${show(copy[wrong])} at index ${wrong}`));
      return () => values.set(copy as number[]);
    });
    for (const write of writes) write();
  }
}
