/** Options: every object of options is read by one table, and a key that is not in the table is refused. */
import { describe, expect, it } from "vitest";
import { BatchNorm, Dense, LeakyReLU, type Pass, Random, ReLU, Sequential, Tensor } from "batchnorm";
import { BatchRenorm, GhostBatchNorm, NoiseInjection } from "batchnorm/variants";
import { dtypeRule, nearest, type OptionRules, readOptions } from "../../src/core/options.js";

/** A value as plain JavaScript may pass it, whatever the types say. */
const as = (value: unknown): never => value as never;

interface Options {
  readonly size: number;
  readonly rate?: number | null | undefined;
  readonly order?: "first" | "last" | undefined;
  readonly random?: Random | undefined;
  readonly dtype?: "float32" | "float64" | undefined;
}

const rules = {
  size: { kind: "count", least: 2 },
  rate: { kind: "number", low: 0, high: 1, withoutHigh: true, orNull: true, default: 0.5 },
  order: { kind: "word", words: ["first", "last"], optional: true },
  random: { kind: "random", optional: true },
  dtype: dtypeRule,
} as const satisfies OptionRules<Options>;

const read = (options: unknown): object => readOptions("Thing", options as Options, rules);

describe("reading options", () => {
  it("fills in the defaults, and leaves optional ones undefined", () => {
    expect(read({ size: 3 })).toEqual({ size: 3, rate: 0.5, order: undefined, random: undefined, dtype: "float32" });
  });

  it("takes undefined as left out, and null only where the table allows it", () => {
    expect(read({ size: 3, rate: undefined })).toMatchObject({ rate: 0.5 });
    expect(read({ size: 3, rate: null })).toMatchObject({ rate: null });
    expect(() => read({ size: null })).toThrow(TypeError);
  });

  it("does not change the options", () => {
    const options = Object.freeze({ size: 3 });
    read(options);
    expect(options).toEqual({ size: 3 });
  });

  it.each([
    [undefined, TypeError],
    [3, TypeError],
    [{}, TypeError],
    [{ size: "3" }, TypeError],
    [{ size: 1 }, RangeError],
    [{ size: 2.5 }, RangeError],
    [{ size: 3, rate: 1 }, RangeError],
    [{ size: 3, rate: NaN }, RangeError],
    [{ size: 3, order: "middle" }, TypeError],
    [{ size: 3, random: 7 }, TypeError],
    [{ size: 3, dtype: "float16" }, TypeError],
  ])("refuses %o", (options, kind) => {
    expect(() => read(options)).toThrow(kind);
    expect(() => read(options)).toThrow(/^Thing: expected /);
  });

  it("refuses an unknown key, and names the near miss or all keys", () => {
    expect(() => read({ size: 3, sise: 1 })).toThrow(/"sise".*did you mean size\?/);
    expect(() => read({ size: 3, affine: true })).toThrow(/size, rate, order, random, dtype.*"affine"$/);
    expect(() => read({ size: 3, toString: 1 })).toThrow(/"toString"/);
  });
});

describe("the nearest word", () => {
  it.each([
    ["eps", ["features", "epsilon"], "epsilon"],
    ["betas", ["beta1", "beta2"], "beta1"],
    ["rowWeight", ["mode", "rowWeights"], "rowWeights"],
    ["EPSILON", ["epsilon"], "epsilon"],
    ["learning_rate", ["learningRate"], "learningRate"],
    ["reduction", ["labelSmoothing", "kernels"], undefined],
    ["a", ["axis"], undefined],
  ])("to %s among %o is %s", (word, known, near) => {
    expect(nearest(word, known)).toBe(near);
  });
});

describe("a misspelled option of a layer", () => {
  const random = new Random(1);
  it.each([
    ["BatchNorm", () => new BatchNorm(as({ features: 2, eps: 1e-3 })), "epsilon"],
    ["BatchNorm.freeze", () => new BatchNorm({ features: 2 }).freeze(as({ update: true })), "updates"],
    ["Dense", () => new Dense(as({ inputs: 1, outputs: 1, random, biass: false })), "bias"],
    ["LeakyReLU", () => new LeakyReLU(as({ slop: 0.1 })), "slope"],
    ["BatchRenorm", () => new BatchRenorm(as({ features: 2, largestshift: 1 })), "largestShift"],
    ["GhostBatchNorm", () => new GhostBatchNorm(as({ features: 2, groupSizes: 2 })), "groupSize"],
    ["NoiseInjection", () => new NoiseInjection(as({ random, meanspread: 1 })), "meanSpread"],
    ["Tensor.normal", () => Tensor.normal([1], as({ random, stds: 1 })), "std"],
    ["Tensor.from", () => Tensor.from([1], as({ dtypes: "float64" })), "dtype"],
  ])("%s is refused with its near miss", (who, work, near) => {
    expect(work).toThrow(TypeError);
    expect(work).toThrow(new RegExp(`^${who}: .*did you mean ${near}\\?`));
  });
});

describe("the keys of a pass", () => {
  const x = Tensor.from([[1], [2]]);

  it.each([new BatchNorm({ features: 1 }), new ReLU(), new Sequential([new BatchNorm({ features: 1 })])])(
    "are checked for near misses by every layer (%#)",
    (layer) => {
      const pass: Pass = as({ mode: "train", rowWeight: [1, 1] });
      expect(() => layer.forward(x, pass)).toThrow(/"rowWeight" - did you mean rowWeights\?/);
    },
  );

  it.each([
    [{ kernels: 1 }, /kernels to be an object, got 1/],
    [{ kernels: { name: "mine" } }, /kernels with \w+, got keys name - /],
    [{ defer: true }, /defer to be a function, got true/],
    [{ observe: "all" }, /observe to be a function, got "all"/],
    [{ rowWeights: 1 }, /rowWeights/],
  ])("are refused when of another kind: %o", (keys, message) => {
    const norm = new BatchNorm({ features: 1 });
    const pass: Pass = as({ mode: "train", ...keys });
    expect(() => norm.forward(x, pass)).toThrow(TypeError);
    expect(() => norm.forward(x, pass)).toThrow(message);
    expect(norm.batchesTracked.values[0]).toBe(0);
  });

  it("may be others, for containers of a user's own", () => {
    expect(new ReLU().forward(x, as({ mode: "train", temperature: 2 })).output.size).toBe(2);
  });
});
