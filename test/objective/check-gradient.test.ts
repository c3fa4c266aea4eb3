/** Tests of the checker: what it must reject, what it may not reject, and when it must say that it cannot tell. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { checkGradient, type CheckGradientOptions } from "../../src/objective/check-gradient.js";
import type { Group, Objective } from "../../src/objective/objective.js";
import { absoluteValue, groupsOf, linear } from "../support/objectives.js";

const options = (seed = 1, more: Partial<CheckGradientOptions> = {}): CheckGradientOptions => ({
  random: new Random(seed),
  ...more,
});

const pointOf = (length: number, seed = 5): Float64Array => {
  const random = new Random(seed);
  return new Float64Array(length).map(() => random.normal(0.5, 2));
};

/** Sum of w_i (sin x_i + x_i^2 / 10): smooth, with a gradient of similar size everywhere. */
function waves(length: number, round: (x: number) => number = (x) => x): Objective {
  const random = new Random(9);
  const weights = new Float64Array(length).map(() => random.uniform(1, 2));
  return (x) => {
    let loss = 0;
    for (let i = 0; i < length; i++) loss = round(loss + round(weights[i]! * round(Math.sin(x[i]!) + x[i]! ** 2 / 10)));
    return { loss, gradient: x.map((value, i) => weights[i]! * (Math.cos(value) + value / 5)) };
  };
}

/** The same loss with another gradient. */
function claiming(objective: Objective, change: (gradient: Float64Array) => void): Objective {
  return async (x) => {
    const { loss, gradient } = await objective(x);
    change(gradient);
    return { loss, gradient };
  };
}

const groups: readonly Group[] = groupsOf(
  ["0.weight", "weight", [4, 3]],
  ["1.gamma", "scale", [3]],
  ["1.beta", "shift", [1]],
);

describe("checkGradient agrees with right gradients", () => {
  it("of smooth functions, at every place", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 12 }), async (seed, length) => {
        const report = await checkGradient(waves(length), pointOf(length, seed), options(seed));
        expect(report.verdict, report.text).toBe("agrees");
      }),
      { numRuns: 30, seed: 1 },
    );
  });

  it("within 1e-9 of the root mean square", async () => {
    const report = await checkGradient(waves(16), pointOf(16), options(1, { coordinatesPerGroup: Infinity }));
    expect(report.coordinates).toHaveLength(16);
    for (const { analytic, numeric, estimatedError } of [...report.coordinates, report.direction]) {
      expect(Math.abs(analytic - numeric!)).toBeLessThan(1e-9 * report.gradientRms);
      expect(estimatedError).toBeLessThan(1e-8 * report.gradientRms);
    }
  });

  it.each([1e-200, 1e-30, 1, 1e30, 1e200])("of size %g", async (size) => {
    const objective: Objective = (x) => ({
      loss: size * x.reduce((sum, value) => sum + Math.sin(value), 0),
      gradient: x.map((value) => size * Math.cos(value)),
    });
    const report = await checkGradient(objective, pointOf(5), options());
    expect(report.verdict, report.text).toBe("agrees");
    const wrong = await checkGradient(
      claiming(objective, (g) => (g[2]! *= 1.001)),
      pointOf(5),
      options(1, all),
    );
    expect([wrong.verdict, wrong.worst.name]).toEqual(["differs", "point[2]"]);
  });

  it("far from the origin, with a step in proportion", async () => {
    const objective: Objective = (x) => ({
      loss: Math.sin(x[0]! / 1e6),
      gradient: Float64Array.of(Math.cos(x[0]! / 1e6) / 1e6),
    });
    const report = await checkGradient(objective, Float64Array.of(3e6), options());
    expect(report.verdict, report.text).toBe("agrees");
  });

  it("of a constant loss, and rejects any other claim about it", async () => {
    for (const value of [0, 2.5, Math.LN2, -1e10]) {
      const flat: Objective = (x) => ({ loss: value, gradient: new Float64Array(x.length) });
      const report = await checkGradient(flat, pointOf(3), options());
      expect(report.verdict, report.text).toBe("agrees");
    }
    for (const value of [0, Math.LN2, 100 * Math.LN2]) {
      const flat: Objective = (x) => ({ loss: value, gradient: x.map(() => 0.01) });
      expect((await checkGradient(flat, pointOf(3), options())).verdict).toBe("differs");
    }
  });

  it("of a linear loss that happens to be 0 at the point: its terms cancel, and so do the differences' round-off", async () => {
    const objective = linear(3.3, -2.2, 1.1);
    const report = await checkGradient(objective, Float64Array.of(1, 2, 1), options(1, all));
    expect(report.verdict, report.text).toBe("agrees");
  });

  it("of an objective that answers with promises", async () => {
    const later: Objective = async (x) => {
      await Promise.resolve();
      return waves(4)(x);
    };
    expect((await checkGradient(later, pointOf(4), options())).verdict).toBe("agrees");
  });

  it("of an objective that writes every gradient into one buffer", async () => {
    const buffer = new Float64Array(1);
    // at the last place evaluated the gradient is another one than at the point
    const reusing: Objective = (x) => {
      buffer[0] = 1e4 * x[0]!;
      return { loss: 5e3 * x[0]! ** 2, gradient: buffer };
    };
    const report = await checkGradient(reusing, Float64Array.of(1), options());
    expect(report.verdict, report.text).toBe("agrees");
    expect(report.coordinates[0]!.analytic).toBe(1e4);
  });
});

const all = { coordinatesPerGroup: Infinity };

describe("checkGradient rejects wrong gradients", () => {
  it("that are wrong by 0.1 % in one coordinate, whichever it is, and names it", async () => {
    const point = pointOf(16);
    for (const { name, start, end } of groups) {
      for (let index = start; index < end; index++) {
        const wrong = claiming(waves(16), (gradient) => (gradient[index]! *= 1.001));
        const report = await checkGradient(wrong, point, options(index + 1, { groups, coordinatesPerGroup: Infinity }));
        expect([report.verdict, report.worst.name]).toEqual(["differs", `${name}[${index - start}]`]);
        expect(report.text).toMatch(
          /^gradient differs at \d\.\w+\[\d+\]: analytic \S+, numeric \S+ ± \de-\d+ \(step 0\.0000\d+\)$/,
        );
      }
    }
  });

  it("and names the one that is furthest off", async () => {
    const wrong = claiming(waves(8), (gradient) => {
      gradient[2]! += 0.01;
      gradient[4]! -= 0.03;
      gradient[6]! += 0.02;
    });
    expect((await checkGradient(wrong, pointOf(8), options(1, all))).worst.name).toBe("point[4]");
  });

  it("in a coordinate that was not looked at, by the random direction", async () => {
    let seen = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const wrong = claiming(waves(50), (gradient) => (gradient[17]! *= 1.001));
      const report = await checkGradient(wrong, pointOf(50), options(seed, { coordinatesPerGroup: 1 }));
      expect(report.verdict).toBe("differs");
      const looked = report.coordinates.some(({ name }) => name === "point[17]");
      if (!looked) expect(report.worst.name).toBe("random direction");
      seen += looked ? 1 : 0;
    }
    expect(seen).toBeLessThan(20);
  });

  it.each<readonly [string, (gradient: Float64Array) => void]>([
    ["of the other sign", (g) => g.forEach((value, i) => (g[i] = -value))],
    ["of zeros", (g) => g.fill(0)],
    ["twice as large", (g) => g.forEach((value, i) => (g[i] = 2 * value))],
    ["with two coordinates exchanged", (g) => ([g[0], g[1]] = [g[1]!, g[0]!])],
    ["with a constant added", (g) => g.forEach((value, i) => (g[i] = value + 1e-3))],
    ["that is huge", (g) => g.fill(1e12)],
  ])("%s", async (_, change) => {
    const report = await checkGradient(claiming(waves(16), change), pointOf(16), options(3, { groups, ...all }));
    expect(report.verdict, report.text).toBe("differs");
  });

  it("in float32 too, where the error is large enough to be seen", async () => {
    const single: Objective = Object.assign(waves(16, Math.fround), { dtype: "float32" as const });
    const wrong = Object.assign(
      claiming(single, (gradient) => (gradient[3]! *= 1.1)),
      { dtype: "float32" as const },
    );
    const report = await checkGradient(wrong, pointOf(16), options(1, all));
    expect([report.verdict, report.worst.name, report.step, report.tolerance]).toEqual([
      "differs",
      "point[3]",
      1e-3,
      5e-3,
    ]);
  });
});

describe("checkGradient says that it cannot tell", () => {
  it.each([-1, 0, 1])("at the kink of |x|, whatever slope is claimed (%d)", async (slope) => {
    const kinked = claiming(absoluteValue, (gradient) => gradient.fill(slope));
    const report = await checkGradient(kinked, Float64Array.of(0), options());
    expect(report.verdict).toBe("undecided");
    expect(report.text).toMatch(/^undecided at point\[0\], a kink, too much round-off or no convergence: analytic /);
  });

  it("within a step of a kink, and agrees a few steps away", async () => {
    for (let i = -60; i <= 60; i++) {
      const x = i * 2.5e-7; // the step is 1e-5
      const { verdict } = await checkGradient(absoluteValue, Float64Array.of(x), options());
      expect(verdict, `at ${x}`).not.toBe("differs");
      if (Math.abs(x) > 1.1e-5) expect(verdict, `at ${x}`).toBe("agrees");
    }
  });

  it("at a kink in one coordinate, and still rejects a wrong slope in another", async () => {
    const mixed: Objective = (x) => ({
      loss: Math.abs(x[0]!) + Math.sin(x[1]!) + Math.sin(x[2]!),
      gradient: Float64Array.of(Math.sign(x[0]!), Math.cos(x[1]!), Math.cos(x[2]!)),
    });
    const point = Float64Array.of(0, 1, 2);
    const report = await checkGradient(mixed, point, options());
    expect(report.verdict).toBe("undecided");
    expect(report.coordinates.map(({ verdict }) => verdict)).toEqual(["undecided", "agrees", "agrees"]);
    const wrong = claiming(mixed, (gradient) => (gradient[2]! *= 1.01));
    const found = await checkGradient(wrong, point, options());
    expect([found.verdict, found.worst.name]).toEqual(["differs", "point[2]"]);
  });

  it("beside a place where the loss is not finite", async () => {
    const walled: Objective = (x) => ({ loss: x[0]! > 1 ? NaN : x[0]!, gradient: Float64Array.of(1) });
    expect((await checkGradient(walled, Float64Array.of(1), options())).verdict).toBe("undecided");
    const infinite: Objective = (x) => ({ loss: x[0]! > 1 ? Infinity : x[0]!, gradient: Float64Array.of(1) });
    expect((await checkGradient(infinite, Float64Array.of(1), options())).verdict).toBe("undecided");
  });

  it("where large terms cancel and leave only their round-off", async () => {
    const verdicts = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      const inner = waves(20);
      const cancelling: Objective = async (x) => {
        const { loss, gradient } = await inner(x);
        return { loss: 1e7 + loss - 1e7, gradient };
      };
      verdicts.add((await checkGradient(cancelling, pointOf(20, seed), options(seed, all))).verdict);
    }
    expect([...verdicts]).toEqual(["undecided"]);
  });

  it.each([0, 1, 100, 1000])("where float32, unsaid, gives the same loss around %d again and again", async (offset) => {
    // slopes down to 1e-4 of the largest: the loss moves by a few roundings within the step, or not at all
    const graded: Objective = (x) => {
      const slopes = x.map((_, i) => Math.exp(-i / 2));
      const loss = slopes.reduce((sum, slope, i) => Math.fround(sum + slope * Math.sin(x[i]!)), offset);
      return { loss, gradient: slopes.map((slope, i) => slope * Math.cos(x[i]!)) };
    };
    for (let seed = 1; seed <= 20; seed++) {
      const report = await checkGradient(graded, pointOf(20, seed), options(seed));
      expect(report.verdict, report.text).toBe("undecided");
    }
  });

  it.each([0, 100])("in float32 around a loss of %d: agreement or doubt, never a false alarm", async (offset) => {
    for (let seed = 1; seed <= 40; seed++) {
      const inner = waves(20, Math.fround);
      const single: Objective = async (x) => {
        const { loss, gradient } = await inner(x);
        return { loss: Math.fround(loss + offset), gradient };
      };
      const point = pointOf(20, seed);
      const said = await checkGradient(Object.assign(single, { dtype: "float32" as const }), point, options(seed, all));
      expect(said.verdict, said.text).toBe("agrees");
      // an engine that computes in float32 and does not say so: the step is too small for it
      const unsaid = await checkGradient((x) => single(x), point, options(seed, all));
      expect(unsaid.verdict, unsaid.text).toBe("undecided");
    }
  });
});

describe("checkGradient reports", () => {
  it("what it was asked and what it did", async () => {
    const report = await checkGradient(waves(16), pointOf(16), options(1, { groups, step: 1e-4, tolerance: 1e-6 }));
    expect(report.dtype).toBe("float64");
    expect([report.step, report.tolerance]).toEqual([1e-4, 1e-6]);
    // three of each group, all where it has fewer, in the order of the point
    expect(report.coordinates.map(({ name }) => name.replace(/\[.*/, ""))).toEqual([
      ...Array<string>(3).fill("0.weight"),
      ...Array<string>(3).fill("1.gamma"),
      "1.beta",
    ]);
    expect(report.coordinates.slice(3).map(({ name }) => name)).toEqual([
      "1.gamma[0]",
      "1.gamma[1]",
      "1.gamma[2]",
      "1.beta[0]",
    ]);
    expect(report.direction.name).toBe("random direction");
    expect(report.evaluations).toBe(1 + 4 * 8);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(report.text).toMatch(
      /^gradient agrees along a random direction and at 7 coordinates; furthest off at \S+: analytic \S+, numeric \S+ ± \S+ \(step 0\.000\d+\)$/,
    );
    const { gradient } = await waves(16)(pointOf(16));
    expect(report.gradientRms).toBeCloseTo(Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0) / 16), 12);
  });

  it("the same for the same seed, and leaves the point alone", async () => {
    const point = pointOf(16);
    const before = point.slice();
    const first = await checkGradient(waves(16), point, options(4));
    expect(await checkGradient(waves(16), point, options(4))).toEqual(first);
    expect(await checkGradient(waves(16), point, options(5))).not.toEqual(first);
    expect(point).toEqual(before);
  });

  it("an objective that writes to its point does not spoil the check", async () => {
    const inner = waves(6);
    const spoiling: Objective = async (x) => {
      const evaluation = await inner(x);
      x.fill(NaN);
      return evaluation;
    };
    const point = pointOf(6);
    expect((await checkGradient(spoiling, point, options())).verdict).toBe("agrees");
    expect(point).toEqual(pointOf(6));
  });

  it("its progress after every evaluation, and waits for the answer", async () => {
    const told: string[] = [];
    let waiting = false;
    const objective: Objective = (x) => {
      expect(waiting).toBe(false);
      return waves(2)(x);
    };
    await checkGradient(
      objective,
      pointOf(2),
      options(1, {
        onProgress: async (done, total) => {
          waiting = true;
          await new Promise((resolve) => setTimeout(resolve));
          waiting = false;
          told.push(`${done}/${total}`);
        },
      }),
    );
    expect(told).toEqual(Array.from({ length: 13 }, (_, i) => `${i + 1}/13`));
  });

  it("uses lossOnly where there is one, and asks for one gradient", async () => {
    let gradients = 0;
    let losses = 0;
    const inner = waves(3);
    const objective: Objective = Object.assign(
      (x: Float64Array) => {
        gradients++;
        return inner(x);
      },
      {
        lossOnly: async (x: Float64Array) => {
          losses++;
          return (await inner(x)).loss;
        },
      },
    );
    expect((await checkGradient(objective, pointOf(3), options())).verdict).toBe("agrees");
    expect([gradients, losses]).toEqual([1, 16]);
  });

  it("stops at an aborted signal, with its reason", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let calls = 0;
    const objective: Objective = (x) => {
      if (++calls === 3) controller.abort(reason);
      return waves(2)(x);
    };
    await expect(checkGradient(objective, pointOf(2), options(1, { signal: controller.signal }))).rejects.toBe(reason);
    expect(calls).toBe(3);
    await expect(checkGradient(objective, pointOf(2), options(1, { signal: { aborted: true } }))).rejects.toThrow(
      new Error("checkGradient: aborted by its signal"),
    );
    expect(calls).toBe(3);
  });
});
