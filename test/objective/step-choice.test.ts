/** The step of a gradient check fits the function: right gradients agree and wrong ones differ at every scale of the point. */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { Tensor } from "../../src/core/tensor.js";
import { BatchNorm, Dense, meanSquaredError, ReLU, Sequential, Tanh } from "../../src/index.js";
import type { Parameter } from "../../src/layers/parameter.js";
import { modelObjective } from "../../src/model/objective.js";
import { checkGradient } from "../../src/objective/check-gradient.js";
import { checkObjective } from "../../src/objective/check-objective.js";
import type { Group, Objective } from "../../src/objective/objective.js";

interface Case {
  readonly objective: Objective;
  readonly point: Float64Array;
  readonly groups: readonly Group[];
}

/** Dense, BatchNorm with epsilon 0, activation, Dense: the weights before the norm are scale-invariant. */
function network(seed: number, scale: number, activation: "relu" | "tanh", epsilon = 0): Case {
  const random = new Random(seed);
  const first = new Dense({ inputs: 4, outputs: 5, random });
  const model = new Sequential([
    first,
    new BatchNorm({ features: 5, epsilon }),
    activation === "relu" ? new ReLU() : new Tanh(),
    new Dense({ inputs: 5, outputs: 2, random }),
  ]);
  const weight = first.parameters.find((parameter: Parameter) => parameter.name === "weight")!;
  weight.update((values) => values.forEach((value, i) => (values[i] = value * scale)));
  const batch = { input: Tensor.normal([16, 4], { random }), target: Tensor.normal([16, 2], { random }) };
  return modelObjective(model, batch, meanSquaredError, { mode: "probe" });
}

/** The same loss with a gradient that is off in some coordinates. */
function claiming(objective: Objective, change: (gradient: Float64Array) => void): Objective {
  return async (x) => {
    const { loss, gradient } = await objective(x);
    change(gradient);
    return { loss, gradient };
  };
}

const sine = (k: number): Objective => {
  return (x) => ({ loss: Math.sin(k * x[0]!), gradient: Float64Array.of(k * Math.cos(k * x[0]!)) });
};

const SCALES = [1e-9, 1e-7, 1e-6, 1e-5, 1e-3, 1, 1e3, 1e7];

describe("weights before a norm, scaled", () => {
  describe.each(["relu", "tanh"] as const)("with %s", (activation) => {
    it.each(SCALES)("by %g: the right gradient agrees", async (scale) => {
      const verdicts: Record<string, number> = {};
      for (let seed = 1; seed <= 30; seed++) {
        const { objective, point, groups } = network(seed, scale, activation);
        const { verdict } = await checkGradient(objective, point, { random: new Random(seed), groups });
        verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
      }
      expect(verdicts).toEqual({ agrees: 30 });
    });

    it.each(SCALES)("by %g: a wrong gradient differs, whichever parameter it is of", async (scale) => {
      const { objective, point, groups } = network(3, scale, activation);
      for (const wrong of groups.filter(({ name }) => name !== "0.bias")) {
        const change = (g: Float64Array): void =>
          g.subarray(wrong.start, wrong.end).forEach((v, i, a) => (a[i] = 1.02 * v));
        const options = { random: new Random(1), groups, coordinatesPerGroup: Infinity };
        const report = await checkGradient(claiming(objective, change), point, options);
        expect([report.verdict, report.worst.name.replace(/\[.*/, "")], report.text).toEqual(["differs", wrong.name]);
      }
    });
  });

  it.each([1e-7, 1e-6, 1e-3, 1])(
    "by %g and with epsilon 1e-5: agrees, and differs where it is wrong",
    async (scale) => {
      for (let seed = 1; seed <= 30; seed++) {
        const { objective, point, groups } = network(seed, scale, "relu", 1e-5);
        const right = await checkObjective(objective, point, { random: new Random(seed), groups });
        expect(right.verdict, right.gradient.text).toBe("agrees");
        const negated = claiming(objective, (g) => g.forEach((value, i) => (g[i] = -value)));
        const wrong = await checkGradient(negated, point, { random: new Random(seed), groups });
        expect(wrong.verdict, wrong.text).toBe("differs");
      }
    },
  );
});

describe("sin(k x)", () => {
  it.each([1e2, 1e4, 1e5, 1e6, 1e7])(
    "with k = %g: the right gradient agrees, and one wrong by 1 %% differs",
    async (k) => {
      const random = new Random(7);
      for (let i = 0; i < 100; i++) {
        const point = Float64Array.of(random.normal());
        const right = await checkGradient(sine(k), point, { random: new Random(i) });
        expect(right.verdict, right.text).toBe("agrees");
        if (Math.abs(Math.cos(k * point[0]!)) < 0.05) continue;
        for (const factor of [1.01, -1, 0, 3]) {
          const change = (g: Float64Array): void => void (g[0]! *= factor);
          const wrong = await checkGradient(claiming(sine(k), change), point, { random: new Random(i) });
          expect(wrong.verdict, wrong.text).toBe("differs");
        }
      }
    },
  );

  // From about 1e8 on the first steps cross many periods: some of their quotients agree by chance, also at two steps in a row.
  it.each(Array.from({ length: 12 }, (_, i) => 10 ** (i + 3)))(
    "with k = %g: the right gradient never differs, wherever the point is",
    async (k) => {
      const random = new Random(7);
      for (const factor of [1, 10 ** 0.25, 10 ** 0.5, 10 ** 0.75]) {
        for (let i = 0; i < 120; i++) {
          const point = Float64Array.of(random.normal() * [1, 0.01, 100][i % 3]!);
          const { verdict, text } = await checkGradient(sine(k * factor), point, { random: new Random(i) });
          expect(verdict, `k ${k * factor}, x ${point[0]}: ${text}`).not.toBe("differs");
        }
      }
    },
  );

  it.each([
    [10 ** 9.75, 33.180090933474204],
    [10 ** 11.75, -1.4873847294673828],
    [10 ** 10.25, -2.1708375994275007],
    [10 ** 10.25, -74.30560606360996],
    [1e11, 32.118657573728505],
    [1e9, 12.516098640325938],
    [10 ** 13.5, 0.010307190994878491],
  ])("with k = %d at %d, whose periods fit into several steps: undecided", async (k, x) => {
    for (let seed = 0; seed < 20; seed++) {
      const { verdict } = await checkGradient(sine(k), Float64Array.of(x), { random: new Random(seed) });
      expect(verdict).toBe("undecided");
    }
  });

  it("beside an ordinary group: a wrong gradient of that group still differs", async () => {
    for (const k of [1e3, 1e6, 1e9]) {
      const objective = (factor: number): Objective => {
        return (x) => ({
          loss: Math.sin(k * x[0]!) + x[1]! * x[2]!,
          gradient: Float64Array.of(k * Math.cos(k * x[0]!), x[2]!, factor * x[1]!),
        });
      };
      const groups: Group[] = [
        { name: "fast", role: "weight", shape: [1], start: 0, end: 1 },
        { name: "slow", role: "weight", shape: [2], start: 1, end: 3 },
      ];
      const point = Float64Array.of(0.3, 1.5, -2);
      const verdictOf = async (factor: number): Promise<string> => {
        const options = { random: new Random(1), groups };
        const { coordinates } = await checkGradient(objective(factor), point, options);
        return coordinates.find(({ name }) => name === "slow[1]")!.verdict;
      };
      expect([k, await verdictOf(1.5)]).toEqual([k, "differs"]);
    }
  });

  it("with k = 1e17, where no difference quotient converges: undecided", async () => {
    const random = new Random(7);
    const verdicts = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const point = Float64Array.of(random.normal());
      verdicts.add((await checkGradient(sine(1e17), point, { random: new Random(i) })).verdict);
    }
    expect([...verdicts]).toEqual(["undecided"]);
  });

  it("reports the step that decided, and stays within the stated cost", async () => {
    const { worst, text, step, evaluations } = await checkGradient(sine(1e6), Float64Array.of(0.3), {
      random: new Random(1),
    });
    expect(step).toBe(1e-5);
    expect(worst.step).toBeLessThan(1e-7);
    expect(text).toContain(`(step ${Number(worst.step.toPrecision(3))})`);
    expect(evaluations).toBeLessThanOrEqual(1 + 2 * 4 * 9);
  });

  it("reports a progress that ends at the number of evaluations", async () => {
    const reported: (readonly [number, number])[] = [];
    const onProgress = (done: number, total: number): void => void reported.push([done, total]);
    const { evaluations } = await checkGradient(sine(1e6), Float64Array.of(0.3), { random: new Random(1), onProgress });
    expect(reported.map(([done]) => done)).toEqual(reported.map((_, i) => i + 1));
    expect(reported.at(-1)).toEqual([evaluations, evaluations]);
    expect(reported.every(([done, total], i) => done <= total && total >= (reported[i - 1]?.[1] ?? 0))).toBe(true);
  });
});

describe("a loss that is not finite beside the point", () => {
  /** Beside the wall at a[0] = 1 the loss is not finite on one side, at any step. */
  const walled = (outside: number): Objective => {
    return (x) => ({ loss: x[0]! > 1 ? outside : x[0]! + 4 * x[1]!, gradient: Float64Array.of(1, 4) });
  };
  const groups: Group[] = [{ name: "a", role: "weight", shape: [2], start: 0, end: 2 }];

  it.each([NaN, Infinity, -Infinity])("%s: names the coordinate that it lies along, in plain JSON", async (outside) => {
    const report = await checkGradient(walled(outside), Float64Array.of(1, 2), { random: new Random(1), groups });
    expect([report.verdict, report.worst.name]).toEqual(["undecided", "a[0]"]);
    expect(report.worst).toMatchObject({ numeric: null, estimatedError: null });
    expect(report.coordinates[1]).toMatchObject({ name: "a[1]", verdict: "agrees" });
    expect(report.text).toMatch(/^undecided at a\[0\].*not finite/);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it("and further away than a smaller step: agrees", async () => {
    const logarithm: Objective = (x) => ({ loss: Math.log(x[0]!), gradient: Float64Array.of(1 / x[0]!) });
    const report = await checkGradient(logarithm, Float64Array.of(1e-6), { random: new Random(1) });
    expect(report.verdict, report.text).toBe("agrees");
  });

  it("still rejects a wrong slope elsewhere", async () => {
    const wrong = claiming(walled(NaN), (g) => (g[1] = 4.1));
    const report = await checkGradient(wrong, Float64Array.of(1, 2), { random: new Random(1), groups });
    expect([report.verdict, report.worst.name]).toEqual(["differs", "a[1]"]);
  });
});

describe("the caller's arrays", () => {
  it("may be written to while the check waits", async () => {
    const slow: Objective = async (x) => {
      await Promise.resolve();
      return { loss: Math.sin(x[0]!) + x[1]! ** 2, gradient: Float64Array.of(Math.cos(x[0]!), 2 * x[1]!) };
    };
    for (const check of [checkGradient, checkObjective]) {
      const run = async (disturb: boolean): Promise<unknown> => {
        const point = Float64Array.of(0.3, 1);
        const groups = [{ name: "a", role: "weight" as const, shape: [2], start: 0, end: 2 }];
        const found = check(slow, point, { random: new Random(1), groups });
        if (disturb) {
          point.fill(7);
          groups[0]!.name = "b";
          groups[0]!.end = 9;
          groups.length = 0;
        }
        return found;
      };
      expect(await run(true)).toEqual(await run(false));
    }
  });
});

describe("a small group beside a large one", () => {
  /** L = sum of s_i sin(x_i): the gradient of the second group is `ratio` times that of the first. */
  const twoGroups = (ratio: number, sizes: readonly [number, number], dtype: "float64" | "float32") => {
    const [large, small] = sizes;
    const random = new Random(3);
    const point = new Float64Array(large + small).map(() => random.normal());
    const size = (i: number): number => (i < large ? 1 : ratio);
    const round = (value: number): number => (dtype === "float32" ? Math.fround(value) : value);
    const sumOf = (x: Float64Array): number => {
      let [sum, rest] = [0, 0];
      x.forEach((value, i) => {
        const term = size(i) * Math.sin(value) - rest;
        rest = sum + term - sum - term;
        sum += term;
      });
      return sum;
    };
    const objective: Objective = Object.assign(
      (x: Float64Array) => ({
        loss: round(sumOf(x)),
        gradient: x.map((value, i) => size(i) * Math.cos(value)),
      }),
      { dtype },
    );
    const groups: Group[] = [
      { name: "large", role: "weight", shape: [large], start: 0, end: large },
      { name: "small", role: "weight", shape: [small], start: large, end: large + small },
    ];
    return { objective, point, groups };
  };

  // The three coordinates that are checked miss the wrong one nearly always, so the direction has to show it.
  it.each([
    [1, [500, 500], "float64"],
    [1e-3, [500, 500], "float64"],
    [1e-6, [500, 500], "float64"],
    [1e-6, [30, 2000], "float64"],
    [1e-6, [2000, 30], "float64"],
    [0.1, [4, 4], "float32"],
  ] as const)(
    "of %g times its gradient, sizes %s, %s: one wrong coordinate of it is found",
    async (ratio, sizes, dtype) => {
      const { objective, point, groups } = twoGroups(ratio, sizes, dtype);
      const place = point.findIndex((x, i) => i >= sizes[0] && Math.abs(Math.cos(x)) > 0.9);
      let found = 0;
      for (let seed = 1; seed <= 20; seed++) {
        const options = { random: new Random(seed), groups };
        const right = await checkGradient(objective, point, options);
        expect(right.verdict, right.text).toBe("agrees");
        const negated = claiming(objective, (g) => (g[place]! *= -1));
        const wrong = await checkGradient(negated, point, { random: new Random(seed), groups });
        if (wrong.verdict !== "agrees") found++;
      }
      // A direction that hardly moves the wrong coordinate cannot show it.
      expect(found).toBeGreaterThanOrEqual(12);
    },
  );

  it("that is 0 up to round-off, as the bias before a norm, does not take over the direction", async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { objective, point, groups } = network(seed, 1, "tanh");
      const { direction } = await checkGradient(objective, point, { random: new Random(seed), groups });
      expect(direction.verdict).toBe("agrees");
      expect(Math.abs(direction.analytic)).toBeGreaterThan(1e4 * direction.estimatedError!);
    }
  });

  it("may lie anywhere, and coordinates of no group count too", async () => {
    const { objective, point, groups } = twoGroups(1e-4, [40, 40], "float64");
    for (const some of [groups.slice(0, 1), groups.slice(1)]) {
      for (const place of [7, 71]) {
        const negated = claiming(objective, (g) => (g[place]! *= -1));
        const report = await checkGradient(negated, point, { random: new Random(1), groups: some });
        expect(report.direction.verdict).toBe("differs");
      }
    }
  });
});
