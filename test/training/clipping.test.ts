/** Gradient clipping: what it changes, what it reports, and what it leaves alone. */
import { clipByNorm, clipByValue, type DType, Parameter, Tensor } from "batchnorm";
import { describe, expect, it } from "vitest";

function gradientsOf(weight: number[], bias: number[], dtype: DType = "float64"): Map<Parameter, Tensor> {
  const zeros = (values: number[]): Tensor => Tensor.zeros([values.length], dtype);
  return new Map([
    [new Parameter("weight", "weight", zeros(weight)), Tensor.from(weight, { dtype })],
    [new Parameter("bias", "bias", zeros(bias)), Tensor.from(bias, { dtype })],
  ]);
}
const valuesOf = (gradients: ReadonlyMap<Parameter, Tensor>): number[][] =>
  [...gradients.values()].map(({ data }) => [...data]);

describe("clipByNorm", () => {
  it("scales all gradients by one factor, and leaves the given ones as they are", () => {
    const given = gradientsOf([2, 4], [4]);
    const { gradients, norm, scale } = clipByNorm(given, 3);
    expect([norm, scale]).toEqual([6, 0.5]);
    expect(valuesOf(gradients)).toEqual([[1, 2], [2]]);
    expect(valuesOf(given)).toEqual([[2, 4], [4]]);
  });

  it("returns the given map if the norm is within the limit", () => {
    const given = gradientsOf([3], [4]);
    expect(clipByNorm(given, 5)).toEqual({ gradients: given, norm: 5, scale: 1 });
    expect(clipByNorm(given, 5).gradients).toBe(given);
    expect(clipByNorm(gradientsOf([0], [-0]), 1)).toMatchObject({ norm: 0, scale: 1 });
    expect(clipByNorm(new Map(), 1)).toMatchObject({ norm: 0, scale: 1 });
  });

  it("does not overflow or underflow", () => {
    expect(clipByNorm(gradientsOf([3e200], [4e200]), 1).norm / 5e200).toBeCloseTo(1, 14);
    expect(clipByNorm(gradientsOf([3e-200], [4e-200]), 1).norm / 5e-200).toBeCloseTo(1, 14);
  });

  it("keeps the dtype, and neither counts nor changes what is not trainable", () => {
    const given = gradientsOf([3, 4], [1000], "float32");
    const [weight, bias] = [...given.keys()] as [Parameter, Parameter];
    bias.trainable = false;
    const { gradients, norm } = clipByNorm(given, 1);
    expect(norm).toBe(5);
    expect(gradients.get(weight)!.data).toEqual(Float32Array.of(0.6, 0.8));
    expect(gradients.get(bias)).toBe(given.get(bias));
  });
});

describe("clipByValue", () => {
  it("limits each value and counts those that it changed", () => {
    const { gradients, clipped, size } = clipByValue(gradientsOf([2, -0.5], [-7, 1]), 1);
    expect(valuesOf(gradients)).toEqual([
      [1, -0.5],
      [-1, 1],
    ]);
    expect([clipped, size]).toEqual([2, 4]);
  });

  it("returns the given map if every value is within the limit", () => {
    const given = gradientsOf([1], [-1]);
    expect(clipByValue(given, 1)).toEqual({ gradients: given, clipped: 0, size: 2 });
    expect(clipByValue(given, 1).gradients).toBe(given);
  });

  it("neither counts nor changes what is not trainable", () => {
    const given = gradientsOf([3], [1000]);
    const [, bias] = [...given.keys()] as [Parameter, Parameter];
    bias.trainable = false;
    const { gradients, clipped, size } = clipByValue(given, 1);
    expect([clipped, size, ...valuesOf(gradients)]).toEqual([1, 1, [1], [1000]]);
  });
});
