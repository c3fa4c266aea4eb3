/** foldBatchNorm: a model for inference whose batch norms have gone into the Dense beside them. */

import { complaint, expectObject, show } from "../core/errors.js";
import type { Kernels } from "../kernels/types.js";
import { BatchNorm } from "../layers/batch-norm.js";
import { BatchRenorm } from "../variants/batch-renorm.js";
import { GhostBatchNorm } from "../variants/ghost-batch-norm.js";
import type { Layer } from "../layers/contract.js";
import { Sequential } from "../layers/sequential.js";
import type { Tensor } from "../core/tensor.js";
import { affineOf, foldIntoFollowing, foldIntoPreceding } from "./folded-dense.js";
import { batchNormOf, expectModel, isDense, isOnLastAxis, normsByPath, observePlaces } from "./tree.js";

/** What `foldBatchNorm` takes beside model and input. */
export interface FoldBatchNormOptions {
  /** The kernel set that runs both models; the best there is when not said. */
  readonly kernels?: Kernels | undefined;
}

/** Where one batch norm went. All paths are those of the old model. */
export interface FoldedLayer {
  readonly path: string;
  /** The Dense that took it up. */
  readonly into: string;
  readonly side: "preceding" | "following";
}

/** What `foldBatchNorm` did. Plain JSON. */
export interface FoldReport {
  readonly tool: "foldBatchNorm";
  readonly folded: readonly FoldedLayer[];
  /** The batch norms that stay, and why. */
  readonly kept: readonly { readonly path: string; readonly reason: string }[];
  readonly rows: number;
  /** The largest difference between the outputs of the two models on the input: round-off, if all is well. */
  readonly largestDifference: number;
  /** The largest size of an output, to measure the difference by. */
  readonly largestOutput: number;
}

/** The new model, and what was done to get it. */
export interface FoldedModel {
  readonly model: Sequential;
  readonly report: FoldReport;
}

/**
 * Makes a model for inference in which batch norms have become part of the Dense in front of them, or else of the one behind.
 *
 *   s = gamma / sqrt(running variance + epsilon)      t = beta - s running mean
 *   s (xW + b) + t = x (W diag(s)) + (s b + t)        (s x + t) W + b = x (diag(s) W) + (t W + b)
 *
 * The old model stays as it is; layers that took up nothing stand in both. A batch norm stays where no Dense is directly
 * beside it: scale and shift do not pass through an activation. The report has the reason.
 *
 * Shapes    the new model takes inputs of as many axes as the one given
 * Modes     for inference: in training the new model has no statistics of the batch. The new parameters can be trained, as a
 *           Dense without batch norm
 * Numerics  folded in double precision, rounded once to the dtype
 * Cost      two forward passes; a copy of each Dense that takes something up
 * Source    Jacob et al. 2018, section 3.2 (arXiv:1712.05877)
 *
 * @throws {TypeError} if the model is no Sequential, or no batch norm in it can be folded; the message has the reasons
 * @throws {RangeError} if no batch was tracked, or an output is not finite
 * @example
 * const dense = new Dense({ inputs: 1, outputs: 1, initial: { weight: Tensor.from([[2]]), bias: Tensor.from([3]) } });
 * const norm = new BatchNorm({ features: 1, epsilon: 0 });
 * norm.runningMean.values[0] = 1;
 * norm.runningVariance.values[0] = 4;
 * norm.batchesTracked.values[0] = 1;
 * const { model, report } = foldBatchNorm(new Sequential([dense, norm]), Tensor.from([[5]]));
 * [...parametersByPath(model)].map(([path, { value }]) => [path, value.data[0]]);   // => [["0.weight", 1], ["0.bias", 1]]
 * report.largestDifference;   // => 0
 */
export function foldBatchNorm(model: Layer, input: Tensor, options: FoldBatchNormOptions = {}): FoldedModel {
  const who = "foldBatchNorm";
  expectModel(who, model, input);
  expectObject(who, "options", options);
  const { kernels } = options;
  if (!isSequential(model)) {
    throw new TypeError(complaint(who, "a Sequential", "another layer", "put the layers into one"));
  }
  const before = observePlaces(model, input, { mode: "inference", kernels });
  const ranks = new Map(before.places.map(({ path, input: entered }) => [path, entered.shape.length]));
  const row = rowOf(model, "");
  const folded = foldRow(row, ranks);
  const kept = [...normsByPath(model).keys()]
    .filter((path) => !folded.some((one) => one.path === path))
    .map((path) => ({ path, reason: reasonToKeep(row, path, ranks) }));
  if (folded.length === 0) {
    const got = kept.map(({ path, reason }) => `${show(path)}, but ${reason}`).join("; ");
    throw new TypeError(complaint(who, "a batch norm that can be folded", got === "" ? "no batch norm" : got));
  }
  const made = rebuild(model, row[Symbol.iterator]())!;
  const after = made.forward(input, { mode: "inference", kernels }).output;
  const report = { tool: who, folded, kept, rows: input.shape[0]!, ...largest(before.output, after) } as const;
  return { model: made, report };
}

/** A layer in the row that a model is when its Sequentials are taken apart. */
interface Slot {
  readonly path: string;
  /** Undefined once it has been folded. */
  layer: Layer | undefined;
}

// By its forward: one that inherits from Sequential and has another is none.
function isSequential(layer: Layer): layer is Sequential {
  return layer.forward === Sequential.prototype.forward;
}

/** The batch norm that a layer is in inference. */
function foldable({ layer }: Slot): BatchNorm | undefined {
  const kinds = [BatchNorm, GhostBatchNorm, BatchRenorm];
  if (layer === undefined || !kinds.some((kind) => layer.forward === kind.prototype.forward)) return undefined;
  const norm = batchNormOf(layer);
  return norm?.trackRunningStatistics ? norm : undefined;
}

function rowOf(model: Sequential, prefix: string): Slot[] {
  return [...model.children].flatMap(([name, layer]) => {
    const path = prefix + name;
    return isSequential(layer) ? rowOf(layer, `${path}.`) : [{ path, layer }];
  });
}

/** Folds until nothing can be folded any more: a batch norm may come to stand beside a Dense when another one is gone. */
function foldRow(row: readonly Slot[], ranks: ReadonlyMap<string, number>): FoldedLayer[] {
  const folded: FoldedLayer[] = [];
  for (let changed = true; changed;) {
    changed = false;
    for (const slot of row) {
      const norm = foldable(slot);
      if (norm === undefined || !isOnLastAxis(norm, ranks.get(slot.path)!)) continue;
      const { preceding, following } = neighbors(row, slot);
      for (const [side, beside] of Object.entries({ preceding, following }) as ["preceding" | "following", Slot][]) {
        if (!isDense(beside?.layer)) continue;
        const fold = side === "preceding" ? foldIntoPreceding : foldIntoFollowing;
        const dense = fold(beside.layer, affineOf(norm));
        if (dense === undefined) continue;
        beside.layer = dense;
        slot.layer = undefined;
        folded.push({ path: slot.path, into: beside.path, side });
        changed = true;
        break;
      }
    }
  }
  return folded;
}

/** The layers directly beside one, those that were folded left out. */
function neighbors(row: readonly Slot[], slot: Slot): { preceding: Slot | undefined; following: Slot | undefined } {
  const left = row.filter((other) => other === slot || other.layer !== undefined);
  const at = left.indexOf(slot);
  return { preceding: left[at - 1], following: left[at + 1] };
}

function reasonToKeep(row: readonly Slot[], path: string, ranks: ReadonlyMap<string, number>): string {
  const slot = row.find((one) => one.path === path);
  if (slot === undefined) return "it stands in a container other than a Sequential";
  const norm = batchNormOf(slot.layer!)!;
  if (!norm.trackRunningStatistics)
    return "it keeps no running statistics, so that every batch is normalized by its own";
  if (foldable(slot) === undefined) return "it is a layer of its own kind";
  if (!isOnLastAxis(norm, ranks.get(path)!))
    return `its features are on axis ${norm.axis}, and those of a Dense on the last`;
  const { preceding, following } = neighbors(row, slot);
  if (isDense(preceding?.layer) || isDense(following?.layer)) {
    return "a folded weight would not be finite";
  }
  const name = (beside: Slot | undefined): string => (beside === undefined ? "nothing" : show(beside.path));
  return `no Dense is directly beside it: in front is ${name(preceding)}, behind is ${name(following)}, and scale and shift do not pass through an activation`;
}

/** The model anew, from the slots that are left; undefined when none is. */
function rebuild(model: Sequential, slots: Iterator<Slot>): Sequential | undefined {
  const layers = [...model.children.values()].map((layer) =>
    isSequential(layer) ? rebuild(layer, slots) : (slots.next().value as Slot).layer,
  );
  const left = layers.filter((layer) => layer !== undefined);
  return left.length === 0 ? undefined : new Sequential(left);
}

function largest(before: Tensor, after: Tensor): { largestDifference: number; largestOutput: number } {
  let largestDifference = 0;
  let largestOutput = 0;
  for (let i = 0; i < before.size; i++) {
    const difference = Math.abs(after.data[i]! - before.data[i]!);
    if (!Number.isFinite(difference)) {
      const got = `${show(before.data[i])} and ${show(after.data[i])} at place ${i}`;
      throw new RangeError(
        complaint("foldBatchNorm", "finite outputs of both models", got, "inspect(model, input) says where they begin"),
      );
    }
    largestDifference = Math.max(largestDifference, difference);
    largestOutput = Math.max(largestOutput, Math.abs(before.data[i]!));
  }
  return { largestDifference, largestOutput };
}
