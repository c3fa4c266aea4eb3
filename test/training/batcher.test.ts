/** Batcher: every row once an epoch, in an order that the seed decides, and no batch that batch norm cannot train on. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Batcher, type BatcherOptions, type BatcherState, BatchNorm, Random, Tensor } from "batchnorm";
import { expectRefusal } from "../support/refusal.js";

/** Rows 0, 1, 2, ... whose values say which row they are: row n is [n, 10 n]. */
function numbered(rows: number): Tensor {
  return Tensor.from(Array.from({ length: rows }, (_, row) => [row, 10 * row]));
}

function rowsOf(batcher: Batcher<number[]>): number[][] {
  return Array.from(batcher, ({ rows }) => [...rows]);
}

function make(rows: number, options: Omit<BatcherOptions<number[]>, "input" | "target">): Batcher<number[]> {
  return new Batcher({ input: numbered(rows), target: Array.from({ length: rows }, (_, row) => -row), ...options });
}

describe("the batches of an epoch", () => {
  it("come in the order of the rows without a stream", () => {
    expect(rowsOf(make(7, { batchSize: 3, dropLast: false }))).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  });

  it.each([
    // rows, batch size, sizes with true, false, "if-singleton"
    [6, 3, [3, 3], [3, 3], [3, 3]],
    [7, 3, [3, 3], [3, 3, 1], [3, 3]],
    [8, 3, [3, 3], [3, 3, 2], [3, 3, 2]],
    [3, 1, [1, 1, 1], [1, 1, 1], [1, 1, 1]],
  ])("of %i rows by %i", (rows, batchSize, dropped, kept, ifSingleton) => {
    const random = new Random(1);
    for (const [dropLast, sizes] of [
      [true, dropped],
      [false, kept],
      ["if-singleton", ifSingleton],
      [undefined, ifSingleton],
    ] as const) {
      const batcher = make(rows, { batchSize, random, dropLast });
      expect(rowsOf(batcher).map((batch) => batch.length)).toEqual(sizes);
      expect(batcher.batchesPerEpoch).toBe(sizes.length);
    }
  });

  it("hold their rows of input and target", () => {
    const target = Tensor.from([[0], [1], [2], [3], [4]], { dtype: "float64" });
    const batcher = new Batcher({ input: numbered(5), target, batchSize: 2, random: new Random(2), dropLast: false });
    for (const batch of batcher) {
      expect(batch.input.toNested()).toEqual(Array.from(batch.rows, (row) => [row, 10 * row]));
      expect(batch.target.toNested()).toEqual(Array.from(batch.rows, (row) => [row]));
      expect(batch.target.dtype).toBe("float64");
    }
    for (const { rows, target: labels } of make(5, { batchSize: 2 }))
      expect(labels).toEqual(Array.from(rows, (row) => -row));
    const typed = new Batcher({ input: numbered(4), target: Int32Array.of(5, 6, 7, 8), batchSize: 4 });
    expect(Array.from(typed, (batch) => batch.target)).toEqual([[5, 6, 7, 8]]);
  });

  it("are copies", () => {
    const input = numbered(4);
    for (const batch of new Batcher({ input, target: [0, 0, 0, 0], batchSize: 2 })) batch.input.data.fill(9);
    expect(input.toNested()).toEqual(numbered(4).toNested());
  });

  it("can all be trained on, however many rows there are", () => {
    for (let rows = 2; rows < 12; rows++) {
      const norm = new BatchNorm({ features: 2 });
      const batcher = make(rows, { batchSize: 5, random: new Random(rows) });
      for (const { input } of batcher) norm.forward(input, { mode: "train" });
      expect(norm.batchesTracked.values[0]).toBe(batcher.batchesPerEpoch);
    }
  });
});

describe("shuffling", () => {
  it("gives every row once, whatever the sizes", () => {
    const sizes = fc.record({
      rows: fc.integer({ min: 1, max: 60 }),
      batchSize: fc.integer({ min: 1, max: 20 }),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(sizes, ({ rows, batchSize, seed }) => {
        const batches = rowsOf(make(rows, { batchSize, random: new Random(seed), dropLast: false }));
        const all = batches.flat().sort((a, b) => a - b);
        expect(all).toEqual(Array.from({ length: rows }, (_, row) => row));
        expect(batches.slice(0, -1).every((batch) => batch.length === batchSize)).toBe(true);
      }),
      { seed: 1 },
    );
  });

  it("is decided by the seed, and is another one in each epoch", () => {
    const [one, two] = [
      make(20, { batchSize: 4, random: new Random(3) }),
      make(20, { batchSize: 4, random: new Random(3) }),
    ];
    const epochs = [rowsOf(one), rowsOf(one)];
    expect([rowsOf(two), rowsOf(two)]).toEqual(epochs);
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(rowsOf(make(20, { batchSize: 4, random: new Random(4) }))).not.toEqual(epochs[0]);
    // Fisher & Yates from a stream that is forked by a drawn label
    const random = new Random(3);
    const order = [...random.fork(`batcher ${random.integer(2 ** 32)}`).permutation(20)];
    expect(epochs[0]).toEqual([0, 4, 8, 12, 16].map((start) => order.slice(start, start + 4)));
  });

  it("draws one label from the given stream, and the order of the rows from a stream of its own", () => {
    const [random, other] = [new Random(5), new Random(5)];
    const batcher = make(6, { batchSize: 2, random });
    other.integer(2 ** 32);
    expect(random.state).toEqual(other.state);
    rowsOf(batcher);
    expect(random.state).toEqual(other.state);
  });

  it("differs between two Batchers that were created from one stream", () => {
    const random = new Random(5);
    const [one, two] = [make(20, { batchSize: 4, random }), make(20, { batchSize: 4, random })];
    expect(rowsOf(one)).not.toEqual(rowsOf(two));
  });

  it("leaves another row out each time", () => {
    const batcher = make(5, { batchSize: 2, random: new Random(6) });
    const left = Array.from(
      { length: 30 },
      () =>
        10 -
        rowsOf(batcher)
          .flat()
          .reduce((sum, row) => sum + row, 0),
    );
    expect(new Set(left)).toEqual(new Set([0, 1, 2, 3, 4]));
  });
});

describe("a state", () => {
  const random = (): Random => new Random(7);
  const options = { batchSize: 3, dropLast: false };

  it.each([true, false])("continues anywhere, in the middle of an epoch too (shuffled: %s)", (shuffled) => {
    const create = (): Batcher<number[]> => make(8, { ...options, ...(shuffled ? { random: random() } : {}) });
    const whole = create();
    const expected = [rowsOf(whole), rowsOf(whole), rowsOf(whole)].flat();
    for (let stop = 0; stop <= 6; stop++) {
      const first = create();
      let done = 0;
      while (done < stop) {
        for (const { rows } of first) {
          expect([...rows]).toEqual(expected[done]);
          if (++done === stop) break;
        }
      }
      const state = JSON.parse(JSON.stringify(first.state)) as BatcherState;
      const second = create();
      rowsOf(second); // wherever it stands
      second.restore(state);
      expect(second.state).toEqual(state);
      const rest = [rowsOf(second), rowsOf(second), rowsOf(second)].flat();
      expect(rest.slice(0, 9 - stop)).toEqual(expected.slice(stop));
    }
  });

  it("is that between two epochs once a loop has run to its end", () => {
    const batcher = make(8, { ...options, random: random() });
    rowsOf(batcher);
    expect(batcher.state.batch).toBe(0);
    const other = make(8, { ...options, random: new Random(1) });
    other.restore(batcher.state);
    expect(rowsOf(other)).toEqual(rowsOf(batcher));
  });

  it.each<[string, unknown, string]>([
    ["nothing", null, "TypeError: Batcher.restore: state | null"],
    ["half a batch", { batch: 0.5, random: null }, "RangeError: Batcher.restore: batch | 0.5"],
    ["a place beyond the epoch", { batch: 4, random: random().state }, "RangeError: Batcher.restore: 3 | 4 | cure"],
    ["no stream", { batch: 1, random: null }, "TypeError: Batcher.restore: stream"],
    ["half a stream", { batch: 1, random: { key: [1, 2, 3, 4] } }, "TypeError: Random.from: words | undefined"],
  ])("that is %s is refused, and nothing changes", async (_, state, refusal) => {
    const batcher = make(8, { ...options, random: random() });
    const before = batcher.state;
    await expectRefusal(() => batcher.restore(state as BatcherState), refusal);
    expect(batcher.state).toEqual(before);
  });
});

describe("refusals", () => {
  const input = numbered(5);
  const target = [0, 0, 0, 0, 0];
  it.each<[string, unknown, string]>([
    ["an unknown option", { input, target, batchsize: 2 }, 'TypeError: Batcher: "batchsize" | batchSize | cure'],
    ["no options", undefined, "TypeError: Batcher: options | undefined"],
    ["an input that is no Tensor", { input: [1], target, batchSize: 2 }, "TypeError: Batcher: input | Tensor | [1]"],
    ["an input without rows", { input: Tensor.zeros([]), target, batchSize: 2 }, "ShapeError: Batcher: input | []"],
    ["no target", { input, batchSize: 2 }, "TypeError: Batcher: target"],
    ["fewer targets", { input, target: [0, 1], batchSize: 2 }, "ShapeError: Batcher: target | 5 | input | 2"],
    [
      "more rows of target",
      { input, target: numbered(6), batchSize: 2 },
      "ShapeError: Batcher: target | 5 | input | 6",
    ],
    ["batch size 0", { input, target, batchSize: 0 }, "RangeError: Batcher: batchSize | 1 | 0"],
    [
      "a seed for a stream",
      { input, target, batchSize: 2, random: 1 },
      "TypeError: Batcher: random | Random | 1 | cure",
    ],
    [
      "a word for dropLast",
      { input, target, batchSize: 2, dropLast: "always" },
      'TypeError: Batcher: dropLast | "if-singleton" | "always" | cure',
    ],
    [
      "nothing left",
      { input, target, batchSize: 6, dropLast: true },
      "RangeError: Batcher: 5 | batchSize | 6 | dropLast | cure",
    ],
    [
      "a single row",
      { input: numbered(1), target: [0], batchSize: 2 },
      'RangeError: Batcher: 1 | batchSize | 2 | dropLast | "if-singleton" | cure',
    ],
  ])("of %s", async (_, options, refusal) => {
    await expectRefusal(() => new Batcher(options as BatcherOptions<number[]>), refusal);
  });
});
