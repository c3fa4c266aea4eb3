/** Guards: what every layer requires of its input, its pass, its gradients and its statistics. */

import { complaint, ShapeError, show } from "../core/errors.js";
import { channelView, type ChannelView, printShape, sameShape } from "../core/shape.js";
import { expectTensor, type Tensor } from "../core/tensor.js";
import type { Layer, Pass } from "./contract.js";
import type { Parameter } from "./parameter.js";

/**
 * Returns the check at the start of a backward pass. It requires a gradient with the shape and dtype of the output, and
 * parameters that have not changed since the forward pass.
 */
export function guardBackward(
  name: string,
  output: Tensor,
  parameters: readonly Parameter[],
): (gradOutput: Tensor) => void {
  const { shape, dtype } = output;
  const versions = parameters.map((parameter) => parameter.version);
  return (gradOutput) => {
    expectTensor(name, "gradOutput", gradOutput);
    if (!sameShape(gradOutput.shape, shape)) {
      const expected = `gradOutput of shape ${printShape(shape)}, like the output`;
      throw new ShapeError(complaint(name, expected, printShape(gradOutput.shape)));
    }
    if (gradOutput.dtype !== dtype) {
      const cure = `use gradOutput.cast("${dtype}")`;
      throw new TypeError(complaint(name, `gradOutput of dtype ${dtype}`, gradOutput.dtype, cure));
    }
    const moved = parameters.findIndex((parameter, i) => parameter.version !== versions[i]);
    if (moved >= 0) {
      const expected = `${parameters[moved]!.name} to be unchanged since the forward pass`;
      const cure = "call backward before the parameters are updated";
      throw new RangeError(complaint(name, expected, "changed values", cure));
    }
  };
}

/** Requires a layer. */
export function expectLayer(name: string, layer: unknown, where = ""): asserts layer is Layer {
  const { forward, parameters, statistics } = (layer ?? {}) as Partial<Layer>;
  if (typeof forward !== "function" || !Array.isArray(parameters) || !Array.isArray(statistics)) {
    throw new TypeError(complaint(name, `a layer${where}, with forward, parameters and statistics`, show(layer)));
  }
}

/** Requires a gradient with the shape and dtype of its values. */
export function expectGradient(name: string, of: string, gradient: unknown, value: Tensor): asserts gradient is Tensor {
  const expected = `the gradient of ${of}`;
  expectTensor(name, expected, gradient);
  if (!sameShape(gradient.shape, value.shape)) {
    const shape = printShape(value.shape);
    throw new ShapeError(complaint(name, `${expected} of shape ${shape}`, printShape(gradient.shape)));
  }
  if (gradient.dtype !== value.dtype) {
    throw new TypeError(complaint(name, `${expected} of dtype ${value.dtype}`, gradient.dtype));
  }
}

/**
 * Returns the view of an input along its feature axis, which may be negative and must have length `features`. `hasAxis`: whether the
 * layer has an option `axis`, which the error may then suggest.
 */
export function featureView(name: string, input: Tensor, axis: number, features: number, hasAxis = true): ChannelView {
  const rank = input.shape.length;
  const index = axis < 0 ? rank + axis : axis;
  if (rank < 2 || input.shape[index] !== features) {
    const expected = `${features} features on axis ${axis} of the input`;
    // Axis 0 holds the rows, so a match there is chance.
    const other = hasAxis ? input.shape.lastIndexOf(features) : 0;
    const cure = other < 1 ? undefined : `pass axis: ${other === rank - 1 && rank > 2 ? -1 : other}`;
    throw new ShapeError(complaint(name, expected, `shape ${printShape(input.shape)}`, cure));
  }
  return channelView(input.shape, index);
}

/**
 * Requires at least two values per feature, because a single value has no variance. `values` is the effective number if the
 * rows are weighted.
 */
export function expectTwoValues(
  name: string,
  { mode, rowWeights }: Pass,
  values: number,
  input: Tensor,
  hasInference = true,
): void {
  if (values >= 2) return;
  const cure = hasInference ? 'use a larger batch, or mode "inference"' : "use a larger batch";
  const expected = `at least 2 values per feature in mode "${mode}"`;
  const weights = rowWeights ? ` and row weights worth ${Number(values.toPrecision(3))} values` : "";
  throw new RangeError(complaint(name, expected, `input shape ${printShape(input.shape)}${weights}`, cure));
}

/** Requires a pass without row weights, for layers that do not support them. An ignored mask would go unnoticed. */
export function expectNoRowWeights(name: string, { rowWeights }: Pass): void {
  if (rowWeights === undefined) return;
  throw new TypeError(complaint(name, "a pass without row weights", show(rowWeights), "use a BatchNorm"));
}

/** Requires running statistics that include at least one batch. */
export function expectTracked(name: string, { mode }: Pass, batchesTracked: number): void {
  if (batchesTracked > 0) return;
  const batch = mode === "inference" ? 'run a batch in mode "train"' : "unfreeze the layer for a batch";
  const expected = `running statistics in mode "${mode}"`;
  throw new RangeError(complaint(name, expected, "none, because no batch was tracked", `${batch}, or load statistics`));
}

/**
 * Rejects a variance that has overflowed, because 1 / Infinity would turn the whole feature into beta. NaN is not rejected,
 * because it shows in the output.
 */
export function expectFiniteVariance(name: string, variance: Float64Array): void {
  const feature = variance.indexOf(Infinity);
  if (feature < 0) return;
  const got = `an infinite variance in feature ${feature}`;
  throw new RangeError(complaint(name, "values whose squares float64 can hold", got, "scale down the input"));
}
