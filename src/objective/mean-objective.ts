/** Mean objective: the mean of several objectives, for example of the losses on several batches. */

import type { DType } from "../core/dtype.js";
import { complaint, show } from "../core/errors.js";
import { Evaluator } from "./evaluate.js";
import type { Evaluation, Objective } from "./objective.js";

const WHO = "meanObjective";

/**
 * Returns the mean of objectives of the same point, for example of one model on several batches.
 *
 *     loss = (1/n) Σ loss_i      gradient = (1/n) Σ gradient_i
 *
 * The loss on a single batch has sharp directions that other batches do not share, so its largest eigenvalues depend on the
 * batch. The mean over several batches has fewer of them. In mode "probe", each batch is normalized with its own statistics, as
 * during training. This is a different function from the loss on one large batch.
 *
 * The mean has the `mode` of its objectives if they all have the same one, and dtype "float32" if any of them has.
 *
 * - **Numerics**: exact up to round-off: a sum in double precision, in the given order. Every objective has the same weight, so
 *   use batches of equal size
 * - **Cost**: one evaluation of each objective per evaluation. Every `modelObjective` holds a copy of its batch
 *
 * @throws {TypeError} if `objectives` is not an array of at least one function
 * @example
 * const [narrow, wide] = [9, 1].map((slope): Objective => ([x]) => ({
 *   loss: (slope * x! ** 2) / 2,
 *   gradient: Float64Array.of(slope * x!),
 * }));
 * const mean = meanObjective([narrow!, wide!]);
 * await mean(Float64Array.of(2)); // => { loss: 10, gradient: Float64Array [10] }
 */
export function meanObjective(objectives: readonly Objective[]): Objective {
  if (!Array.isArray(objectives) || objectives.length === 0) {
    throw new TypeError(complaint(WHO, "an array of at least 1 objective", show(objectives)));
  }
  const list = Array.from<Objective>(objectives);
  const each = list.map((objective, i) => {
    if (typeof objective === "function") return new Evaluator(WHO, objective, {}, 0);
    throw new TypeError(complaint(WHO, `objectives[${i}] to be a function of a point`, show(objective)));
  });
  const evaluate = async (point: Float64Array): Promise<Evaluation> => {
    let loss = 0;
    const gradient = new Float64Array(point.length);
    for (const evaluator of each) {
      const part = await evaluator.at(point);
      loss += part.loss / each.length;
      for (let i = 0; i < gradient.length; i++) gradient[i]! += part.gradient[i]! / each.length;
    }
    return { loss, gradient };
  };
  const lossOnly = async (point: Float64Array): Promise<number> => {
    let loss = 0;
    for (const evaluator of each) loss += (await evaluator.lossAt(point)) / each.length;
    return loss;
  };
  const dtype: DType = list.some((objective) => objective.dtype === "float32") ? "float32" : "float64";
  const { mode } = list[0]!;
  const shared = mode !== undefined && list.every((objective) => objective.mode === mode) ? { mode } : {};
  return Object.assign(evaluate, { lossOnly, dtype, ...shared });
}
