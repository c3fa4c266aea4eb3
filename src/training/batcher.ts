/** Batcher: a data set in mini-batches, epoch by epoch. */

import { complaint, expectCount, expectObject, expectOneOf, ShapeError, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Random, RandomState } from "../core/random.js";
import { expectTensor, isTensor, type Tensor } from "../core/tensor.js";

/** Options for `Batcher`. */
export interface BatcherOptions<Target extends Tensor | ArrayLike<number>> {
  /** All samples, one per row. */
  readonly input: Tensor;
  /** The targets, one per row: a Tensor, or labels. */
  readonly target: Target;
  /** Rows per batch; the last one of an epoch may have fewer. */
  readonly batchSize: number;
  /** Shuffles the rows anew for each epoch, from a stream forked from this one. Default: the rows keep their order. */
  readonly random?: Random | undefined;
  /**
   * What to do with an incomplete last batch: drop it (true), keep it (false), or drop it if it is a single row, which batch
   * norm cannot train on ("if-singleton"). Default: "if-singleton".
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
  /** The indices of these rows in the data set, to pick whatever belongs to them (row weights, names). */
  readonly rows: Uint32Array;
}

/** The type of some rows of a target: a Tensor for a Tensor, an array for labels. */
export type TargetRows<Target> = Target extends Tensor ? Tensor : number[];

/** The place of a `Batcher`: what it needs to continue, in the middle of an epoch too. Plain JSON. */
export interface BatcherState {
  /** How many batches of the current epoch have been handed out; 0 between two epochs. */
  readonly batch: number;
  /** The stream as it was before it shuffled the current epoch; null without one. */
  readonly random: RandomState | null;
}

/**
 * A data set in mini-batches: each loop over it is one epoch.
 *
 * The order of the rows comes from a stream of its own, forked from `random` by drawing a label: two Batchers created from one
 * stream shuffle differently.
 *
 * - **Shapes**: input [N, ...] · target [N, ...] or N labels · batches [batchSize, ...], the last one the rest of N
 * - **Cost**: one copy of the data set per epoch, batch by batch
 *
 * @throws {ShapeError} if input and target differ in rows
 * @throws {RangeError} if an epoch would have no batch
 * @example
 * const input = Tensor.from([[0], [1], [2], [3], [4]]);
 * const batcher = new Batcher({ input, target: [0, 1, 0, 1, 0], batchSize: 2, random: new Random(1) });
 * Array.from(batcher, ({ rows }) => rows.length);   // => [2, 2]
 */
export class Batcher<Target extends Tensor | ArrayLike<number>> implements Iterable<RowBatch<TargetRows<Target>>> {
  readonly batchSize: number;
  /** How many batches one epoch has. */
  readonly batchesPerEpoch: number;
  private readonly input: Tensor;
  private readonly target: Target;
  private readonly random: Random | undefined;
  /** The place in the epoch that handed out a batch last; undefined between two epochs. */
  private place: { readonly batch: number; readonly random: RandomState | null } | undefined;
  /** How many batches the next loop skips: those that were handed out before the state was taken. */
  private skipped = 0;

  /** Creates the Batcher of a data set, which is kept, not copied. */
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
      expectOneOf("Batcher", "dropLast", dropLast, ["if-singleton"], "or say true or false");
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
   * The place to continue from. A batch counts as done once it is handed out, so take the state after the step on it. After
   * `restore`, the next loop gives the rest of the interrupted epoch.
   */
  get state(): BatcherState {
    return this.place ?? { batch: this.skipped, random: this.random?.state ?? null };
  }

  /**
   * Moves to a saved place.
   *
   * @throws {TypeError | RangeError} if the state is not one of such a Batcher; nothing has changed then
   */
  restore(state: BatcherState): void {
    const { batch, random } = this.expectState(state);
    if (random !== null) this.random!.restore(random);
    this.place = undefined;
    this.skipped = batch;
  }

  /** Requires a state that `restore` can take, and returns a copy of it. */
  expectState(state: BatcherState): BatcherState {
    const who = "Batcher.restore";
    expectObject(who, "the state", state);
    const { batch, random } = state;
    expectCount(who, "batch", batch, 0);
    if (batch > this.batchesPerEpoch) {
      const expected = `a place within the ${this.batchesPerEpoch} batches of an epoch`;
      throw new RangeError(complaint(who, expected, show(batch), "use the data set and batchSize of the first run"));
    }
    if ((random === null) !== (this.random === undefined)) {
      const [expected, got] = random === null ? ["with", "without"] : ["without", "with"];
      throw new TypeError(complaint(who, `a state ${expected} a random stream`, `one ${got}`));
    }
    return { batch, random: random === null ? null : checkedState(this.random!, random) };
  }

  /** Returns the batches of one epoch. The order of its rows is drawn with the first batch. */
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

/** Returns a copy of a stream's state; requires one that the stream can take. */
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
