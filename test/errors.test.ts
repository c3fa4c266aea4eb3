/**
 * THE TABLE OF ERRORS: everything that the public functions of the "." entry refuse, each with the facts that its message must
 * name. Inputs that a layer refuses by their shape stand in test/support/cases.ts.
 *
 * The form is `who: expected X, got Y - cure`: ShapeError for shapes, RangeError for values, TypeError for kinds. And whatever
 * throws has changed nothing.
 */
import { describe, expect, it } from "vitest";
import * as batchnorm from "../src/index.js";
import * as variants from "../src/variants/index.js";
import { batchNorms } from "./errors/batch-norm.js";
import { checks } from "./errors/checks.js";
import { layers } from "./errors/layers.js";
import { losses } from "./errors/losses.js";
import { modelChecks } from "./errors/model-checks.js";
import { models } from "./errors/models.js";
import { optimizers } from "./errors/optimizers.js";
import { randoms } from "./errors/random.js";
import { specialLayers } from "./errors/special-layers.js";
import { tensors } from "./errors/tensor.js";
import { refusals } from "./support/cases.js";
import { expectRefusal } from "./support/refusal.js";

const table = { tensors, randoms, batchNorms, layers, specialLayers, models, losses, optimizers, checks, modelChecks };

/** Public names whose errors a test file of their own asserts, and those that refuse nothing. */
const elsewhere = ["addGradients", "Batcher", "checkpoint", "restore"];
const withoutErrors = ["afterPass", "defaultKernels", "plainKernels", "ShapeError", "wasmKernels"];

describe("a wrong call", () => {
  describe.each(Object.entries(table))("of the %s", (_, rows) => {
    it.each(rows)("throws %s", (refusal, work) => expectRefusal(work, refusal));
  });

  it("is in the table for every public function with arguments", () => {
    const rows = Object.values(table).flat();
    const speakers = [...rows.map(([refusal]) => refusal), ...refusals.map(({ refusal }) => refusal)];
    const names = Object.keys({ ...batchnorm, ...variants });
    const silent = names.filter((name) => !speakers.some((refusal) => refusal.split(": ")[1]!.startsWith(name)));
    // These speak in the name of the layer that calls them.
    expect(new Set(silent)).toEqual(new Set([...elsewhere, ...withoutErrors, "beginForward", "guardedForward"]));
  });
});

describe("a refusal", () => {
  const work = (message: string) => () => {
    throw new RangeError(message);
  };
  const said = 'Dense "2": expected inputs of at least 1, got 0.5 - use more';

  it.each(['RangeError: Dense "2": inputs | 1 | 0.5 | cure', 'RangeError: Dense "2": 0.5 | 1'])(
    "holds in any words and order: %s",
    (refusal) => expectRefusal(work(said), refusal),
  );

  it.each([
    ["another class", said, 'TypeError: Dense "2": inputs'],
    ["another speaker", said, "RangeError: Dense: inputs"],
    ["a number that is part of another", said, 'RangeError: Dense "2": 5'],
    ["a fact that is missing", said, 'RangeError: Dense "2": outputs'],
    ["a cure that is missing", "Dense: expected inputs, got 0", "RangeError: Dense: cure"],
    ["another form", "Dense: bad inputs", "RangeError: Dense: inputs"],
  ])("does not hold with %s", async (_, message, refusal) => {
    await expect(expectRefusal(work(message), refusal)).rejects.toThrow();
  });
});
