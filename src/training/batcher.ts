/** Batcher: a data set in batches, epoch by epoch. */

import { complaint, expectOneOf, ShapeError, show } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import type { Random } from "../core/random.js";
import { expectTensor, isTensor, type Tensor } from "../core/tensor.js";

/** Options for `Batcher`. */
export interface BatcherOptions<Target extends Tensor | ArrayLike<number>> {
  /** All samples, one a row. */
  readonly input: Tensor;
  /** What should come out, one a row: a Tensor, or labels. */
  readonly target: Target;
  /** Rows a batch; the last one of an epoch may have fewer. */
  readonly batchSize: number;
  /** Shuffles the rows anew for each epoch; they come in their own order when it is not given. */
  readonly random?: Random | undefined;
  /**
   * What becomes of a last batch that is not full: dropped (true), kept (false), or dropped if it is a single row, which
   * batch norm cannot train on ("if-singleton", the default).
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

/** Some rows of a data set: a copy. */
export interface RowBatch<Target> {
  readonly input: Tensor;
  readonly target: Target;
  /** Which rows of the data set these are, for whatever else goes with them (row weights, names). */
  readonly rows: Uint32Array;
}

/** Rows of a Tensor are a Tensor; rows of any list of labels are an array. */
export type TargetRows<Target> = Target extends Tensor ? Tensor : number[];

/**
 * A data set in batches: each loop over it is one epoch.
 *
 * - **Shapes**: input [N, ...] · target [N, ...] or N labels · batches [batchSize, ...], the last one the rest of N
 * - **Cost**: one copy of the data set an epoch, batch by batch
 *
 * @throws {ShapeError} if input and target differ in rows
 * @throws {RangeError} if no batch would be left
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

  /** Takes a data set, which is kept, not copied, and a stream that is its own from now on. */
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
      throw new RangeError(complaint("Batcher", "at least one batch an epoch", got, "use a smaller batchSize"));
    }
    this.batchSize = batchSize;
    this.input = input;
    this.target = target;
    this.random = random?.copy();
  }

  /** One epoch. The order of its rows is drawn when the first batch is asked for. */
  *[Symbol.iterator](): Generator<RowBatch<TargetRows<Target>>, void, undefined> {
    const count = this.input.shape[0]!;
    const order = this.random?.permutation(count) ?? Uint32Array.from({ length: count }, (_, row) => row);
    for (let batch = 0; batch < this.batchesPerEpoch; batch++) {
      const rows = order.slice(batch * this.batchSize, (batch + 1) * this.batchSize);
      yield { input: this.input.rows(rows), target: pick(this.target, rows), rows };
    }
  }
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
