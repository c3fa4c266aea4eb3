import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { dot } from "../../src/objective/vector.js";
import { symmetricEigenvalues, tridiagonalEigen } from "../../src/probes/curvature/symmetric-eigen.js";
import { allAbout } from "../support/about.js";
import { turnedMatrix } from "../support/objectives.js";

describe("symmetricEigenvalues", () => {
  it.each([
    ["of one row", [-2]],
    ["of two rows", [1, 3]],
    ["spread over twenty orders of magnitude", [1e-12, 1e-6, 1, 1e3, 1e8]],
    ["equal", [4, 4, 4, 4]],
    ["in equal groups of both signs", [-3, -3, 0, 0, 0, 3, 3, 3]],
    ["all 0", [0, 0, 0]],
  ])("finds eigenvalues that are %s", (_, eigenvalues) => {
    const found = symmetricEigenvalues(turnedMatrix(eigenvalues, 1).map((row) => Float64Array.from(row)));
    const largest = Math.max(1, ...eigenvalues.map(Math.abs));
    expect(found.map((value) => value / largest)).toEqual(
      allAbout(
        eigenvalues.map((value) => value / largest),
        13,
      ),
    );
  });

  it("finds hundreds of them", () => {
    const random = new Random(1);
    const eigenvalues = Array.from({ length: 120 }, () => random.normal()).sort((a, b) => a - b);
    const matrix = turnedMatrix(eigenvalues, 2).map((row) => Float64Array.from(row));
    const before = structuredClone(matrix);
    expect(symmetricEigenvalues(matrix)).toEqual(allAbout(eigenvalues, 12));
    expect(matrix).toEqual(before);
  });

  it.each([1e-300, 1e-200, 1e-150, 1e-100])("takes entries of 1 and of size %s together", (tiny) => {
    const matrix = [[1, tiny, 2 * tiny], [tiny, 2, tiny], [2 * tiny, tiny, 3]].map((row) => Float64Array.from(row)); // prettier-ignore
    expect(symmetricEigenvalues(matrix)).toEqual(allAbout([1, 2, 3], 14));
  });

  it.each([1e-200, 1e200])("takes entries of size %s", (size) => {
    const matrix = [Float64Array.of(0, 2 * size), Float64Array.of(2 * size, 3 * size)];
    expect(symmetricEigenvalues(matrix).map((value) => value / size)).toEqual(allAbout([-1, 4], 12));
    const negative = matrix.map((row) => row.map((value) => -value));
    expect(symmetricEigenvalues(negative).map((value) => value / size)).toEqual(allAbout([-4, 1], 12));
  });
});

describe("tridiagonalEigen", () => {
  it("finds the eigenvalues 2 - 2 cos(pi k / (n + 1)) of the second difference", () => {
    const n = 40;
    const { values } = tridiagonalEigen(new Array<number>(n).fill(2), new Array<number>(n - 1).fill(-1));
    expect(values).toEqual(
      allAbout(
        Array.from(values, (_, i) => 2 - 2 * Math.cos((Math.PI * (i + 1)) / (n + 1))),
        13,
      ),
    );
  });

  it("gives vectors that are orthonormal and that the matrix stretches by their values", () => {
    const random = new Random(3);
    const d = Array.from({ length: 25 }, () => random.normal());
    const e = Array.from({ length: 24 }, (_, i) => (i === 10 ? 0 : random.normal()));
    const { values, vectors } = tridiagonalEigen(d, e);
    vectors.forEach((v, i) => {
      const image = v.map(
        (value, j) => (e[j - 1] ?? 0) * (v[j - 1] ?? 0) + d[j]! * value + (e[j] ?? 0) * (v[j + 1] ?? 0),
      );
      expect([...image]).toEqual(
        allAbout(
          [...v].map((value) => value * values[i]!),
          12,
        ),
      );
      vectors.forEach((other, j) => {
        expect(dot(v, other)).toBeCloseTo(i === j ? 1 : 0, 13);
      });
    });
  });

  it("refuses what is not finite", () => {
    expect(() => tridiagonalEigen([1, NaN], [0])).toThrow(
      "symmetricEigen: expected a matrix of finite numbers, got NaN",
    );
  });
});

describe("the limit of QR steps", () => {
  /** Whether the steps suffice. */
  const suffices = (d: readonly number[], e: readonly number[], steps: number): boolean => {
    try {
      tridiagonalEigen(d, e, steps);
      return true;
    } catch (error) {
      expect(String(error)).toBe(
        `RangeError: symmetricEigen: expected the QR steps to converge, got none after ${steps} steps`,
      );
      return false;
    }
  };

  it("is exact: no step for a diagonal, one for two rows", () => {
    expect(suffices([3, 1, 2], [0, 0], 0)).toBe(true);
    expect(suffices([3, 1], [2], 0)).toBe(false);
    expect(suffices([3, 1], [2], 1)).toBe(true);
    expect(tridiagonalEigen([3, 0], [2], 1).values).toEqual(allAbout([-1, 4], 12));
  });

  it("ends a run that needs one step more, and no other", () => {
    const random = new Random(9);
    for (const n of [3, 12, 60]) {
      const d = Array.from({ length: n }, () => random.normal());
      const e = Array.from({ length: n - 1 }, () => random.normal());
      let needed = 0;
      while (!suffices(d, e, needed)) needed++;
      // Two or three steps per eigenvalue, so the default is far away.
      expect(needed).toBeGreaterThan(n / 2);
      expect(needed).toBeLessThan(3 * n);
      expect(tridiagonalEigen(d, e, needed)).toEqual(tridiagonalEigen(d, e));
    }
  });
});
