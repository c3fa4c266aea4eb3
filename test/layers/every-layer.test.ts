/** What every layer promises, over the whole table of test/support/cases.ts. */
import { describe, expect, it } from "vitest";
import { checkLayer } from "../../src/model/check-layer.js";
import { type DType, unitRoundoff } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import type { Kernels } from "../../src/kernels/types.js";
import type { Layer, Mode } from "../../src/layers/contract.js";
import { Residual } from "../../src/layers/residual.js";
import { Sequential } from "../../src/layers/sequential.js";
import { parametersByPath, statisticsByPath } from "../../src/model/tree.js";
import { Tensor } from "../../src/core/tensor.js";
import { loadStateDict, stateDict } from "../../src/model/state.js";
import { type LayerCase, layerCases, refusals } from "../support/cases.js";
import { expectBits, expectClose, gradientsByPath, memoryOf } from "../support/close.js";
import { kernelSets } from "../support/kernel-sets.js";
import { expectRefusal } from "../support/refusal.js";
import { anyGradient, ordinary, settle } from "../support/samples.js";

const modes: readonly Mode[] = ["train", "probe", "inference"];
const dtypes: readonly DType[] = ["float64", "float32"];

interface Ready {
  readonly layer: Layer;
  readonly input: Tensor;
  readonly random: Random;
}

/** A layer of the table away from its initial values, and an input. The same row and dtype give the same bits. */
function ready(row: LayerCase, dtype: DType): Ready {
  const random = new Random(1).fork(row.name);
  const layer = settle(row.make({ random: random.fork("layer"), dtype }), row.shape, random, dtype);
  return { layer, input: ordinary(row.shape, random, dtype), random };
}

/** All numbers of one pass forward and back: output, input gradient, gradients by path. */
function numbersOfPass(
  layer: Layer,
  input: Tensor,
  mode: Mode,
  gradOutput: Tensor,
  kernels?: Kernels,
): Map<string, ArrayLike<number>> {
  const { output, backward } = layer.forward(input, { mode, kernels });
  const { gradInput, gradients } = backward(gradOutput);
  return new Map<string, ArrayLike<number>>([
    ["output", output.data.slice()],
    ["gradInput", gradInput.data.slice()],
    ...gradientsByPath(layer, gradients),
  ]);
}

/** Whether the backward pass of a layer may be asked only once. */
function isContainer(layer: Layer): boolean {
  return layer instanceof Sequential || layer instanceof Residual;
}

function expectSamePass(actual: Map<string, ArrayLike<number>>, expected: Map<string, ArrayLike<number>>): void {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  for (const [name, numbers] of expected) expectBits(name, actual.get(name)!, numbers);
}

/**
 * How often a float32 layer rounds. The plain kernels compute in double precision and round once; but Sigmoid and Tanh
 * differentiate through their output, which is rounded itself, LayerNorm and GroupNorm round xhat and its gradient,
 * BatchRenorm its gamma and beta of the batch, GhostBatchNorm the gradients of each group, and BatchRMSNorm its gradient before
 * and after the mean square. The WebAssembly kernels round every operation, and what they round may cancel.
 */
function roundings(row: LayerCase, kernels: Kernels): number {
  const many = [
    "Sigmoid",
    "Tanh",
    "LayerNorm",
    "GroupNorm",
    "BatchRenorm",
    "GhostBatchNorm",
    "BatchRMSNorm",
    "Softmax",
    "LogSoftmax",
  ].includes(row.kind);
  return (kernels.name === "plain" ? 1 : 32) * (many ? 4 : 1);
}

describe.each(layerCases)("$name", (row) => {
  describe.each(["probe", "inference"] as const)("in mode %s", (mode) => {
    const sets = kernelSets.flatMap((kernels) => dtypes.map((dtype) => ({ name: kernels.name, kernels, dtype })));
    it.each(sets)("has the gradient of its output, in $dtype on $name kernels", async ({ kernels, dtype }) => {
      const { layer, input, random } = ready(row, dtype);
      const report = await checkLayer(layer, input, { mode, random, dtype, kernels, coordinatesPerGroup: 6 });
      expect(report.verdict, report.text).toBe("agrees");
      expect(report.coordinates.length).toBeGreaterThanOrEqual(Math.min(6, input.size) + row.parameters.length);
    });

    it("changes nothing", () => {
      const { layer, input, random } = ready(row, "float32");
      const before = memoryOf(layer);
      const values = input.data.slice();
      const { output, backward } = layer.forward(input, { mode });
      const gradOutput = anyGradient(output, random);
      const sent = gradOutput.data.slice();
      expect(backward(gradOutput).gradInput.shape).toEqual(row.shape);
      expect(memoryOf(layer)).toEqual(before);
      expectBits("the input", input.data, values);
      expectBits("the output gradient", gradOutput.data, sent);
    });
  });

  it.each(dtypes)('gives the same bits in modes "train" and "probe", in %s', (dtype) => {
    const { layer, input, random } = ready(row, dtype);
    const gradOutput = anyGradient(layer.forward(input, { mode: "probe" }).output, random);
    const probe = numbersOfPass(layer, input, "probe", gradOutput);
    expectSamePass(numbersOfPass(layer, input, "train", gradOutput), probe);
  });

  it.each(dtypes)("has the documented shapes, dtypes and roles, in %s", (dtype) => {
    const { layer, input, random } = ready(row, dtype);
    expect([...parametersByPath(layer).keys()]).toEqual(row.parameters);
    expect([...statisticsByPath(layer).keys()]).toEqual(row.statistics);
    const { output, backward } = layer.forward(input, { mode: "probe" });
    expect([output.shape, output.dtype]).toEqual([row.output, dtype]);
    const { gradInput, gradients } = backward(anyGradient(output, random));
    expect([gradInput.shape, gradInput.dtype]).toEqual([row.shape, dtype]);
    expect(new Set(gradients.keys())).toEqual(new Set(layer.parameters));
    const roles = { weight: "weight", bias: "bias", gamma: "scale", alpha: "scale", beta: "shift" };
    for (const { name, role, value } of layer.parameters) {
      expect([role, value.dtype], name).toEqual([roles[name as keyof typeof roles], dtype]);
    }
    for (const [parameter, gradient] of gradients) {
      expect([gradient.shape, gradient.dtype], parameter.name).toEqual([parameter.value.shape, dtype]);
    }
  });

  it.each(kernelSets)("agrees with double precision on $name kernels, up to a few roundings", (kernels) => {
    const { layer, input, random } = ready(row, "float32");
    const wide = ready(row, "float64").layer;
    for (const [path, parameter] of parametersByPath(wide)) {
      parameter.update((values) => values.set(parametersByPath(layer).get(path)!.value.data));
    }
    for (const [path, { values }] of statisticsByPath(wide)) {
      values.set(statisticsByPath(layer).get(path)!.values);
    }
    for (const mode of modes) {
      const gradOutput = anyGradient(layer.forward(input, { mode: "probe" }).output, random);
      const narrow = numbersOfPass(layer, input, mode, gradOutput, kernels);
      const exact = numbersOfPass(wide, input.cast("float64"), mode, gradOutput.cast("float64"), kernels);
      if (row.kind === "Sequential" || row.kind === "Residual") {
        // Each layer rounds its own output, and gradients may cancel to 0: measured against the largest number of the pass.
        const flat = (numbers: typeof exact): number[] => [...numbers.values()].flatMap((values) => Array.from(values));
        expectClose(mode, flat(narrow), flat(exact), 64 * unitRoundoff.float32);
      } else {
        for (const [name, numbers] of exact) {
          expectClose(`${name}, ${mode}`, narrow.get(name)!, numbers, roundings(row, kernels) * unitRoundoff.float32);
        }
      }
    }
  });

  describe.each(modes)("in mode %s", (mode) => {
    it("keeps concurrent passes separate", () => {
      const alone = ready(row, "float64");
      const other = ordinary(row.shape, alone.random);
      const { output } = alone.layer.forward(alone.input, { mode: "probe" });
      const gradOutput = anyGradient(output, alone.random);
      const gradOther = anyGradient(output, alone.random);
      const first = numbersOfPass(alone.layer, alone.input, mode, gradOutput);
      const second = numbersOfPass(alone.layer, other, mode, gradOther);

      const { layer, input } = ready(row, "float64");
      const one = layer.forward(input, { mode });
      const two = layer.forward(other, { mode });
      const backTwo = two.backward(gradOther);
      const backOne = one.backward(gradOutput);
      expectBits("the first output", one.output.data, first.get("output")!);
      expectBits("the second output", two.output.data, second.get("output")!);
      expectBits("the second input gradient", backTwo.gradInput.data, second.get("gradInput")!);
      expectBits("the first input gradient", backOne.gradInput.data, first.get("gradInput")!);
      for (const [path, gradient] of gradientsByPath(layer, backOne.gradients)) {
        expectBits(`the first ${path}`, gradient, first.get(path)!);
      }
      for (const [path, gradient] of gradientsByPath(layer, backTwo.gradients)) {
        expectBits(`the second ${path}`, gradient, second.get(path)!);
      }
    });

    it("notices when the caller has written to what its backward pass reads", () => {
      const { layer, input, random } = ready(row, "float64");
      const gradOutput = anyGradient(layer.forward(input, { mode: "probe" }).output, random);
      const expected = numbersOfPass(layer, input, mode === "train" ? "probe" : mode, gradOutput);
      const overwrites: Readonly<Record<string, (from: Tensor) => void>> = {
        "all of it": ({ data }) => void data.fill(7),
        "its second half": ({ data }) => void data.fill(7, data.length / 2),
        "a single value": ({ data }) => void (data[data.length - 1] = NaN),
      };
      for (const [what, overwrite] of Object.entries(overwrites)) {
        for (const where of ["input", "output", "gradOutput"]) {
          const { layer, input: x } = ready(row, "float64");
          const dy = gradOutput.copy();
          const { output, backward } = layer.forward(x, { mode });
          if (where === "input") overwrite(x);
          if (where === "output") overwrite(output);
          try {
            const back = backward(dy);
            if (where === "gradOutput") overwrite(dy);
            expectBits("gradInput", back.gradInput.data, expected.get("gradInput")!);
            for (const [path, gradient] of gradientsByPath(layer, back.gradients)) {
              expectBits(path, gradient, expected.get(path)!);
            }
          } catch (error) {
            // Either the numbers are right, since the backward pass does not read what was written, or it is refused.
            expect(String(error), `${what} of ${where}`).toMatch(/^RangeError: .*overwritten values - write the next/);
          }
        }
      }
    });

    it("gives arrays that it does not share, and the same ones again unless it is a container", () => {
      const { layer, input, random } = ready(row, "float64");
      const { output, backward } = layer.forward(input, { mode });
      const gradOutput = anyGradient(output, random);
      const first = backward(gradOutput);
      const expected = [first.gradInput.data.slice(), ...[...first.gradients.values()].map(({ data }) => data.slice())];
      first.gradInput.data.fill(7);
      for (const gradient of first.gradients.values()) gradient.data.fill(7);
      if (isContainer(layer)) {
        expect(() => backward(gradOutput)).toThrow(
          /^(Sequential|Residual): expected backward to be called once .* run forward again/,
        );
        return;
      }
      const again = backward(gradOutput);
      [again.gradInput, ...again.gradients.values()].forEach(({ data }, i) => {
        expectBits(`array ${i}`, data, expected[i]!);
      });
    });

    it("predicts an empty output for no rows, and refuses them in a pass", async () => {
      const { layer, input } = ready(row, "float32");
      if (input.shape.length < 2) return; // no rows
      const model = layer as Layer & Pick<Sequential, "predict">;
      const none = Tensor.zeros([0, ...input.shape.slice(1)]);
      await expectRefusal(() => layer.forward(none, { mode }), `ShapeError: *: [${none.shape.join(", ")}] | cure`);
      // Where the features are on axis 0, it counts no rows.
      if (mode !== "inference" || row.name.includes("axis 0")) return;
      const { output } = layer.forward(input, { mode });
      const empty = model.predict(none);
      expect([...empty.shape, empty.size, empty.dtype]).toEqual([0, ...output.shape.slice(1), 0, "float32"]);
      expect(model.predict(none, { into: empty })).toBe(empty);
      expect(() => model.predict(none, { into: output })).toThrow(/predict: expected into of shape/);
    });

    it("predicts the output of inference, in a new tensor or in one of the caller's", async () => {
      if (mode !== "inference") return;
      for (const dtype of ["float32", "float64"] as const) {
        const { layer, input } = ready(row, dtype);
        const model = layer as Layer & Pick<Sequential, "predict">;
        const before = memoryOf(layer);
        const { output } = layer.forward(input, { mode });
        const into = Tensor.filled(output.shape, NaN, dtype);
        for (const kernels of [undefined, plainKernels]) {
          const expected = layer.forward(input, { mode, kernels }).output;
          expectBits("a new tensor", model.predict(input, { kernels }).data, expected.data);
          expect(model.predict(input, { into, kernels })).toBe(into);
          expectBits("into", into.data, expected.data);
        }
        expect(memoryOf(layer)).toEqual(before);
        const other = Tensor.zeros([...output.shape, 2], dtype);
        const shapes = `[${output.shape.join(", ")}] | [${other.shape.join(", ")}]`;
        await expectRefusal(() => model.predict(input, { into: other }), `ShapeError: predict: into | ${shapes}`);
        const cast = output.cast(dtype === "float32" ? "float64" : "float32");
        await expectRefusal(
          () => model.predict(input, { into: cast }),
          `TypeError: predict: into | ${dtype} | ${cast.dtype}`,
        );
        await expectRefusal(
          () => model.predict(input, { into: new Tensor(input.data, input.shape) }),
          "RangeError: predict: into | share no memory with the input | overlapping memory",
        );
        await expectRefusal(
          () => model.predict(input, { int: into } as object),
          "TypeError: predict: into | int | cure",
        );
      }
    });

    it("refuses an output gradient of another shape or dtype", async () => {
      const { layer, input, random } = ready(row, "float64");
      const { output, backward } = layer.forward(input, { mode });
      const other = ordinary([...output.shape, 2], random);
      const shapes = `[${output.shape.join(", ")}] | [${other.shape.join(", ")}]`;
      await expectRefusal(() => backward(other), `ShapeError: *: gradOutput | ${shapes}`);
      await expectRefusal(
        () => backward(output.cast("float32")),
        "TypeError: *: gradOutput | float64 | float32 | cure",
      );
      await expectRefusal(() => backward([1] as unknown as Tensor), "TypeError: *: gradOutput | Tensor | [1]");
    });
  });

  it("refuses a backward pass after a parameter update, even if gradients are read late", async () => {
    const { layer, input, random } = ready(row, "float64");
    for (const [path, parameter] of parametersByPath(layer)) {
      const { output, backward } = layer.forward(input, { mode: "probe" });
      const gradOutput = anyGradient(output, random);
      const late = backward(gradOutput);
      const early = layer.forward(input, { mode: "probe" }).backward(gradOutput).gradInput.data.slice();
      parameter.update((values) => (values[0]! += 0.25));
      const expected = isContainer(layer) ? "backward to be called once" : parameter.name;
      await expectRefusal(() => backward(gradOutput), `RangeError: *: ${expected} | cure`);
      // What is computed when first read is either refused, or it was computed before the update.
      let read: ArrayLike<number> = early;
      try {
        read = late.gradInput.data;
      } catch (error) {
        expect(error, path).toBeInstanceOf(RangeError);
      }
      expectBits(`gradInput read after ${path} moved`, read, early);
    }
  });

  it("is restored from its saved state", () => {
    const { layer, input, random } = ready(row, "float32");
    const fresh = row.make({ random: random.fork("another"), dtype: "float32" });
    loadStateDict(fresh, JSON.parse(JSON.stringify(stateDict(layer))) as ReturnType<typeof stateDict>);
    // A random stream is no part of the state.
    const repeatable = ["NoiseInjection", "Dropout"].includes(row.kind)
      ? (["inference"] as const)
      : (["probe", "inference"] as const);
    for (const mode of repeatable) {
      const { output } = layer.forward(input, { mode });
      expectBits(mode, fresh.forward(input, { mode }).output.data, output.data);
    }
  });
});

describe("refusals", () => {
  it.each(refusals)("$name", async ({ make, shape, dtype = "float32", mode, refusal }) => {
    const random = new Random(2);
    const layer = make({ random, dtype: "float32" });
    const before = memoryOf(layer);
    await expectRefusal(() => layer.forward(ordinary(shape, random, dtype), { mode }), refusal);
    expect(memoryOf(layer)).toEqual(before);
  });
});
