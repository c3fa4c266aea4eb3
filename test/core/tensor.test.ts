/** Tensors: where each value stands, whose memory it is, and how it reads. */
import fc from "fast-check";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { channelView, type Nested, Random, type Shape, Tensor } from "../../src/index.js";
import { expectBits } from "../support/close.js";
import "../support/numbers.js";

/** Any shape, the single number [] included, and values that say where they stand. */
const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }) as fc.Arbitrary<Shape>;

function counted(shape: Shape): Tensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  return new Tensor(
    Float64Array.from({ length: size }, (_, i) => i),
    shape,
  );
}

/** Every place of a shape, row by row. */
function placesOf(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (places, axis) => places.flatMap((place) => Array.from({ length: axis }, (_, i) => [...place, i])),
    [[]],
  );
}

describe("a tensor", () => {
  it("holds its values row by row, whatever its shape, and goes to nested arrays and back", () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const tensor = counted(shape);
        expect(placesOf(shape).map((place) => tensor.at(...place))).toEqual([...tensor.data]);
        const nested = tensor.toNested();
        const valueAt = (place: readonly number[]): unknown =>
          place.reduce<unknown>((level, i) => (level as unknown[])[i], nested);
        expect(placesOf(shape).map(valueAt)).toEqual([...tensor.data]);
        const back = Tensor.from(nested, { dtype: "float64" });
        expect(back.shape).toEqual(shape);
        expectBits("values", back.data, tensor.data);
      }),
    );
  });

  it("keeps the array that its constructor is given, and a copy of everything else", () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const shape = [2, 2];
    const tensor = new Tensor(data, shape);
    shape[0] = 9;
    expect(tensor.shape).toEqual([2, 2]);
    expect(Object.isFrozen(tensor.shape)).toBe(true);
    data[3] = 7;
    expect(tensor.at(1, 1)).toBe(7);

    const copies = [Tensor.from(data, { shape: [2, 2] }), tensor.copy(), tensor.rows([0, 1]), tensor.cast("float32")];
    data.fill(0);
    for (const copy of copies)
      expect(copy.toNested()).toEqual([
        [1, 2],
        [3, 7],
      ]);
  });

  it("shares its memory with its reshaped self", () => {
    const tensor = counted([2, 6]);
    const other = tensor.reshape([3, 4]);
    other.data[5] = -1;
    expect(tensor.at(0, 5)).toBe(-1);
    expect(other.at(1, 1)).toBe(-1);
    expect(other.shape).toEqual([3, 4]);
  });

  it("gives rows in any order, again and again", () => {
    fc.assert(
      fc.property(
        shapes.filter((shape) => shape.length > 0),
        fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
        (shape, draws) => {
          const rows = draws.map((draw) => draw % shape[0]!);
          const tensor = counted(shape);
          const taken = tensor.rows(Uint32Array.from(rows));
          expect(taken.shape).toEqual([rows.length, ...shape.slice(1)]);
          for (const place of placesOf(taken.shape))
            expect(taken.at(...place)).toBe(tensor.at(rows[place[0]!]!, ...place.slice(1)));
        },
      ),
    );
  });

  it("has the dtype of its data, float32 when numbers come without one", () => {
    expect(Tensor.from([0.1]).dtype).toBe("float32");
    expect(Tensor.from([0.1]).at(0)).toBe(Math.fround(0.1));
    expect(Tensor.from(Float64Array.of(0.1)).dtype).toBe("float64");
    expect(Tensor.from(Int32Array.of(3)).dtype).toBe("float32");
    expect(Tensor.from([0.1], { dtype: "float64" }).cast("float32").at(0)).toBe(Math.fround(0.1));
    expect(Tensor.from([0.1]).cast("float64").at(0)).toBe(Math.fround(0.1));
    expect([Tensor.zeros([2]), Tensor.zeros([2], "float64")].map(({ dtype }) => dtype)).toEqual(["float32", "float64"]);
    expect([...Tensor.filled([3], -2).data]).toEqual([-2, -2, -2]);
  });

  it("copies typed arrays of every kind of number, of other realms too, as a whole", () => {
    const arrays = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array];
    for (const array of [...arrays, Float32Array, Float64Array]) {
      expect(Tensor.from(array.of(1, 2, 3, 4), { shape: [2, 2] }).toNested()).toEqual([
        [1, 2],
        [3, 4],
      ]);
    }
    const foreign = runInNewContext("Float64Array.of(0.1, 2)") as Float64Array;
    expect(Tensor.from(foreign).dtype).toBe("float64");
    expect([...Tensor.from(foreign).data]).toEqual([0.1, 2]);
    expect([...Tensor.from(runInNewContext("Int16Array.of(1, -2)") as Int16Array).data]).toEqual([1, -2]);
    expect([...Tensor.from(runInNewContext("[[1], [2]]") as number[][]).data]).toEqual([1, 2]);
  });

  it("reads no value of a typed array one by one", () => {
    const array = Float32Array.of(1, 2);
    // What goes through a list or an iterator would see these; a copy of the memory does not.
    Object.defineProperty(array, Symbol.iterator, { value: () => [9, 9].values() });
    expect([...Tensor.from(array).data]).toEqual([1, 2]);
    const large = new Float32Array(3e7).fill(1);
    const start = performance.now();
    expect(Tensor.from(large).size).toBe(3e7);
    expect(performance.now() - start).toBeLessThan(1500); // 0.02 s as a copy, 5 s through a list
  });

  it("has up to 32 axes", () => {
    let nested: Nested = 7;
    for (let axis = 0; axis < 32; axis++) nested = [nested];
    const tensor = Tensor.from(nested);
    expect(tensor.shape).toEqual(new Array(32).fill(1));
    expect(tensor.toNested()).toEqual(nested);
  });

  it("reads as damaged once its memory is gone", () => {
    const tensor = Tensor.zeros([2, 2]);
    structuredClone(tensor.data, { transfer: [tensor.data.buffer] });
    expect(String(tensor)).toBe("Tensor float32 [2, 2], but 0 values");
  });

  it("reads well: four digits, six numbers an axis, brackets under brackets", () => {
    expect(
      String(
        Tensor.from(
          [
            [1, 2.34567],
            [1e-9, 123456],
          ],
          { dtype: "float64" },
        ),
      ),
    ).toBe("Tensor float64 [2, 2]\n[[1, 2.346],\n [1e-9, 123500]]");
    expect(String(Tensor.from([1, 2, 3, 4, 5, 6]))).toBe("Tensor float32 [6]\n[1, 2, 3, 4, 5, 6]");
    expect(String(Tensor.from([1, 2, 3, 4, 5, 6, 7]))).toBe("Tensor float32 [7]\n[1, 2, 3, ..., 5, 6, 7]");
    expect(String(Tensor.from([1, 2, 3, 4, 5, 6, 7, 8]))).toBe("Tensor float32 [8]\n[1, 2, 3, ..., 6, 7, 8]");
    expect(
      String(
        Tensor.from([
          [[1], [2]],
          [[3], [4]],
        ]),
      ),
    ).toBe("Tensor float32 [2, 2, 1]\n[[[1],\n  [2]],\n [[3],\n  [4]]]");
    expect(String(Tensor.from(5))).toBe("Tensor float32 []\n5");
    expect(String(Tensor.from([NaN, -Infinity]))).toBe("Tensor float32 [2]\n[NaN, -Infinity]");
  });
});

describe("random tensors", () => {
  it("draw value after value from the stream they are given, rounded to their dtype", () => {
    for (const dtype of ["float32", "float64"] as const) {
      const round = dtype === "float32" ? Math.fround : (value: number): number => value;
      const [one, two] = [new Random(3), new Random(3)];
      const normal = Tensor.normal([2, 3], { random: one, mean: 1, std: 2, dtype });
      expect([...normal.data]).toEqual(Array.from({ length: 6 }, () => round(two.normal(1, 2))));
      const uniform = Tensor.uniform([5], { random: one, low: -1, high: 3, dtype });
      expect([...uniform.data]).toEqual(Array.from({ length: 5 }, () => round(two.uniform(-1, 3))));
      expect(Tensor.normal([1], { random: one, dtype }).at(0)).toBe(round(two.normal()));
      expect(Tensor.uniform([1], { random: one, dtype }).at(0)).toBe(round(two.uniform()));
    }
  });
});

describe("channelView", () => {
  it("finds value (o, c, i) at (o channels + c) inner + i, on every axis, counted from either end", () => {
    fc.assert(
      fc.property(
        shapes.filter((shape) => shape.length > 0),
        fc.nat(),
        (shape, draw) => {
          const axis = draw % shape.length;
          const { outer, channels, inner } = channelView(shape, axis);
          expect(channelView(shape, axis - shape.length)).toEqual({ outer, channels, inner });
          expect(channels).toBe(shape[axis]);
          expect(outer * channels * inner).toBe(counted(shape).size);
          placesOf(shape).forEach((place, at) => expect(Math.floor(at / inner) % channels).toBe(place[axis]));
        },
      ),
    );
  });
});

it("may have no rows, and then no values", () => {
  const none = Tensor.zeros([0, 3], "float64");
  expect([none.size, none.dtype, none.toNested(), none.toString()]).toEqual([
    0,
    "float64",
    [],
    "Tensor float64 [0, 3]\n[]",
  ]);
  expect(none.copy().shape).toEqual([0, 3]);
  expect(none.reshape([0, 5]).shape).toEqual([0, 5]);
  expect(() => Tensor.zeros([0])).toThrow(/whole number of at least 1, got \[0\]/);
  expect(() => Tensor.zeros([3, 0])).toThrow(/whole number of at least 1, got \[3, 0\]/);
  expect(() => new Tensor(new Float32Array(3), [0, 3])).toThrow(/0 values for shape \[0, 3\], got 3/);
});
