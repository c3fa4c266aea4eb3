/** The cases of the test suites of TensorFlow.js and Keras, each run through the feature that covers it. */
import { describe, expect, it } from "vitest";
import { kernelSets, numbersOf, readCases, type GoldenTensor } from "./golden.js";
import { foreignRunner, type ForeignCase, type ForeignValue } from "./foreign.js";

const files = ["tfjs-batch-norm.json", "tfjs-other.json", "keras-batch-norm.json", "keras-other.json"];
const cases = files.flatMap((file) => readCases(file) as readonly ForeignCase[]);

/** What tfjs and Keras allow where a case says nothing: the defaults of their files. */
function toleranceOf(one: ForeignCase, key: string): { readonly rtol: number; readonly atol: number } {
  const fallback = one.id.startsWith("tfjs/") ? { rtol: 0, atol: 1e-3 } : { rtol: 1e-9, atol: 1e-12 };
  const own = one.tolerance_strict ?? one.tolerance ?? {};
  return own[key] ?? own["*"] ?? fallback;
}

/** Nested expectations as flat ones: {steps: [{p: T}]} becomes ["steps.0.p", T]. */
function flatten(value: ForeignValue, path: string): [string, readonly number[]][] {
  if (typeof value === "number") return [[path, [value]]];
  if (isTensor(value)) return [[path, numbersOf(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flatten(inner, path === "" ? key : `${path}.${key}`));
}

function isTensor(value: ForeignValue): value is GoldenTensor {
  return typeof value === "object" && "data" in value;
}

const perElement = "statistics for each element: no layer, a formula";
const notCovered: Readonly<Record<string, string>> = {
  "tfjs/batchnorm4D/gradients_same_shapes": perElement,
  "tfjs/batchnorm3D/gradients_same_shapes": perElement,
  "tfjs/batchnorm2D/gradients_same_shapes": perElement,
  "tfjs/batchnorm3D/all_3d": perElement,
  "tfjs/layers/2D_elementwise_gamma": perElement,
  "tfjs/layers/2D_elementwise_gamma_beta": perElement,
  "tfjs/layers/3D_elementwise": perElement,
  "tfjs/layers/3D_elementwise_gamma_beta": perElement,
  "keras/optimizer/adam_amsgrad_golden": "Adam has no AMSGrad variant",
  "keras/optimizer/adamw_golden_eps2": "Adam adds epsilon after the bias correction, as in PyTorch; Keras before it",
  "keras/rmsnorm/scale=1": "there is no RMSNorm",
  "keras/rmsnorm/scale=10": "there is no RMSNorm",
};

/** Results of covered cases that the library does not give. */
const notGiven: Readonly<Record<string, string>> = {
  dmean: "running statistics are constants in inference, they have no gradient",
  dvar: "running statistics are constants in inference, they have no gradient",
};

describe("cases of TensorFlow.js and Keras", () => {
  const covered = cases.filter((one) => foreignRunner(one) !== undefined);

  const onBoth = kernelSets.flatMap((kernels) => covered.map((one) => ({ ...one, set: kernels.name, kernels })));

  it.each(onBoth)("$id, on $set kernels", (one) => {
    const actual = foreignRunner(one)!(one);
    for (const [path, expected] of flatten(one.expected, "")) {
      if (path in notGiven) continue;
      const { rtol, atol } = toleranceOf(one, path.split(".")[0]!);
      const got = actual[path];
      expect(got?.length, `number of values of ${path}`).toBe(expected.length);
      const largest = Math.max(...expected.map(Math.abs));
      const worst = Math.max(...expected.map((value, i) => Math.abs(got![i]! - value)));
      expect(worst, `largest difference in ${path}`).toBeLessThanOrEqual(atol + rtol * largest);
    }
  });

  it("cover all but those listed", () => {
    const left = cases.filter((one) => !covered.includes(one)).map((one) => one.id);
    expect(left.sort()).toEqual(Object.keys(notCovered).sort());
    expect(new Set(cases.map((one) => one.id)).size).toBe(91);
  });

  it("cover all results but those listed", () => {
    const missing = covered.flatMap((one) => {
      const actual = foreignRunner(one)!(one);
      return flatten(one.expected, "").flatMap(([path]) => (path in actual ? [] : [path]));
    });
    expect([...new Set(missing)].sort()).toEqual(Object.keys(notGiven).sort());
  });
});
