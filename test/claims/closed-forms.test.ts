/** The closed forms that the claims on initialization and on scale-invariant weights compare with, and what they measure. */
import { checkLayer, Random, Tensor } from "batchnorm";
import { describe, expect, it } from "vitest";
import { openSource } from "../../examples/laboratory/data.js";
import { SkipInit } from "../../examples/laboratory/layers.js";
import { growingRate } from "../../examples/laboratory/measure/growing-rate.js";
import { residualShares } from "../../examples/laboratory/measure/residual.js";
import { rotation } from "../../examples/laboratory/measure/rotation.js";
import { meanMoments, predictedShares, sampleVariance } from "../../examples/laboratory/measure/sample-variance.js";

const source = openSource(undefined);
const SEED = 201;

/** E[ReLU(u) ReLU(v)] / E[ReLU(u)^2] for Gaussian u and v with correlation c, by the midpoint rule. */
function integrated(c: number): number {
  const [range, step] = [7, 0.02];
  const relu = (value: number): number => Math.max(0, value);
  let [products, squares] = [0, 0];
  for (let u = step / 2; u < range; u += step) {
    for (let w = -range + step / 2; w < range; w += step) {
      const density = Math.exp(-(u * u + w * w) / 2);
      products += density * u * relu(c * u + Math.sqrt(1 - c * c) * w);
      squares += density * u * u;
    }
  }
  return products / squares;
}

describe("the share of the second moment that varies with the input", () => {
  it("is predicted by repeated integration over two Gaussians", () => {
    let c = 0;
    const shares = Array.from({ length: 10 }, () => 1 - (c = integrated(c)));
    predictedShares(10).forEach((share, layer) => expect(share).toBeCloseTo(shares[layer]!, 3));
  });

  it("has the values printed with the claim", () => {
    const shares = predictedShares(50);
    expect([1, 2, 5, 10, 20, 50].map((layer) => shares[layer - 1]!.toFixed(3))).toEqual([
      "0.682",
      "0.506",
      "0.264",
      "0.128",
      "0.052",
      "0.012",
    ]);
  });

  it("is measured from means over the units", () => {
    // Units (1, 3) and (4, 4): means 2 and 4, variances 1 and 0.
    expect(
      meanMoments(
        Tensor.from([
          [1, 4],
          [3, 4],
        ]),
      ),
    ).toEqual({ moment: 10.5, variance: 0.5 });
  });

  it("follows the prediction in the first layers, and is 1 before each activation with batch norm", async () => {
    const setup = { seed: SEED, layers: 3, width: 256, inputs: 256 };
    const plain = await sampleVariance({ ...setup, network: "plain" });
    predictedShares(3).forEach((share, layer) => expect(Math.abs(plain.after[layer]! / share - 1)).toBeLessThan(0.15));
    const norm = await sampleVariance({ ...setup, network: "batch norm" });
    for (const share of norm.before) expect(share).toBeCloseTo(1, 5);
    // After the ReLU of a standard normal value.
    for (const share of norm.after) expect(Math.abs(share - (1 - 1 / Math.PI))).toBeLessThan(0.03);
  });
});

describe("weight decay", () => {
  it("is the same as a growing learning rate, and not as a constant one", async () => {
    const run = await growingRate({ seed: SEED, learningRate: 0.3, weightDecay: 0.1, steps: 10 }, source);
    expect(run.growing).toHaveLength(10);
    expect(Math.max(...run.growing)).toBeLessThan(1e-12);
    expect(run.weights).toBeLessThan(1e-12);
    expect(run.constant.at(-1)).toBeGreaterThan(1e-3);
  });
});

describe("the rotation of weights", () => {
  it("is recorded in parts, with one value per layer for the last fifth", async () => {
    const setup = { seed: SEED, learningRate: 0.1, weightDecay: 0.01, momentum: 0.9, steps: 60 };
    const { predicted, over, rms, median } = await rotation(setup, source, () => undefined);
    expect(predicted).toBeCloseTo(Math.sqrt(0.002 / 1.9), 12);
    expect(over.map(({ length }) => length)).toEqual([50, 50, 50]);
    expect(over.flat().every((angle) => angle > 0 && angle < 1)).toBe(true);
    // The last fifth are the 12 steps of the last 10 parts, some of which have two steps.
    for (const [layer, angles] of over.entries()) {
      const last = angles.slice(40);
      expect(rms[layer]).toBeGreaterThan(Math.min(...last));
      expect(rms[layer]).toBeLessThan(Math.max(...last));
      expect(median[layer]).toBeLessThan(Math.max(...last));
    }
  });
});

describe("residual blocks", () => {
  const setup = { seed: SEED, blocks: 16, inputs: 256 };

  it.each([1, 2])("have the predicted shares with batch norm and %d Dense in each branch", async (denses) => {
    const shares = await residualShares({ ...setup, branch: "batch norm", denses });
    const term = 1 - 1 / Math.PI;
    const errors = shares.map((share, i) => Math.abs((share * (1 + term * (i + 1))) / term - 1));
    expect(Math.max(...errors)).toBeLessThan(0.2);
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(0.07);
  });

  it("keep a share that does not fall with depth without normalization, and none with SkipInit", async () => {
    const plain = await residualShares({ ...setup, branch: "plain", denses: 1 });
    expect(Math.min(...plain)).toBeGreaterThan(0.25);
    expect(await residualShares({ ...setup, branch: "SkipInit", denses: 1 })).toEqual(plain.map(() => 0));
  });

  it("multiply by a learned scalar with the right gradient", async () => {
    const layer = new SkipInit();
    const input = Tensor.normal([5, 3], { random: new Random(SEED), dtype: "float64" });
    expect(layer.forward(input.cast("float32"), { mode: "train" }).output.data.every((value) => value === 0)).toBe(
      true,
    );
    layer.alpha.update((values) => (values[0] = 1.5));
    expect((await checkLayer(layer, input, { mode: "probe", random: new Random(1) })).verdict).toBe("agrees");
    const { output } = layer.forward(Tensor.from([[2, -4]]), { mode: "inference" });
    expect(output.toNested()).toEqual([[3, -6]]);
  });
});
