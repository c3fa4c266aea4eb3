/**
 * THE TABLE OF ERRORS: everything that the public functions of the "." entry refuse, each message whole. Inputs that a
 * layer refuses by their shape stand in test/support/cases.ts.
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
import { expectError } from "./support/close.js";

const table = { tensors, randoms, batchNorms, layers, specialLayers, models, losses, optimizers, checks, modelChecks };
const allRows = Object.values(table).flat();

/** Public names whose errors a test file of their own asserts whole, and those that refuse nothing. */
const elsewhere = ["addGradients", "Batcher"];
const withoutErrors = ["afterPass", "defaultKernels", "plainKernels", "ShapeError", "wasmKernels"];

describe("the errors of", () => {
  describe.each(Object.entries(table))("%s", (_, rows) => {
    it.each(rows)("%s: %s", async (kind, message, work) => {
      await expectError(work, kind, message);
    });
  });

  it("have the form `who: expected X, got Y - cure`", () => {
    const messages = allRows.map(([, message]) => message);
    for (const message of [...messages, ...refusals.map((refusal) => refusal.message)]) {
      expect(message).toMatch(/^[A-Za-z][\w.]*( "[\w.]+")?: expected .+, got .*[^.]$/);
    }
  });

  it("are asserted for every public function that takes something", () => {
    const speakers = new Set([...allRows.map(([, message]) => message), ...refusals.map(({ message }) => message)]);
    const names = Object.keys({ ...batchnorm, ...variants });
    const silent = names.filter((name) => ![...speakers].some((message) => message.startsWith(name)));
    // These speak in the name of the layer that calls them.
    expect(new Set(silent)).toEqual(new Set([...elsewhere, ...withoutErrors, "beginForward", "guardedForward"]));
  });
});
