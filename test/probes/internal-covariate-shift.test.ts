import { internalCovariateShift, type InternalCovariateShiftOptions } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import type { Objective } from "../../src/objective/objective.js";
import { addScaled } from "../../src/objective/vector.js";
import { about } from "../support/about.js";
import { groupsOf, linearChain, quadratic, twoLinearLayers } from "../support/objectives.js";

describe("internalCovariateShift of two linear layers", () => {
  const { objective, point, groups } = twoLinearLayers();

  it("gives the worked numbers", async () => {
    const report = await internalCovariateShift(objective, point, { groups, learningRate: 0.05 });
    expect(report).toMatchObject({ loss: 4, learningRate: 0.05, blocksBy: "layer", moves: "all", evaluations: 2 });
    expect(report.gradNorm).toBeCloseTo(Math.sqrt(60), 12);
    expect(report.distance).toBeCloseTo(0.05 * Math.sqrt(60), 12);
    expect(report.blocks).toHaveLength(2);
    const shift = {
      difference: about(3.535534),
      relativeDifference: about(0.790569),
      cosine: about(0.613941),
      normG: about(Math.sqrt(20)),
      normGPrime: about(Math.sqrt(6.5)),
      reasons: {},
    };
    expect(report.blocks[1]).toEqual({
      name: "1",
      members: ["1.weight"],
      lossPrime: about(2.5, 12),
      weight: shift,
      linear: shift,
      all: shift,
    });
  });

  it("finds exactly none in the first layer", async () => {
    const report = await internalCovariateShift(objective, point, { groups, learningRate: 0.05 });
    const normG = about(Math.sqrt(40), 12);
    const none = { difference: 0, relativeDifference: 0, cosine: 1, normG, normGPrime: normG, reasons: {} };
    expect(report.blocks[0]).toEqual({
      name: "0",
      members: ["0.weight"],
      lossPrime: 4,
      weight: none,
      linear: none,
      all: none,
    });
  });

  it("takes any other update as the point moved to", async () => {
    const { gradient } = await objective(point);
    const moved = addScaled(point, -0.05, gradient);
    const given = await internalCovariateShift(objective, point, { groups, moved });
    const { learningRate, ...step } = await internalCovariateShift(objective, point, { groups, learningRate: 0.05 });
    expect(learningRate).toBe(0.05);
    expect(given).toEqual({ ...step, learningRate: null });
  });
});

describe("internalCovariateShift of a deep linear network", () => {
  it.each([0.01, 0.1, 0.5])("moves the layers below, and those alone, at learning rate %s", async (learningRate) => {
    const { objective, point, groups } = linearChain(1.1, 0.7, -0.9, 1.3, 0.8);
    const { gradient } = await objective(point);
    const report = await internalCovariateShift(objective, point, { groups, learningRate });
    expect(report.evaluations).toBe(5);
    report.blocks.forEach(({ lossPrime, all }, i) => {
      const below = point.map((w, j) => (j < i ? w - learningRate * gradient[j]! : w));
      const p = below.reduce((product, w) => product * w, 1);
      const after = ((p - 1) * p) / point[i]!;
      expect(lossPrime).toBeCloseTo((p - 1) ** 2 / 2, 14);
      expect(all.difference).toBeCloseTo(Math.abs(after - gradient[i]!), 14);
      expect(all.cosine).toBeCloseTo(Math.sign(after * gradient[i]!), 14);
    });
    // Small steps keep the sign of every gradient, the largest turns some around: a cosine of -1 is not a good one.
    expect(report.blocks.some((block) => block.all.cosine! < 0)).toBe(learningRate === 0.5);
  });

  it("is proportional to a small learning rate", async () => {
    const { objective, point, groups } = linearChain(1.1, 0.7, -0.9, 1.3, 0.8);
    const [one, two] = await Promise.all(
      [1e-7, 2e-7].map((learningRate) => internalCovariateShift(objective, point, { groups, learningRate })),
    );
    one!.blocks.forEach(({ all }, i) => {
      if (i > 0) expect(two!.blocks[i]!.all.relativeDifference! / all.relativeDifference!).toBeCloseTo(2, 5);
    });
  });
});

describe("blocks", () => {
  // Two Dense layers, each with a norm behind it, and one without; every gradient depends on every coordinate.
  const groups = groupsOf(
    ["0.weight", "weight", [1, 1]],
    ["0.bias", "bias", [1]],
    ["1.gamma", "scale", [1]],
    ["1.beta", "shift", [1]],
    ["3.weight", "weight", [1, 1]],
    ["4.gamma", "scale", [1]],
  );
  const h = groups.map((_, i) => groups.map((_, j) => 1 + Math.abs(i - j)));
  const objective = quadratic(h);
  const point = Float64Array.of(1, -1, 2, 0.5, -0.5, 1);
  const moved = point.map((value, i) => value + i + 1);
  const shift = (options: Partial<InternalCovariateShiftOptions> = {}): ReturnType<typeof internalCovariateShift> =>
    internalCovariateShift(objective, point, { groups, moved, ...options });
  /** The change of gradient i when some coordinates have moved: H times the move. */
  const change = (i: number, ...below: number[]): number => below.reduce((sum, j) => sum + h[i]![j]! * (j + 1), 0);

  it("are a weight with what follows it", async () => {
    const { blocks, blocksBy } = await shift();
    expect(blocksBy).toBe("layer");
    expect(blocks.map(({ name, members }) => [name, ...members])).toEqual([
      ["0", "0.weight", "0.bias", "1.gamma", "1.beta"],
      ["3", "3.weight", "4.gamma"],
    ]);
    const [weight, gamma] = [change(4, 0, 1, 2, 3), change(5, 0, 1, 2, 3)];
    expect(blocks[1]!.weight!.difference).toBeCloseTo(weight, 12);
    expect(blocks[1]!.linear).toEqual(blocks[1]!.weight);
    expect(blocks[1]!.all.difference).toBeCloseTo(Math.sqrt(weight ** 2 + gamma ** 2), 12);
  });

  it("measure weight, linear and all apart from what moves", async () => {
    const { blocks } = await shift({ blocks: [["3.weight"], ["4.gamma", "0.weight", "0.bias", "1.gamma", "1.beta"]] });
    const changes = [0, 1, 2, 3, 5].map((i) => change(i, 4) ** 2);
    const root = (...each: number[]): number => Math.sqrt(each.reduce((sum, i) => sum + changes[i]!, 0));
    expect(blocks[1]!.name).toBe("4");
    expect(blocks[1]!.weight!.difference).toBeCloseTo(root(0), 12);
    expect(blocks[1]!.linear!.difference).toBeCloseTo(root(0, 1), 12);
    expect(blocks[1]!.all.difference).toBeCloseTo(root(0, 1, 2, 3, 4), 12);
  });

  it("are modules where that is asked for: gamma and beta see the Dense before them move", async () => {
    const { blocks, blocksBy, evaluations } = await shift({ blocks: "module" });
    expect(blocksBy).toBe("module");
    expect(evaluations).toBe(4);
    expect(blocks.map(({ name, members }) => [name, ...members])).toEqual([
      ["0", "0.weight", "0.bias"],
      ["1", "1.gamma", "1.beta"],
      ["3", "3.weight"],
      ["4", "4.gamma"],
    ]);
    expect(blocks[1]).toMatchObject({ weight: null, linear: null });
    expect(blocks[1]!.all.difference).toBeCloseTo(Math.sqrt(change(2, 0, 1) ** 2 + change(3, 0, 1) ** 2), 12);
    expect(blocks[3]!.all.difference).toBeCloseTo(change(5, 0, 1, 2, 3, 4), 12);
  });

  it("move their matrices alone where that is asked for", async () => {
    const { blocks, moves } = await shift({ moves: "weights" });
    expect(moves).toBe("weights");
    expect(blocks[1]!.weight!.difference).toBeCloseTo(change(4, 0), 12);
  });

  it("are one's own where given, in the order given", async () => {
    const lists = [["4.gamma"], ["3.weight", "1.beta"], ["0.weight", "0.bias", "1.gamma"]];
    const { blocks, blocksBy } = await shift({ blocks: lists });
    expect(blocksBy).toBe("given");
    expect(blocks.map((block) => block.members)).toEqual(lists);
    expect(blocks[1]!.weight!.difference).toBeCloseTo(change(4, 5), 12);
    expect(blocks[2]!.weight!.difference).toBeCloseTo(change(0, 3, 4, 5), 12);
  });

  it("take a name without a path as a module", async () => {
    const plain = groupsOf(["a", "weight", [2]], ["b", "bias", [1]], ["c", "shift", [3]]);
    const { blocks } = await shift({ groups: plain, blocks: "module" });
    expect(blocks.map((block) => block.name)).toEqual(["a", "b", "c"]);
  });

  it.each([
    [{ blocks: "all" }, 'expected blocks to be "layer", "module" or lists of names of groups, got "all"'],
    [{ blocks: [["0.weight"]] }, 'expected each group in a block, got "0.bias" in none'],
    [{ blocks: [[]] }, "expected blocks[0] to name at least 1 group, got 0"],
    [
      { blocks: [["0.weight"], ["0.weight"]] },
      'expected blocks that name each group once, got "0.weight" in blocks[1]',
    ],
    [{ blocks: [["7.weight"]] }, 'expected blocks that name each group once, got "7.weight" in blocks[0]'],
    [{ groups: groups.slice(1) }, "expected groups that cover the point's 6 coordinates, got 5"],
    [
      { groups: [{ ...groups[0], role: "matrix" }, ...groups.slice(1)] },
      'expected groups[0] to have a name and the role of a parameter, got name "0.weight", role "matrix"',
    ],
    [{ moves: "some" }, 'expected moves to be "all" or "weights", got "some"'],
    [
      { moved: undefined },
      "expected either a learningRate or the moved point, got learningRate undefined and moved undefined",
    ],
    [
      { learningRate: 1 },
      "expected either a learningRate or the moved point, got learningRate 1 and moved Float64Array(6)",
    ],
    [{ moved: undefined, learningRate: -1 }, "expected learningRate to be a finite number > 0, got -1"],
    [{ moved: Float64Array.of(1) }, "expected moved to have 6 values, got 1"],
    [{ moved: new Float64Array(6).fill(NaN) }, "expected moved to be finite, got NaN at coordinate 0"],
    [{ moved: [1, 2, 3, 4, 5, 6] }, "expected moved to be a Float64Array, got [1, 2, 3, 4, 5, 6]"],
  ])("refuse %o", async (options, message) => {
    await expect(shift(options as InternalCovariateShiftOptions)).rejects.toThrow(`internalCovariateShift: ${message}`);
  });
});

describe("internalCovariateShift at the edges", () => {
  it("has no cosine where a gradient is round-off", async () => {
    // The second coordinate is a bias in front of a norm: its gradient is 0 but for round-off.
    const objective: Objective = ([a, b]) => ({
      loss: a! ** 2,
      gradient: Float64Array.of(2 * a!, 1e-17 * (1 + a! + b!)),
    });
    const groups = groupsOf(["0.weight", "weight", [1, 1]], ["1.bias", "bias", [1]]);
    const options = { groups, learningRate: 0.1, blocks: "module" } as const;
    const { blocks } = await internalCovariateShift(objective, Float64Array.of(1, 1), options);
    const reason = "the gradient is 0 or round-off: below 1e-12 of the norm of the whole gradient";
    expect(blocks[1]!.all).toMatchObject({
      relativeDifference: null,
      cosine: null,
      reasons: { relativeDifference: reason, cosine: reason },
    });
    expect(blocks[1]!.all.difference).toBeCloseTo(2e-18, 22);
    expect(blocks[1]!.weight).toBeNull();
    expect(blocks[1]!.linear).toEqual(blocks[1]!.all);
  });

  it("reports a network that diverges when the layers below move", async () => {
    const { objective, point, groups } = linearChain(3, 5, 7);
    const { blocks } = await internalCovariateShift(objective, point, { groups, learningRate: 1e160 });
    expect(blocks[1]).toMatchObject({
      lossPrime: Infinity,
      all: {
        difference: Infinity,
        relativeDifference: Infinity,
        cosine: null,
        normGPrime: Infinity,
        reasons: { cosine: "the gradient at the other point is not finite" },
      },
    });
  });
});
