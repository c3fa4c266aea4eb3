/** The initial values of a weight and a bias, drawn or given: Dense and Conv2d. */

import type { DType } from "../core/dtype.js";
import { complaint, expectOneOf, ShapeError } from "../core/errors.js";
import { expectRandom, type Random } from "../core/random.js";
import { printShape, sameShape, type Shape } from "../core/shape.js";
import { expectTensor, Tensor } from "../core/tensor.js";
import { Parameter } from "./parameter.js";

/**
 * Where the initial weight of a layer comes from: drawn from a stream, or given values. Omitting both is a compile-time error.
 *
 * "glorot" is uniform in ±sqrt(6 / (fanIn + fanOut)), "he" is normal with variance 2 / fanIn, for ReLU. Default: "glorot". The bias
 * starts at zero unless given.
 */
export type Initialization<Values> =
  | { readonly initial: Values; readonly random?: Random | undefined }
  | {
      readonly initial?: "glorot" | "he" | undefined;
      /** The source of random initial values. */
      readonly random: Random;
    };

/** What the constructor of such a layer has read. */
export interface InitialOptions {
  readonly bias: boolean;
  readonly initial: unknown;
  readonly random: Random | undefined;
  readonly dtype: DType;
}

/** How many inputs an output depends on, how many outputs on an input, and the axis of the outputs. */
export interface Fans {
  readonly outputAxis: number;
  readonly fanIn: number;
  readonly fanOut: number;
}

/** The parameters of a layer y = x * weight + bias. */
export interface WeightAndBias {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
}

/**
 * Creates the weight: "glorot" (uniform in ±sqrt(6 / (fanIn + fanOut))), "he" (normal with variance 2 / fanIn), or a copy of given
 * values. Creates the bias, of zeros or of given values.
 */
export function weightAndBias(
  who: string,
  { bias, initial, random, dtype }: InitialOptions,
  shape: Shape,
  outputs: number,
  { fanIn, fanOut, outputAxis }: Fans,
): WeightAndBias {
  let weight: Tensor;
  let initialBias: Tensor | undefined;
  if (typeof initial === "object" && initial !== null) {
    const given = initial as { readonly weight: Tensor; readonly bias?: Tensor | undefined };
    weight = copyOfInitial(who, "weight", given.weight, shape, dtype);
    if (given.bias !== undefined) {
      if (!bias) throw new TypeError(complaint(who, "no initial.bias with bias: false", "one"));
      initialBias = copyOfInitial(who, "bias", given.bias, [outputs], dtype);
    }
  } else {
    expectOneOf(who, "initial", initial, ["glorot", "he"]);
    expectRandom(who, random);
    const limit = Math.sqrt(6 / (fanIn + fanOut));
    weight =
      initial === "glorot"
        ? Tensor.uniform(shape, { random, low: -limit, high: limit, dtype })
        : Tensor.normal(shape, { random, std: Math.sqrt(2 / fanIn), dtype });
  }
  return {
    weight: new Parameter("weight", "weight", weight, outputAxis),
    bias: bias ? new Parameter("bias", "bias", initialBias ?? Tensor.zeros([outputs], dtype)) : undefined,
  };
}

function copyOfInitial(who: string, name: string, values: Tensor, shape: Shape, dtype: DType): Tensor {
  expectTensor(who, `initial.${name}`, values);
  if (!sameShape(values.shape, shape)) {
    throw new ShapeError(complaint(who, `initial.${name} of shape ${printShape(shape)}`, printShape(values.shape)));
  }
  if (values.dtype !== dtype) {
    throw new TypeError(
      complaint(who, `initial.${name} of dtype ${dtype}`, values.dtype, `cast it, or pass dtype: "${values.dtype}"`),
    );
  }
  return values.copy();
}
