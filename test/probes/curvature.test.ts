import { curvature, type CurvatureReport, hessianVectorProduct, spanShares } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import type { Objective } from "../../src/objective/objective.js";
import { dot, norm } from "../../src/objective/vector.js";
import { numbersOf } from "../golden/golden.js";
import { goldenNetworks } from "../support/golden-probes.js";
import { about, allAbout } from "../support/about.js";
import { bowl, linear, quadratic, turnedBowl } from "../support/objectives.js";

/** The curvature of a quadratic with the given eigenvalues in a random basis. */
function ofSpectrum(eigenvalues: readonly number[], steps = eigenvalues.length): Promise<CurvatureReport> {
  const point = Float64Array.from(eigenvalues, (_, i) => Math.sin(i + 1));
  return curvature(turnedBowl(eigenvalues, 4), point, { random: new Random(2), steps });
}

describe("curvature of diag(3, 1, -5)", () => {
  it("keeps the largest, the smallest and the largest magnitude apart", async () => {
    const report = await curvature(bowl(3, 1, -5), Float64Array.of(1, 1, 1), {
      random: new Random(1),
      learningRate: 0.5,
    });
    expect(report.largest).toEqual({ value: about(3), residual: about(0) });
    expect(report.smallest).toEqual({ value: about(-5), residual: about(0) });
    expect(report.largestMagnitude).toBeCloseTo(-5, 6);
    expect(report.spectralNorm).toBeCloseTo(5, 6);
    expect(report.sharpness).toBe(report.largest.value);
    expect(report.sharpnessTimesLearningRate).toBeCloseTo(1.5, 6);
    expect(report.ritzValues).toEqual(allAbout([3, 1, -5]));
    expect(report).toMatchObject({ probe: "curvature", steps: 3, evaluations: 17, loss: -0.5, reasons: {} });
    expect(report.kinds).toMatchObject({ largest: "lower bound", smallest: "upper bound", sharpness: "lower bound" });
  });

  it("tells how the gradient lies in the spectrum", async () => {
    // g = (3, 2, -5)
    const report = await curvature(bowl(3, 1, -5), Float64Array.of(1, 2, 1), { random: new Random(1) });
    expect(report.gradNorm).toBeCloseTo(Math.sqrt(38), 12);
    expect(report.rayleighQuotient).toBeCloseTo((27 + 4 - 125) / 38, 6);
    expect(report.gradientShare).toEqual(allAbout([9 / 38, 13 / 38, 1]));
    const worked = await curvature(bowl(1, 9), Float64Array.of(3, 1), { random: new Random(1) });
    expect(worked.rayleighQuotient).toBeCloseTo(8.2, 6);
    expect(report.sharpnessTimesLearningRate).toBeNull();
    expect(report.reasons).toEqual({ sharpnessTimesLearningRate: "no learningRate was given" });
  });
});

describe("the Ritz vectors of curvature", () => {
  it("are the eigenvectors of a quadratic, up to sign, from the largest eigenvalue on", async () => {
    const options = { random: new Random(1), ritzVectors: 2 };
    const { ritzVectors } = await curvature(bowl(1, 3, -5), Float64Array.of(1, 1, 1), options);
    expect(ritzVectors.map((vector) => vector.map(Math.abs))).toEqual([allAbout([0, 1, 0]), allAbout([1, 0, 0])]);
  });

  it("are orthonormal, and their products differ from value times vector by the residual", async () => {
    const eigenvalues = Array.from({ length: 40 }, (_, i) => i / 4 - 3);
    const objective = turnedBowl(eigenvalues, 4);
    const point = new Float64Array(40).fill(0.1);
    const report = await curvature(objective, point, { random: new Random(2), steps: 12, ritzVectors: 5 });
    const vectors = report.ritzVectors.map((vector) => Float64Array.from(vector));
    expect(vectors.length).toBe(5);
    expect(report.residuals[0]).toBeGreaterThan(1e-3);
    for (const [i, vector] of vectors.entries()) {
      vectors.forEach((other, j) => expect(dot(vector, other)).toBeCloseTo(i === j ? 1 : 0, 12));
      const { product } = await hessianVectorProduct(objective, point, { vector });
      const rest = product.map((value, k) => value - report.ritzValues[i]! * vector[k]!);
      expect(norm(Float64Array.from(rest))).toBeCloseTo(report.residuals[i]!, 6);
    }
    // gradientShare is the share of the gradient in the same vectors.
    const { gradient } = await objective(point);
    const share = vectors.reduce((sum, vector) => sum + (dot(vector, gradient) / norm(gradient)) ** 2, 0);
    expect(report.gradientShare![4]).toBeCloseTo(share, 10);
    expect(spanShares([gradient], vectors).shares[0]).toBeCloseTo(share, 10);
  });

  it("are none by default, at most one per step, and change nothing else", async () => {
    const probe = (ritzVectors?: number): Promise<CurvatureReport> =>
      curvature(bowl(3, 1, -5), Float64Array.of(1, 2, 1), { random: new Random(1), ritzVectors });
    const { ritzVectors: none, ...rest } = await probe();
    const { ritzVectors: all, ...same } = await probe(7);
    expect([none.length, all.length]).toEqual([0, 3]);
    expect(same).toEqual(rest);
    await expect(probe(-1)).rejects.toThrow(
      "curvature: expected ritzVectors to be a whole number of at least 0, got -1",
    );
  });
});

describe("curvature", () => {
  it.each([
    ["spread", [10, 4, 1, 0.1, -2]],
    ["negative throughout", [-1, -2, -30]],
    ["multiple", [5, 5, 5, 1, 1, -3, -3]],
    ["nearly equal", [2, 2 - 1e-5, 2 - 2e-5, 1]],
    ["of rank one", [0, 0, 4, 0, 0]],
    ["all equal", [7, 7, 7]],
    ["a single one", [-3]],
  ])("finds every eigenvalue of a spectrum that is %s", async (_, eigenvalues) => {
    const report = await ofSpectrum(eigenvalues);
    expect(report.ritzValues).toEqual(allAbout(eigenvalues.toSorted((a, b) => b - a)));
    expect(report.sharpness).toBe(report.ritzValues[0]);
  });

  it("approaches the ends of a spectrum from inside, within its residuals", async () => {
    const eigenvalues = Array.from({ length: 60 }, (_, i) => i / 10 - 2);
    let before = { sharpness: -Infinity, smallest: Infinity, residual: Infinity };
    for (const steps of [5, 15, 30]) {
      const { sharpness, largest, smallest, ritzValues, residuals } = await ofSpectrum(eigenvalues, steps);
      expect(sharpness).toBeGreaterThan(before.sharpness);
      expect(sharpness).toBeLessThan(3.9 + 1e-6);
      ritzValues.forEach((value, i) => {
        const nearest = Math.min(...eigenvalues.map((eigenvalue) => Math.abs(eigenvalue - value)));
        expect(nearest).toBeLessThan(residuals[i]! + 1e-6);
      });
      expect(smallest.value).toBeLessThan(before.smallest);
      expect(smallest.value).toBeGreaterThan(-2 - 1e-6);
      expect(largest.residual).toBeLessThan(before.residual);
      before = { sharpness, smallest: smallest.value, residual: largest.residual };
    }
  });

  it("does not decide between magnitudes that agree: +-3", async () => {
    const report = await ofSpectrum([3, 1, 0, -1, -3]);
    expect(report.largestMagnitude).toBeNull();
    expect(report.reasons["largestMagnitude"]).toMatch(/^undecided: .* agree in magnitude within /);
    expect(report.spectralNorm).toBeCloseTo(3, 6);
    expect(report.sharpness).toBeCloseTo(3, 6);
  });

  it("decides near-ties of opposite sign", async () => {
    expect((await ofSpectrum([3, 1, -3.0001])).largestMagnitude).toBeCloseTo(-3.0001, 6);
    expect((await ofSpectrum([3.0001, 1, -3])).largestMagnitude).toBeCloseTo(3.0001, 6);
    // Two ends of the same sign are no tie.
    expect((await ofSpectrum([-2, -2])).largestMagnitude).toBeCloseTo(-2, 6);
  });

  it("does not decide before the residuals allow it", async () => {
    const eigenvalues = Array.from({ length: 60 }, (_, i) => (i - 29.5) / 10 + (i === 59 ? 0.01 : 0));
    expect((await ofSpectrum(eigenvalues, 8)).largestMagnitude).toBeNull();
    expect((await ofSpectrum(eigenvalues)).largestMagnitude).toBeCloseTo(2.96, 6);
  });

  describe("leaves the larger magnitude open within its doubt", () => {
    /** The doubt that the reason states, or null where the magnitude is decided. */
    const doubtOf = ({ largestMagnitude, reasons }: CurvatureReport): number | null => {
      const { largestMagnitude: reason } = reasons;
      if (reason === undefined) return null;
      expect(largestMagnitude).toBeNull();
      return Number(/within (.+)$/.exec(reason)![1]);
    };
    /** What is known of the errors: both residuals, the products, and a billionth of the size. */
    const doubtFrom = ({ largest, smallest, productError, asymmetry, spectralNorm }: CurvatureReport): number =>
      largest.residual + smallest.residual + 2 * productError + asymmetry + 1e-9 * spectralNorm;
    const isDecided = ({ largest, smallest }: CurvatureReport, doubt: number): boolean =>
      Math.abs(Math.abs(largest.value) - Math.abs(smallest.value)) > doubt;
    const verify = (report: CurvatureReport): void => {
      const doubt = doubtFrom(report);
      if (isDecided(report, doubt)) expect(report.largestMagnitude).not.toBeNull();
      else expect(doubtOf(report)! / doubt).toBeCloseTo(1, 12);
    };
    const curvatureOf = (objective: Objective, size: number, steps: number, differenceStep?: number): Promise<CurvatureReport> =>
      curvature(objective, new Float64Array(size).fill(1), { random: new Random(1), steps, differenceStep }); // prettier-ignore

    it("made of residuals, where there are few steps", async () => {
      for (const [positive, negative] of [
        [40, -40],
        [40, -39],
        [40, -20],
        [1, 1],
      ] as const) {
        // prettier-ignore
        const eigenvalues = Array.from({ length: 60 }, (_, i) => (i < 30 ? positive : negative) * (1 - (i % 30) / 30));
        const report = await curvatureOf(bowl(...eigenvalues), 60, 5);
        expect(report.largest.residual).toBeGreaterThan(0.01);
        verify(report);
      }
    });

    it("made of the error of the products, counted twice", async () => {
      // Cubic terms: the product changes by a quarter of the difference step from h to h/2.
      const quartic: Objective = ([x, y]) => ({
        loss: x! ** 4 - y! ** 4,
        gradient: Float64Array.of(4 * x! ** 3, -4 * y! ** 3),
      });
      const report = await curvatureOf(quartic, 2, 2, 0.01);
      expect(2 * report.productError).toBeGreaterThan(0.9 * doubtFrom(report));
      expect(doubtOf(report)! / doubtFrom(report)).toBeCloseTo(1, 12);
    });

    it("made of the asymmetry of the products", async () => {
      // The gradient of no loss: its derivative is [[3, 0.2], [-0.2, -3]].
      const turning: Objective = ([x, y]) => ({
        loss: 1.5 * (x! * x! - y! * y!),
        gradient: Float64Array.of(3 * x! + 0.2 * y!, -0.2 * x! - 3 * y!),
      });
      const report = await curvatureOf(turning, 2, 2);
      expect(report.asymmetry).toBeCloseTo(0.4, 6);
      expect(doubtOf(report)! / doubtFrom(report)).toBeCloseTo(1, 12);
    });

    it.each([1e-6, 0.1, 1, 1e6])("and decides beyond it, and for ends of one sign or 0, at scale %g", async (scale) => {
      const magnitudeOf = async (...eigenvalues: number[]): Promise<number | null> => {
        const { largestMagnitude } = await curvatureOf(bowl(...eigenvalues.map((value) => value * scale)), 2, 2);
        return largestMagnitude === null ? null : Number((largestMagnitude / scale).toFixed(6));
      };
      expect(await magnitudeOf(2, -2)).toBeNull();
      expect(await magnitudeOf(2, -2.001)).toBe(-2.001);
      expect(await magnitudeOf(2.001, -2)).toBe(2.001);
      expect(await magnitudeOf(2, 2)).toBe(2);
      expect(await magnitudeOf(-2, -2)).toBe(-2);
      expect(await magnitudeOf(0, -2)).toBe(-2);
      expect(await magnitudeOf(2, 0)).toBe(2);
    });
  });

  it("is 0, not NaN, where the Hessian is", async () => {
    const report = await curvature(linear(1, -2, 0.5), Float64Array.of(1, 1, 1), { random: new Random(1) });
    expect(report).toMatchObject({
      ritzValues: [0, 0, 0],
      residuals: [0, 0, 0],
      sharpness: 0,
      spectralNorm: 0,
      largestMagnitude: 0,
      rayleighQuotient: 0,
      productError: 0,
    });
    expect(report.gradientShare!.at(-1)).toBeCloseTo(1, 12);
  });

  it("has no curvature along a gradient that is 0", async () => {
    const report = await curvature(bowl(2, 1), Float64Array.of(0, 0), { random: new Random(1), learningRate: 1 });
    const reason = "the gradient is 0";
    expect(report).toMatchObject({ rayleighQuotient: null, gradientShare: null, evaluations: 9 });
    expect(report.reasons).toEqual({ rayleighQuotient: reason, gradientShare: reason });
  });

  it("makes 30 steps where there are more parameters", async () => {
    const point = new Float64Array(40);
    const objective = bowl(...point.keys());
    expect((await curvature(objective, point, { random: new Random(1) })).steps).toBe(30);
  });

  it("shows the error of its products on a loss that is not quadratic", async () => {
    const quartic: Objective = ([x]) => ({ loss: x! ** 4, gradient: Float64Array.of(4 * x! ** 3) });
    const report = await curvature(quartic, Float64Array.of(2), { random: new Random(1) });
    // The central difference of 4x^3 is 12x^2 + 4h^2; h/2 leaves a quarter of the error.
    expect(report.productError).toBeLessThan(1e-6);
    expect(report.sharpness).toBeCloseTo(48, 6);
    const float32 = await curvature(Object.assign(quartic, { dtype: "float32" as const }), Float64Array.of(2), {
      random: new Random(1),
    });
    const h = float32.differenceStep;
    expect(h).toBeCloseTo(3 * 2 ** -11.5, 12);
    expect(float32.productError).toBeCloseTo(3 * h * h, 8);
    expect(float32.sharpness).toBeCloseTo(48 + 4 * h * h, 8);
  });

  describe("where the gradient jumps nearby, as that of a ReLU network does", () => {
    // diag(3, 1, -5) around 0, and the slope of each coordinate jumps by 2 at 1e-6
    const kinked: Objective = (x) => ({
      loss: 1.5 * x[0]! ** 2 + 0.5 * x[1]! ** 2 - 2.5 * x[2]! ** 2 + x.reduce((sum, v) => sum + Math.abs(v - 1e-6), 0),
      gradient: Float64Array.from([3, 1, -5], (h, i) => h * x[i]! + Math.sign(x[i]! - 1e-6)),
    });
    const probe = (differenceStep?: number): Promise<CurvatureReport> =>
      curvature(kinked, new Float64Array(3), { random: new Random(1), differenceStep });

    it("stays on the near side", async () => {
      const report = await probe();
      expect(report.ritzValues).toEqual(allAbout([3, 1, -5]));
      expect(report.asymmetry).toBeLessThan(1e-6);
      expect(report.note).toBeNull();
    });

    it("warns where the products are not those of a Hessian", async () => {
      const report = await probe(1e-5);
      expect(report.spectralNorm).toBeGreaterThan(1e4);
      expect(report.asymmetry / report.spectralNorm).toBeGreaterThan(0.01);
      expect(report.note).toMatch(
        /^the products are not symmetric \(\S+ against a largest eigenvalue of \S+\): the gradient jumps within the difference step 0\.00001, use a smaller one$/,
      );
    });

    it("sees the asymmetry of whatever is no Hessian, to the digit", async () => {
      const h = [
        [2, 1],
        [0, 3],
      ];
      const rotational: Objective = (x) => ({
        loss: 0,
        gradient: Float64Array.from(h, (row) => row[0]! * x[0]! + row[1]! * x[1]!),
      });
      // |<u, Av> - <v, Au>| is 1 for every orthonormal pair in the plane.
      const report = await curvature(rotational, new Float64Array(2), { random: new Random(1) });
      expect(report.asymmetry).toBeCloseTo(1, 6);
    });
  });

  it.each([
    [{ steps: 0 }, "expected steps to be a whole number of at least 1, got 0"],
    [{ differenceStep: 0 }, "expected differenceStep to be a finite number > 0, got 0"],
    [{ learningRate: 0 }, "expected learningRate to be a finite number > 0, got 0"],
    [
      { random: undefined as unknown as Random },
      "expected random to be a Random, got undefined - pass new Random(seed)",
    ],
  ])("refuses %o", async (wrong, message) => {
    const promise = curvature(bowl(1), Float64Array.of(1), { random: new Random(1), ...wrong });
    await expect(promise).rejects.toThrow(`curvature: ${message}`);
  });

  it("refuses a loss that is lost within the difference step", async () => {
    const edge: Objective = ([x]) => ({ loss: x! > 1 ? NaN : x! ** 2, gradient: Float64Array.of(2 * x!) });
    const promise = curvature(edge, Float64Array.of(1), { random: new Random(1) });
    await expect(promise).rejects.toThrow(
      /^curvature: expected a finite loss at 2\.98\d*e-8 from the point, got NaN - probe a point where the model has not diverged$/,
    );
  });
});

describe("curvature of whole networks, as in PyTorch", () => {
  it.each(goldenNetworks)("$id", async ({ objective, point, golden }) => {
    const eigenvalues = numbersOf(golden.curvature.eigenvalues).toReversed();
    const all = await curvature(objective, point, { random: new Random(1), steps: point.length });
    expect(all.steps).toBe(point.length);
    expect(all.ritzValues).toEqual(allAbout(eigenvalues, 5));
    expect(all.rayleighQuotient).toBeCloseTo(golden.curvature.rayleighQuotient, 6);
    const some = await curvature(objective, point, { random: new Random(2), steps: 30 });
    expect(some.sharpness).toBeCloseTo(eigenvalues[0]!, 4);
    expect(some.smallest.value).toBeCloseTo(eigenvalues.at(-1)!, 4);
  });
});

it("quadratic's own gradient agrees with its Hessian", () => {
  expect(
    quadratic(
      [
        [1, 2],
        [2, 3],
      ],
      [1, 1],
    )(Float64Array.of(1, 1)),
  ).toEqual({ loss: 6, gradient: Float64Array.of(4, 6) });
});
