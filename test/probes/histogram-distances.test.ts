import { compareHistograms, type Histogram, histogramOf, parseReport, stringifyReport } from "batchnorm/probes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { about } from "../support/about.js";
import "../support/numbers.js";
import { thrownBy } from "../support/throws.js";

const edges = [0, 2, 4, 6];
const cells = (below: number, counts: readonly number[], above: number): Histogram => ({
  edges: counts.map((_, k) => k).concat(counts.length),
  counts,
  below,
  above,
});
const count = fc.integer({ min: 0, max: 9 });
const histogram = fc
  .tuple(count, fc.array(count, { minLength: 4, maxLength: 4 }), count)
  .filter(([below, counts, above]) => below + above + counts.reduce((sum, c) => sum + c, 0) > 0)
  .map(([below, counts, above]) => cells(below, counts, above));

describe("compareHistograms", () => {
  it("gives the worked figures", () => {
    expect(compareHistograms(histogramOf([1, 2, 2, 5], edges), histogramOf([0, 2, 4], edges))).toEqual({
      probe: "compareHistograms",
      kinds: expect.objectContaining({ psi: "exact", hellinger: "exact" }) as unknown,
      n: 4,
      m: 3,
      edges,
      jensenShannonDivergence: about(0.0143626, 7),
      jensenShannonDivergenceBits: about(0.0207208, 7),
      jensenShannonDistance: about(0.119844),
      jensenShannonDistanceBits: about(0.143947),
      psi: about(0.115525),
      psiFloored: about(0.115525),
      floor: 1e-4,
      psiFromFloor: 0,
      klHistogramAB: about(0.058892),
      klHistogramBA: about(0.056633),
      totalVariation: about(0.166667),
      hellinger: about(0.120006),
      note: null,
      reasons: {},
    });
  });

  it("says how much of the PSI the floor has made", () => {
    const d = compareHistograms(cells(0, [2, 2, 0], 0), cells(0, [1, 1, 2], 0));
    expect(d).toMatchObject({ psi: null, psiFloored: about(4.604318), psiFromFloor: about(4.257745) });
    expect(d.note).toBe("the floor 0.0001 decides 4.25774 of psiFloored");
    expect(d).toMatchObject({ klHistogramAB: about(Math.LN2, 12), klHistogramBA: null });
    expect(d.reasons).toEqual({
      psi: "1 cells are empty in one sample alone",
      klHistogramBA: "1 cells of b are empty in a",
    });
    const back = compareHistograms(cells(0, [1, 1, 2], 0), cells(0, [2, 2, 0], 0));
    expect(back.reasons).toEqual({
      psi: "1 cells are empty in one sample alone",
      klHistogramAB: "1 cells of a are empty in b",
    });
    expect(compareHistograms(cells(0, [2, 2, 0], 0), cells(0, [1, 1, 2], 0), { floor: 0.01 })).toMatchObject({
      floor: 0.01,
      psiFromFloor: about((0.5 - 0.01) * Math.log(0.5 / 0.01), 12),
    });
  });

  it("counts the cells outside the edges", () => {
    const d = compareHistograms(cells(1, [1, 0], 0), cells(0, [1, 0], 1));
    // p = (.5, .5, 0, 0), q = (0, .5, 0, .5)
    expect(d).toMatchObject({
      totalVariation: 0.5,
      jensenShannonDivergence: about(Math.LN2 / 2, 12),
      hellinger: about(Math.SQRT1_2, 12),
      psi: null,
    });
    expect(d.reasons).toMatchObject({ psi: "2 cells are empty in one sample alone" });
  });

  it("reaches its largest values for samples that share no cell", () => {
    expect(compareHistograms(cells(0, [3, 0], 0), cells(0, [0, 5], 0))).toMatchObject({
      jensenShannonDivergence: about(Math.LN2, 14),
      jensenShannonDivergenceBits: about(1, 14),
      jensenShannonDistanceBits: about(1, 14),
      totalVariation: 1,
      hellinger: 1,
      klHistogramAB: null,
      klHistogramBA: null,
    });
  });

  it("agrees with the definitions", () => {
    fc.assert(
      fc.property(histogram, histogram, (a, b) => {
        const part = ({ below, counts, above }: Histogram): number[] => {
          const total = below + above + counts.reduce((sum, c) => sum + c, 0);
          return [below, ...counts, above].map((c) => c / total);
        };
        const [p, q] = [part(a), part(b)];
        const kl = (x: readonly number[], y: readonly number[]): number =>
          x.reduce((sum, xk, k) => sum + (xk === 0 ? 0 : xk * Math.log(xk / y[k]!)), 0);
        const middle = p.map((pk, k) => (pk + q[k]!) / 2);
        const finite = (x: number): unknown => (Number.isFinite(x) ? about(x, 12) : null);
        const floored = [p, q].map((x) => x.map((xk) => Math.max(xk, 1e-4)));
        expect(compareHistograms(a, b)).toMatchObject({
          jensenShannonDivergence: about((kl(p, middle) + kl(q, middle)) / 2, 12),
          klHistogramAB: finite(kl(p, q)),
          klHistogramBA: finite(kl(q, p)),
          psi: finite(kl(p, q) + kl(q, p)),
          psiFloored: about(
            floored[0]!.reduce((sum, pk, k) => sum + (pk - floored[1]![k]!) * Math.log(pk / floored[1]![k]!), 0),
            11,
          ),
          totalVariation: about(p.reduce((sum, pk, k) => sum + Math.abs(pk - q[k]!), 0) / 2, 12),
          hellinger: about(
            Math.sqrt(p.reduce((sum, pk, k) => sum + (Math.sqrt(pk) - Math.sqrt(q[k]!)) ** 2, 0) / 2),
            8,
          ),
        });
      }),
    );
  });

  it("is 0 for equal parts, and the same from b to a", () => {
    fc.assert(
      fc.property(histogram, histogram, fc.integer({ min: 1, max: 5 }), (a, b, times) => {
        const more = cells(
          a.below * times,
          a.counts.map((c) => c * times),
          a.above * times,
        );
        expect(compareHistograms(a, more)).toMatchObject({
          ...{ jensenShannonDivergence: 0, jensenShannonDistance: 0, psi: 0, psiFloored: 0, psiFromFloor: 0 },
          ...{ klHistogramAB: 0, klHistogramBA: 0, totalVariation: 0, hellinger: 0, note: null, reasons: {} },
        });
        const [there, back] = [compareHistograms(a, b), compareHistograms(b, a)];
        expect(back.jensenShannonDivergence).toBeCloseTo(there.jensenShannonDivergence, 14);
        expect(back.psiFloored).toBeCloseTo(there.psiFloored, 12);
        expect(back).toMatchObject({
          klHistogramAB: there.klHistogramBA,
          totalVariation: there.totalVariation,
          hellinger: there.hellinger,
        });
        expect(there.jensenShannonDivergence).toBeLessThanOrEqual(Math.LN2 * (1 + 1e-15));
        expect(parseReport(stringifyReport(there))).toEqual(there);
      }),
    );
  });

  it.each<[Histogram, Histogram, object, string]>([
    [
      histogramOf([1], [0, 1]),
      histogramOf([1], [0, 2]),
      {},
      "ShapeError: compareHistograms: expected b with the edges of a, [0, 1], got [0, 2] - choose the edges before counting",
    ],
    [
      histogramOf([], [0, 1]),
      histogramOf([1], [0, 1]),
      {},
      "ShapeError: compareHistograms: expected histograms of at least 1 value each, got 0 and 1",
    ],
    [
      histogramOf([1], [0, 1]),
      histogramOf([1], [0, 1]),
      { floor: 0 },
      "RangeError: compareHistograms: expected floor in (0, 1), got 0",
    ],
  ])("refuses %j against %j with %j", (a, b, options, message) => {
    expect(thrownBy(() => compareHistograms(a, b, options))).toBe(message);
  });
});
