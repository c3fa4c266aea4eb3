/**
 * Every pair of features: a small model with batch norm, with two features switched on at a time, has the outputs, gradients
 * and running statistics that its equations give. The equations are written out below, in double precision, without the library.
 */
import { describe, expect, it } from "vitest";
import {
  BatchNorm,
  Dense,
  type Layer,
  loadStateDict,
  type Mode,
  parametersByPath,
  type Pass,
  plainKernels,
  ReLU,
  Random,
  Sequential,
  stateDict,
  Tanh,
  Tensor,
} from "batchnorm";
import { expectBits, expectClose, gradientsByPath } from "./support/close.js";
import { expectRefusal } from "./support/refusal.js";
import { wasmAtEverySize } from "./support/kernel-sets.js";

/** [N, C, L] */
const [ROWS, FEATURES, LENGTH] = [6, 3, 4] as const;
const MOMENTUM = 0.25;
const EPSILON = 0.01;
const MASKED = 4;

/** What can be switched on. The model without any is float64, [N, C, L], on the plain kernels, and tracks statistics. */
const features = [
  "a mask",
  "freezing",
  "frozen updates",
  "float32",
  "channels last",
  "a shared layer",
  "a nested container",
  "observe",
  "WebAssembly",
  "a probe while training",
  "loaded statistics",
  "no tracking",
] as const;
type Feature = (typeof features)[number];
type Features = ReadonlySet<Feature>;

const pairs = features.flatMap((one, i) => features.slice(i).map((other) => [one, other] as const));

/** Values [N, C, L] that float32 holds. */
function values(label: string, features: number = ROWS * FEATURES * LENGTH): Float64Array {
  const random = new Random(7).fork(label);
  return Float64Array.from({ length: features }, () => Math.fround(random.normal(0.5, 2)));
}

/** A feature and a position, as an index of the layout. */
function place(row: number, feature: number, at: number, on: Features): number {
  return on.has("channels last") ? (row * LENGTH + at) * FEATURES + feature : (row * FEATURES + feature) * LENGTH + at;
}

/** The equations of a batch norm on one layout. */
class Equations {
  readonly gamma = [1.5, -0.5, 2];
  readonly beta = [0.25, -1, 0];
  readonly runningMean = [0, 0, 0];
  readonly runningVariance = [1, 1, 1];
  readonly dgamma = [0, 0, 0];
  readonly dbeta = [0, 0, 0];
  batches = 0;

  constructor(private readonly on: Features) {
    if (!on.has("loaded statistics")) return;
    this.gamma.splice(0, 3, 0.5, 3, -1);
    this.beta.splice(0, 3, 1, 0.5, -2);
    if (on.has("no tracking")) return;
    this.runningMean.splice(0, 3, 0.5, -0.5, 2);
    this.runningVariance.splice(0, 3, 4, 0.5, 2);
    this.batches = 9;
  }

  /** Returns the output and the gradient of the input; adds the gradients of gamma and beta. */
  forward(
    x: Float64Array,
    mode: Mode,
    frozen: boolean,
  ): { y: Float64Array; backward: (dy: Float64Array) => Float64Array } {
    const { on } = this;
    const useBatch = on.has("no tracking") || (mode !== "inference" && !(frozen && on.has("freezing")));
    const still = frozen && (on.has("freezing") || on.has("frozen updates"));
    const weight = (row: number): number => (on.has("a mask") && row === MASKED ? 0 : 1);
    const total = (on.has("a mask") ? ROWS - 1 : ROWS) * LENGTH;
    const y = new Float64Array(x.length);
    const [means, variances]: [number[], number[]] = [[], []];
    const each = (visit: (row: number, at: number) => void): void => {
      for (let row = 0; row < ROWS; row++) for (let at = 0; at < LENGTH; at++) visit(row, at);
    };
    for (let c = 0; c < FEATURES; c++) {
      let mean = 0;
      each((row, at) => (mean += (weight(row) * x[place(row, c, at, on)]!) / total));
      let variance = 0;
      each((row, at) => (variance += (weight(row) * (x[place(row, c, at, on)]! - mean) ** 2) / total));
      means.push(useBatch ? mean : this.runningMean[c]!);
      variances.push(useBatch ? variance : this.runningVariance[c]!);
      if (mode === "train" && !still && !on.has("no tracking")) {
        this.runningMean[c] = (1 - MOMENTUM) * this.runningMean[c]! + MOMENTUM * mean;
        const unbiased = (variance * total) / (total - 1);
        this.runningVariance[c] = (1 - MOMENTUM) * this.runningVariance[c]! + MOMENTUM * unbiased;
        if (c === 0) this.batches++;
      }
      each((row, at) => {
        const i = place(row, c, at, on);
        y[i] = (this.gamma[c]! * (x[i]! - means[c]!)) / Math.sqrt(variances[c]! + EPSILON) + this.beta[c]!;
      });
    }
    const backward = (dy: Float64Array): Float64Array => {
      const dx = new Float64Array(x.length);
      for (let c = 0; c < FEATURES; c++) {
        const r = 1 / Math.sqrt(variances[c]! + EPSILON);
        // The chain rule through xhat, the variance and the mean, one after the other.
        let [dMean, dVariance] = [0, 0];
        each((row, at) => {
          const i = place(row, c, at, on);
          const centered = x[i]! - means[c]!;
          this.dgamma[c]! += dy[i]! * centered * r;
          this.dbeta[c]! += dy[i]!;
          dMean -= this.gamma[c]! * dy[i]! * r;
          dVariance -= (this.gamma[c]! * dy[i]! * centered * r ** 3) / 2;
        });
        each((row, at) => {
          const i = place(row, c, at, on);
          const share = useBatch ? weight(row) / total : 0;
          dx[i] = this.gamma[c]! * dy[i]! * r + share * (dMean + 2 * (x[i]! - means[c]!) * dVariance);
        });
      }
      return dx;
    };
    return { y, backward };
  }
}

/** The model norm, tanh, norm, as the library has it and as its equations are. */
function build(on: Features): {
  model: Layer;
  norms: readonly BatchNorm[];
  equations: readonly Equations[];
  paths: readonly string[];
} {
  const dtype = on.has("float32") ? "float32" : "float64";
  const make = (): BatchNorm => {
    const norm = new BatchNorm({
      ...{ features: FEATURES, axis: on.has("channels last") ? -1 : 1, dtype, momentum: MOMENTUM, epsilon: EPSILON },
      trackRunningStatistics: !on.has("no tracking"),
    });
    const { gamma, beta } = new Equations(new Set());
    norm.gamma!.value.data.set(gamma);
    norm.beta!.value.data.set(beta);
    return norm;
  };
  const first = make();
  const shared = on.has("a shared layer");
  const norms = shared ? [first, first] : [first, make()];
  const equations = [new Equations(on), new Equations(on)];
  if (shared) equations[1] = equations[0]!;
  const nested = on.has("a nested container");
  const inner: Layer[] = [norms[0]!, new Tanh()];
  const model = new Sequential(nested ? [new Sequential(inner), norms[1]!] : [...inner, norms[1]!]);
  if (on.has("loaded statistics")) {
    const { gamma, beta, runningMean, runningVariance, batches } = equations[0]!;
    const loaded: Record<string, readonly number[]> = {
      ...{ gamma, beta, runningMean, runningVariance, batchesTracked: [batches] },
    };
    const entries = Object.entries(stateDict(model)).map(([path, entry]) => {
      return [path, { ...entry, values: loaded[path.split(".").at(-1)!]! }] as const;
    });
    loadStateDict(model, Object.fromEntries(entries));
  }
  return { model, norms, equations, paths: nested ? ["0.0", "0.1", "0", "1"] : ["0", "1", "2"] };
}

function check(on: Features, mode: Mode): void {
  const dtype = on.has("float32") ? "float32" : "float64";
  const tolerance = dtype === "float32" ? 1e-5 : 1e-12;
  const { model, norms, equations, paths } = build(on);
  const shape = on.has("channels last") ? [ROWS, LENGTH, FEATURES] : [ROWS, FEATURES, LENGTH];
  const tensorOf = (data: Float64Array): Tensor => Tensor.from(data, { shape, dtype });
  const seen: string[] = [];
  const pass = (mode: Mode): Pass => ({
    mode,
    kernels: on.has("WebAssembly") ? wasmAtEverySize : plainKernels,
    rowWeights: on.has("a mask") ? [1, 1, 1, 1, 0, 1] : undefined,
    observe: on.has("observe") ? (path) => seen.push(path) : undefined,
  });
  const forward = (x: Float64Array, mode: Mode, frozen: boolean) => {
    const one = equations[0]!.forward(x, mode, frozen);
    const t = one.y.map(Math.tanh);
    const two = equations[1]!.forward(t, mode, frozen);
    const backward = (dy: Float64Array): Float64Array =>
      one.backward(two.backward(dy).map((value, i) => value * (1 - t[i]! ** 2)));
    return { y: two.y, backward };
  };
  const masked = (data: Float64Array, value: number): Float64Array => {
    if (on.has("a mask"))
      for (let c = 0; c < FEATURES; c++) for (let l = 0; l < LENGTH; l++) data[place(MASKED, c, l, on)] = value;
    return data;
  };

  const earlier = masked(values("an earlier batch"), 77);
  model.forward(tensorOf(earlier), pass("train"));
  forward(earlier, "train", false);
  const which = { normalization: on.has("freezing"), updates: true, parameters: on.has("freezing") };
  if (on.has("freezing") || on.has("frozen updates")) for (const norm of norms) norm.freeze(which);
  seen.length = 0;

  const x = masked(values("a batch"), -55);
  const dy = masked(values("a gradient"), 0);
  const actual = model.forward(tensorOf(x), pass(mode));
  if (on.has("observe")) expect([...seen].sort()).toEqual([...paths].sort());
  if (on.has("a probe while training")) {
    const probe = model.forward(tensorOf(values("another batch")), pass("probe"));
    probe.backward(tensorOf(values("another gradient")));
  }
  const expected = forward(x, mode, true);
  expectClose("output", actual.output.data, expected.y, tolerance);
  const back = actual.backward(tensorOf(dy));
  expectClose("gradInput", back.gradInput.data, expected.backward(dy), 10 * tolerance);

  const gradients = gradientsByPath(model, back.gradients);
  expect(parametersByPath(model).size).toBe(on.has("a shared layer") ? 2 : 4);
  const own = on.has("a shared layer") ? [0] : [0, 1];
  for (const i of own) {
    const [norm, { dgamma, dbeta, runningMean, runningVariance, batches }] = [norms[i]!, equations[i]!];
    const path = [...parametersByPath(model)]
      .find(([, parameter]) => parameter === norm.gamma)![0]
      .replace("gamma", "");
    expectClose(`gradient of gamma ${i}`, gradients.get(`${path}gamma`)!, dgamma, 10 * tolerance);
    expectClose(`gradient of beta ${i}`, gradients.get(`${path}beta`)!, dbeta, 10 * tolerance);
    if (on.has("no tracking")) continue;
    expectClose(`running mean ${i}`, norm.runningMean.values, runningMean, tolerance);
    expectClose(`running variance ${i}`, norm.runningVariance.values, runningVariance, tolerance);
    expect(norm.batchesTracked.values[0]).toBe(batches);
  }
}

describe.each(["train", "probe", "inference"] as const)("in mode %s the equations hold", (mode) => {
  it("without any feature", () => {
    check(new Set(), mode);
  });

  it.each(pairs)("with %s and %s", async (one, other) => {
    const on = new Set<Feature>([one, other]);
    if (on.has("freezing") && on.has("no tracking")) {
      await expectRefusal(() => {
        check(on, mode);
      }, "RangeError: BatchNorm.freeze: running statistics | trackRunningStatistics");
    } else check(on, mode);
  });
});

describe("hidden activations of 1 to 200 kB, which a container may keep in memory of its own", () => {
  const sizes = [32, 255, 256, 257, 512, 2047, 2048, 2049, 6000];

  /** Every number of a pass, and of a second one made between its forward and its backward. */
  function numbersOf(rows: number, observed: boolean, dtype: "float32" | "float64"): Float64Array[] {
    const random = new Random(rows);
    const model = new Sequential([
      new Dense({ inputs: 3, outputs: 8, random, dtype }),
      new BatchNorm({ features: 8, dtype }),
      new Tanh(),
      new Dense({ inputs: 8, outputs: 8, random, dtype }),
      new ReLU(),
      new BatchNorm({ features: 8, dtype }),
      new Dense({ inputs: 8, outputs: 2, random, dtype }),
    ]);
    // Whatever an observer may keep is not private; the numbers are the same.
    const pass: Pass = { mode: "train", observe: observed ? () => undefined : undefined };
    const first = model.forward(Tensor.normal([rows, 3], { random, dtype }), pass);
    const second = model.forward(Tensor.normal([rows, 3], { random, dtype }), pass);
    const passes = [second, first].map(({ output, backward }, i) => {
      const { gradInput, gradients } = backward(Tensor.normal(output.shape, { random: random.fork(`${i}`), dtype }));
      return [output.data, gradInput.data, ...gradientsByPath(model, gradients).values()];
    });
    return [...passes.flat(), ...model.statistics.map(({ values }) => values)].map((data) => Float64Array.from(data));
  }

  it.each(sizes)("are the same numbers as observed ones, with passes in flight: %s rows", (rows) => {
    for (const dtype of ["float32", "float64"] as const) {
      const expected = numbersOf(rows, true, dtype);
      numbersOf(rows, false, dtype).forEach((actual, i) => {
        expectBits(`${dtype}, array ${i}`, actual, expected[i]!);
      });
    }
  });
});
