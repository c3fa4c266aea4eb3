/** curvatureByLayer: blocks of quadratics with known eigenvalues and singular values. */
import {
  curvature,
  curvatureByLayer,
  type CurvatureByLayerOptions,
  type CurvatureByLayerReport,
} from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import type { Group, Objective } from "../../src/objective/objective.js";
import { symmetricEigenvalues } from "../../src/probes/curvature/symmetric-eigen.js";
import { about, allAbout } from "../support/about.js";
import { goldenNetworks } from "../support/golden-probes.js";
import { bowl, groupsOf, linear, quadratic, turnedMatrix } from "../support/objectives.js";

const groups = groupsOf(["0.weight", "weight", [2, 1]], ["0.bias", "bias", [1]], ["1.weight", "weight", [3, 1]]);

const probe = (objective: Objective, options: Partial<CurvatureByLayerOptions> = {}): Promise<CurvatureByLayerReport> =>
  curvatureByLayer(objective, Float64Array.of(1, -1, 0.5, 2, 0.3, -0.7), { groups, random: new Random(1), ...options });

/** The rows and columns of a matrix at some places. */
const partOf = (
  matrix: readonly (readonly number[])[],
  rows: readonly number[],
  columns: readonly number[],
): number[][] => rows.map((i) => columns.map((j) => matrix[i]![j]!));

const eigenvaluesOf = (matrix: readonly (readonly number[])[]): number[] =>
  symmetricEigenvalues(matrix.map((row) => Float64Array.from(row)));

/** The largest singular value, as the root of the largest eigenvalue of C C'. */
const largestSingularValue = (c: readonly (readonly number[])[]): number =>
  Math.sqrt(eigenvaluesOf(c.map((a) => c.map((b) => a.reduce((sum, value, k) => sum + value * b[k]!, 0)))).at(-1)!);

describe("curvatureByLayer", () => {
  it("has the eigenvalues of a diagonal Hessian by block, and no coupling", async () => {
    const report = await probe(bowl(3, -1, 7, 2, 5, -4));
    expect(report).toMatchObject({ probe: "curvatureByLayer", blocksBy: "layer", iterations: 10, note: null });
    expect(report.blocks).toEqual([
      {
        name: "0",
        members: ["0.weight", "0.bias"],
        size: 3,
        steps: 3,
        largest: { value: about(7), residual: about(0) },
        smallest: { value: about(-1), residual: about(0) },
      },
      {
        name: "1",
        members: ["1.weight"],
        size: 3,
        steps: 3,
        largest: { value: about(5), residual: about(0) },
        smallest: { value: about(-4), residual: about(0) },
      },
    ]);
    expect(report.between).toEqual([{ blocks: ["0", "1"], norm: about(0), residual: about(0) }]);
    expect(report.kinds).toEqual({ largest: "lower bound", smallest: "upper bound", between: "lower bound" });
  });

  it("has the coupling of two layers: known singular values 6 and 2", async () => {
    // H_01 maps e_3 to 6 e_0 and e_4 to 2 e_1.
    const h = Array.from({ length: 6 }, (_, i) => Array.from({ length: 6 }, (_, j): number => (i === j ? 1 : 0)));
    for (const [i, j, value] of [[0, 3, 6], [1, 4, 2]] as const) h[i]![j] = h[j]![i] = value; // prettier-ignore
    const report = await probe(quadratic(h));
    expect(report.blocks.map(({ largest, smallest }) => [largest.value, smallest.value])).toEqual([
      allAbout([1, 1]),
      allAbout([1, 1]),
    ]);
    expect(report.between).toEqual([{ blocks: ["0", "1"], norm: about(6), residual: about(0, 4) }]);
    expect(report.asymmetry).toBeLessThan(1e-6);
    // The whole Hessian is sharper than each of its blocks: 1 + 6.
    const whole = await curvature(quadratic(h), new Float64Array(6).fill(1), { random: new Random(1) });
    expect(whole.sharpness).toBeCloseTo(7, 6);
  });

  it("agrees with the blocks of random matrices, for every rule", async () => {
    const matrix = turnedMatrix([9, 4, 1, 0.5, -2, -6], 3);
    const objective = quadratic(matrix);
    const rules: readonly (readonly [CurvatureByLayerOptions["blocks"], readonly (readonly number[])[], string])[] = [
      ["layer", [[0, 1, 2], [3, 4, 5]], "layer"],
      ["module", [[0, 1, 2], [3, 4, 5]], "module"],
      [groups.map(({ name }) => [name]), [[0, 1], [2], [3, 4, 5]], "given"],
      [[["1.weight", "0.weight"], ["0.bias"]], [[3, 4, 5, 0, 1], [2]], "given"],
    ]; // prettier-ignore
    for (const [blocks, places, blocksBy] of rules) {
      const report = await probe(objective, { blocks, iterations: 60 });
      expect(report.blocksBy).toBe(blocksBy);
      for (const [i, block] of report.blocks.entries()) {
        const eigenvalues = eigenvaluesOf(partOf(matrix, places[i]!, places[i]!));
        expect([block.size, block.steps]).toEqual([places[i]!.length, places[i]!.length]);
        expect([block.smallest.value, block.largest.value]).toEqual(allAbout([eigenvalues[0]!, eigenvalues.at(-1)!]));
      }
      const pairs = places.flatMap((a, i) => places.slice(i + 1).map((b) => [a, b] as const));
      expect(report.between.map((pair) => pair.norm)).toEqual(
        pairs.map(([a, b]) => about(largestSingularValue(partOf(matrix, a, b)), 5)),
      );
    }
  });

  it("approaches a norm from below, within its residual", async () => {
    const matrix = turnedMatrix([9, 4, 1, 0.5, -2, -6], 5);
    const singular = largestSingularValue(partOf(matrix, [0, 1, 2], [3, 4, 5]));
    const squares = partOf(matrix, [0, 1, 2], [3, 4, 5]);
    const all = eigenvaluesOf(squares.map((a) => squares.map((b) => a.reduce((s, v, k) => s + v * b[k]!, 0)))).map((v) => Math.sqrt(Math.max(0, v))); // prettier-ignore
    let before = 0;
    for (const iterations of [1, 2, 4, 8]) {
      const [pair] = (await probe(quadratic(matrix), { iterations })).between;
      expect(pair!.norm).toBeGreaterThan(before);
      expect(pair!.norm).toBeLessThan(singular + 1e-6);
      const nearest = Math.min(...all.map((value) => Math.abs(value - pair!.norm)));
      expect(nearest).toBeLessThan(pair!.residual + 1e-6);
      before = pair!.norm;
    }
  });

  it("makes the stated number of evaluations", async () => {
    const of = async (options: Partial<CurvatureByLayerOptions>): Promise<number> =>
      (await probe(quadratic(turnedMatrix([9, 4, 1, 0.5, -2, -6], 5)), options)).evaluations;
    // 2 blocks of 2 steps, 1 pair of 3 iterations, and 8 checks
    expect(await of({ steps: 2, iterations: 3 })).toBe(2 * 2 * 2 + 2 * 2 * 3 + 2 * 8);
    const without = await probe(bowl(1, 2, 3, 4, 5, 6), { steps: 2, iterations: 0 });
    expect(without.between).toEqual([]);
    expect(without.evaluations).toBe(2 * 4 + 2 * 4);
  });

  it("is 0, not NaN, where the Hessian is", async () => {
    const report = await probe(linear(1, 2, 3, 4, 5, 6));
    expect(report.blocks.flatMap(({ largest, smallest }) => [largest, smallest])).toEqual(
      new Array(4).fill({ value: 0, residual: 0 }),
    );
    expect(report.between).toEqual([{ blocks: ["0", "1"], norm: 0, residual: 0 }]);
    expect(report.note).toBeNull();
  });

  it("finds the asymmetry of what is no Hessian, within a block and between blocks", async () => {
    const rotational = (i: number, j: number): Objective => {
      const h = Array.from({ length: 6 }, (_, a) => Array.from({ length: 6 }, (_, b): number => (a === b ? 1 : 0)));
      h[i]![j] = 0.5;
      h[j]![i] = -0.5;
      return (x) => ({ loss: 0, gradient: Float64Array.from(h, (row) => row.reduce((s, v, k) => s + v * x[k]!, 0)) });
    };
    for (const [i, j] of [
      [0, 1],
      [4, 5],
      [1, 4],
    ] as const) {
      // prettier-ignore
      const { asymmetry, note } = await probe(rotational(i, j));
      expect(asymmetry).toBeGreaterThan(0.5);
      expect(note).toMatch(/^the products are not symmetric/);
    }
  });

  it.each(goldenNetworks)(
    "is at most as sharp as the whole network: $id",
    async ({ objective, point, groups: named }) => {
      const whole = await curvature(objective, point, { random: new Random(1), steps: point.length });
      const { blocks, between, note } = await curvatureByLayer(objective, point, {
        groups: named,
        random: new Random(1),
      });
      expect(note).toBeNull();
      for (const { largest, smallest } of blocks) {
        expect(largest.value).toBeLessThan(whole.sharpness + 1e-5);
        expect(smallest.value).toBeGreaterThan(whole.smallest.value - 1e-5);
      }
      for (const { norm } of between) expect(norm).toBeLessThan(whole.spectralNorm + 1e-5);
      expect(between.length).toBe((blocks.length * (blocks.length - 1)) / 2);
    },
  );
});

it.each<[string, object]>([
  ["expected steps to be a whole number of at least 1, got 0", { steps: 0 }],
  ["expected iterations to be a whole number of at least 0, got -1", { iterations: -1 }],
  ["expected differenceStep to be a finite number > 0, got 0", { differenceStep: 0 }],
  ["expected groups that cover the point's 6 coordinates, got 3", { groups: groups.slice(0, 2) }],
  ['expected blocks to be "layer", "module" or lists of names of groups, got 7', { blocks: 7 }],
  ['expected each group in a block, got "1.weight" in none', { blocks: [["0.weight", "0.bias"]] }],
  ["expected random to be a Random, got undefined - pass new Random(seed)", { random: undefined }],
])("%s", async (message, options) => {
  await expect(probe(bowl(1, 2, 3, 4, 5, 6), options)).rejects.toThrow(`curvatureByLayer: ${message}`);
});

it("accepts groups of several parameters in any order of the point", async () => {
  const apart: Group[] = [
    { name: "b", role: "weight", shape: [3], start: 3, end: 6 },
    { name: "a", role: "weight", shape: [3], start: 0, end: 3 },
  ];
  const { blocks } = await probe(bowl(3, -1, 7, 2, 5, -4), { groups: apart, iterations: 0 });
  expect(blocks.map(({ name, largest }) => [name, largest.value])).toEqual([["b", about(5)], ["a", about(7)]]); // prettier-ignore
});
