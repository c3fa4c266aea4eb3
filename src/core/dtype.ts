/** The two dtypes, their typed arrays, unit roundoff and tolerances. */

import { complaint } from "./errors.js";

/** A contiguous array of floating-point numbers. */
export type Floats = Float32Array | Float64Array;

/**
 * Floats in an `ArrayBuffer`, not a `SharedArrayBuffer`. `copyToChannel`, `Blob` and `ImageData` require this type.
 *
 * From TypeScript 5.7 on, this is `Float32Array<ArrayBuffer>`, the result type of `slice`. Before, it is `Float32Array`.
 */
export type OwnFloats = ReturnType<Float32Array["slice"]> | ReturnType<Float64Array["slice"]>;

/** The precision of a tensor's values. Sums and statistics use double precision in both cases. */
export type DType = "float32" | "float64";

/** Returns the dtype of a typed array. */
export function dtypeOf(values: Floats): DType {
  return values.BYTES_PER_ELEMENT === 4 ? "float32" : "float64";
}

/**
 * Returns the name of a typed array's class, such as "Float32Array", or undefined for anything else.
 *
 * Reads the array's tag instead of its class, because arrays from another realm (an iframe, a vm context, jsdom) have another
 * class.
 */
export function typedArrayName(value: unknown): string | undefined {
  return ArrayBuffer.isView(value) ? (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] : undefined;
}

/** Returns whether a value is a Float32Array or a Float64Array, from any realm. */
export function isFloats(value: unknown): value is Floats {
  const name = typedArrayName(value);
  return name === "Float32Array" || name === "Float64Array";
}

/** Allocates an array of zeros. */
export function allocate(dtype: DType, length: number): OwnFloats {
  return dtype === "float32" ? new Float32Array(length) : new Float64Array(length);
}

/**
 * Runs work that allocates memory. If the allocation fails, the error names the function and what the memory was for.
 *
 * @throws {RangeError} if the allocation fails
 */
export function withMemory<Result>(who: string, what: () => string, bytes: number, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if ((error as Partial<Error>).name !== "RangeError") throw error;
    const expected = `memory for ${what()}, ${Number((bytes / 1e9).toPrecision(3))} GB`;
    throw new RangeError(complaint(who, expected, `"${(error as Error).message}"`), { cause: error });
  }
}

/** Half the distance from 1 to the next larger number, which is the largest relative error of one rounding. */
export const unitRoundoff: Readonly<Record<DType, number>> = { float32: 2 ** -24, float64: 2 ** -53 };

/**
 * The tolerances of the library and its tests, by dtype.
 *
 * - `gradient`: relative to the root mean square of the whole gradient
 * - `parity`: relative to the largest value compared
 * - `step`: the finite-difference step
 */
export const tolerances: Readonly<
  Record<DType, { readonly gradient: number; readonly parity: number; readonly step: number }>
> = {
  float32: { gradient: 5e-3, parity: 2e-6, step: 1e-3 },
  float64: { gradient: 1e-7, parity: 1e-12, step: 1e-5 },
};
