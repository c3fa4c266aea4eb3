/** What NumPy and SciPy say about samples: `distribution.json`. */
import { readFileSync } from "node:fs";
import {
  benjaminiHochberg,
  compareHistograms,
  compareSamples,
  histogramOf,
  maximumMeanDiscrepancy,
  momentsOf,
  momentStatistics,
  quantilesOf,
  type Samples,
} from "batchnorm/probes";
import { describe, expect, it } from "vitest";

type Figures = Readonly<Record<string, number | null>>;
interface Golden {
  readonly levels: readonly number[];
  readonly moments: readonly (Figures & { readonly values: number[]; readonly quantiles: number[] })[];
  readonly distances: readonly (Figures & { readonly a: number[]; readonly b: number[] })[];
  readonly histograms: readonly (Figures & { readonly a: number[]; readonly b: number[]; readonly edges: number[] })[];
  readonly mmd: readonly (Figures & { readonly a: number[][]; readonly b: number[][] })[];
  readonly benjaminiHochberg: readonly { readonly p: number[]; readonly adjusted: number[] }[];
}
const golden = JSON.parse(readFileSync(new URL("distribution.json", import.meta.url), "utf8")) as Golden;

/** Requires every figure that the golden case names, to a relative tolerance (and an absolute one for what is 0 but for rounding). */
function expectFigures(actual: object, { figures, tolerance }: { figures: object; tolerance: number }): void {
  const entries = Object.entries(figures) as [string, number | null][];
  expect(entries.length).toBeGreaterThan(3);
  for (const [name, value] of entries) {
    const got = (actual as Record<string, unknown>)[name];
    if (value === null) expect(got, name).toBeNull();
    else
      expect(Math.abs((got as number) - value), `${name}: ${String(got)} instead of ${value}`).toBeLessThanOrEqual(
        tolerance * Math.max(Math.abs(value), 1e-8),
      );
  }
}

/** How much of a figure's precision a mean far from 0 costs NumPy and SciPy, which do not subtract it first everywhere. */
function toleranceFor(values: readonly number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const spread = Math.max(...values) - Math.min(...values);
  return 1e-12 * Math.max(1, Math.abs(mean) / spread);
}

describe("SciPy's", () => {
  it.each([...golden.moments.entries()])(
    "moments and NumPy's quantiles of sample %i",
    (_, { values, quantiles, ...figures }) => {
      expectFigures(momentStatistics(momentsOf(values)), { figures, tolerance: toleranceFor(values) });
      // The same interpolation, to the last bit.
      expect(quantilesOf(values, golden.levels)).toEqual(quantiles);
    },
  );

  it.each([...golden.distances.entries()])("distances of pair %i", (_, { a, b, ...figures }) => {
    expectFigures(compareSamples(a, b), { figures, tolerance: 10 * toleranceFor([...a, ...b]) });
  });

  it.each([...golden.histograms.entries()])(
    "distances between histograms, pair %i",
    (_, { a, b, edges, ...figures }) => {
      expectFigures(compareHistograms(histogramOf(a, edges), histogramOf(b, edges)), { figures, tolerance: 1e-12 });
    },
  );

  it.each([...golden.mmd.entries()])("pairwise distances give the MMD of pair %i", (_, { a, b, ...figures }) => {
    const samples = (rows: readonly number[][]): Samples => ({
      shape: [rows.length, rows[0]!.length],
      data: rows.flat(),
    });
    expectFigures(maximumMeanDiscrepancy(samples(a), samples(b)), { figures, tolerance: 1e-12 });
  });

  it.each(golden.benjaminiHochberg)("adjusted p-values of $p", ({ p, adjusted }) => {
    const got = benjaminiHochberg(p);
    adjusted.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 14));
  });
});
