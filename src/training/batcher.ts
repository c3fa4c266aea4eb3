/** Batcher: splits a data set into mini-batches, epoch by epoch. */

import { complaint, expectCount, expectObject, expectOneOf, ShapeError, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Random, RandomState } from "../core/random.js";
import { expectTensor, isTensor, type Tensor } from "../core/tensor.js";

/** Options for `Batcher`. */
export interface BatcherOptions<Target extends Tensor | ArrayLike<number>> {
  /** All samples, one per row. */
  readonly input: Tensor;
  /** The targets, one per row, as a Tensor or as labels. */
  readonly target: Target;
  /** Rows per batch. The last batch of an epoch may have fewer. */
  readonly batchSize: number;
  /** Shuffles the rows at each epoch, with a stream forked from this one. Default: the rows keep their order. */
  readonly random?: Random | undefined;
  /**
   * Whether to drop an incomplete last batch. "if-singleton" drops it only if it is a single row, on which batch norm cannot
   * train. Default: "if-singleton".
   */
  readonly dropLast?: boolean | "if-singleton" | undefined;
}

const batcherRules = {
  input: { kind: "any" },
  target: { kind: "any" },
  batchSize: { kind: "count" },
  random: { kind: "random", optional: true },
  dropLast: { kind: "any", default: "if-singleton" },
} as const satisfies OptionRules<BatcherOptions<Tensor | ArrayLike<number>>>;

/** A mini-batch: a copy of some rows of a data set. */
export interface RowBatch<Target> {
  readonly input: Tensor;
  readonly target: Target;
  /** The indices of these rows in the data set, for example to select their row weights or names. */
  readonly rows: Uint32Array;
}

/** The type of a batch's targets: a Tensor if the target is one, an array for labels. */
export type TargetRows<Target> = Target extends Tensor ? Tensor : number[];

/** The position of a `Batcher`, from which it can continue even in the middle of an epoch. Plain JSON. */
export interface BatcherState {
  /** The number of batches of the current epoch that have been yielded; 0 between epochs. */
  readonly batch: number;
  /** The state of the random stream before the current epoch was shuffled; null without a stream. */
  readonly random: RandomState | null;
}

/**
 * Splits a data set into mini-batches. Each loop over it is one epoch.
 *
 * Each Batcher forks its own stream from `random` with a random label. Two Batchers created from the same stream therefore shuffle
 * differently.
 *
 * - **Shapes**: input [N, ...] · target [N, ...] or N labels · batches [batchSize, ...], the last one possibly shorter
 * - **Cost**: one copy of the data set per epoch, batch by batch
 *
 * @throws {ShapeError} if input and target have different numbers of rows
 * @throws {RangeError} if an epoch would have no batch
 * @example
 * const input = Tensor.from([[0], [1], [2], [3], [4]]);
 * const batcher = new Batcher({ input, target: [0, 1, 0, 1, 0], batchSize: 2, random: new Random(1) });
 * Array.from(batcher, ({ rows }) => rows.length);   // => [2, 2]
 */
export class Batcher<Target extends Tensor | ArrayLike<number>> implements Iterable<RowBatch<TargetRows<Target>>> {
  readonly batchSize: number;
  /** The number of batches per epoch. */
  readonly batchesPerEpoch: number;
  private readonly input: Tensor;
  private readonly target: Target;
  private readonly random: Random | undefined;
  /** The position after the last batch that was yielded; undefined between epochs. */
  private place: { readonly batch: number; readonly random: RandomState | null } | undefined;
  /** The number of batches that the next loop skips, because they were yielded before the state was saved. */
  private skipped = 0;

  /** Creates a Batcher that keeps a reference to the data set. */
  constructor(options: BatcherOptions<Target>) {
    const { input, target, batchSize, random, dropLast } = readOptions("Batcher", options, batcherRules);
    expectTensor("Batcher", "input", input);
    const rows = input.shape[0];
    if (rows === undefined) throw new ShapeError(complaint("Batcher", "an input with rows", "shape []"));
    const targets = rowsOf(target);
    if (targets !== rows) {
      throw new ShapeError(complaint("Batcher", `a target for each of the ${rows} rows of the input`, `${targets}`));
    }
    if (typeof dropLast !== "boolean")
      expectOneOf("Batcher", "dropLast", dropLast, ["if-singleton"], "or use true or false");
    const rest = rows % batchSize;
    const keepsRest = rest > 0 && (dropLast === false || (dropLast === "if-singleton" && rest > 1));
    this.batchesPerEpoch = Math.floor(rows / batchSize) + (keepsRest ? 1 : 0);
    if (this.batchesPerEpoch === 0) {
      const got = `${rows} rows, batchSize ${batchSize} and dropLast ${show(dropLast)}`;
      throw new RangeError(complaint("Batcher", "at least one batch per epoch", got, "use a smaller batchSize"));
    }
    this.batchSize = batchSize;
    this.input = input;
    this.target = target;
    this.random = random?.fork(`batcher ${random.integer(2 ** 32)}`);
  }

  /**
   * The position to continue from. A batch counts as done once it has been yielded, so read the state after the training step.
   * After `restore`, the next loop yields the rest of the interrupted epoch.
   */
  get state(): BatcherState {
    return this.place ?? { batch: this.skipped, random: this.random?.state ?? null };
  }

  /**
   * Continues from a saved position. If it throws, nothing has changed.
   *
   * @throws {TypeError | RangeError} if the state does not belong to a Batcher like this one
   */
  restore(state: BatcherState): void {
    const { batch, random } = this.expectState(state);
    if (random !== null) this.random!.restore(random);
    this.place = undefined;
    this.skipped = batch;
  }

  /** Requires a state that `restore` accepts, and returns a copy of it. */
  expectState(state: BatcherState): BatcherState {
    const who = "Batcher.restore";
    expectObject(who, "the state", state);
    const { batch, random } = state;
    expectCount(who, "batch", batch, 0);
    if (batch > this.batchesPerEpoch) {
      const expected = `a position within the ${this.batchesPerEpoch} batches of an epoch`;
      throw new RangeError(complaint(who, expected, show(batch), "use the data set and batchSize of the first run"));
    }
    if ((random === null) !== (this.random === undefined)) {
      const [expected, got] = random === null ? ["with", "without"] : ["without", "with"];
      throw new TypeError(complaint(who, `a state ${expected} a random stream`, `one ${got}`));
    }
    return { batch, random: random === null ? null : checkedState(this.random!, random) };
  }

  /** Yields the batches of one epoch. The rows are shuffled when the first batch is requested. */
  *[Symbol.iterator](): Generator<RowBatch<TargetRows<Target>>, void, undefined> {
    const count = this.input.shape[0]!;
    const before = this.random?.state ?? null;
    const order = this.random?.permutation(count) ?? Uint32Array.from({ length: count }, (_, row) => row);
    const first = this.skipped;
    this.skipped = 0;
    for (let batch = first; batch < this.batchesPerEpoch; batch++) {
      this.place = { batch: batch + 1, random: before };
      const rows = order.slice(batch * this.batchSize, (batch + 1) * this.batchSize);
      yield { input: this.input.rows(rows), target: pick(this.target, rows), rows };
    }
    this.place = undefined;
  }
}

/** Requires a valid state of a random stream, and returns a copy of it. */
function checkedState(random: Random, state: RandomState): RandomState {
  const copy = random.copy();
  copy.restore(state);
  return copy.state;
}

function rowsOf(target: Tensor | ArrayLike<number>): number | undefined {
  if (isTensor(target)) return target.shape[0];
  if (typeof target === "object" && target !== null && typeof target.length === "number") return target.length;
  throw new TypeError(complaint("Batcher", "target to be a Tensor or labels", show(target)));
}

function pick<Target extends Tensor | ArrayLike<number>>(target: Target, rows: Uint32Array): TargetRows<Target> {
  const picked = isTensor(target) ? target.rows(rows) : Array.from(rows, (row) => target[row]!);
  return picked as TargetRows<Target>;
}
