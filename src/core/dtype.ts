/** The two dtypes, their typed arrays, their round-off, and the one table of tolerances. */

import { complaint } from "./errors.js";

/** A contiguous array of floating-point numbers. */
export type Floats = Float32Array | Float64Array;

/**
 * Floats over an `ArrayBuffer`, not a `SharedArrayBuffer`, as `copyToChannel`, `Blob` and `ImageData` require.
 *
 * In TypeScript 5.7 and later this is `Float32Array<ArrayBuffer>`, the result type of `slice`; before, plain `Float32Array`.
 */
export type OwnFloats = ReturnType<Float32Array["slice"]> | ReturnType<Float64Array["slice"]>;

/** The precision of a tensor's values. Sums and statistics are in double precision for both. */
export type DType = "float32" | "float64";

/** Returns the dtype of a typed array. */
export function dtypeOf(values: Floats): DType {
  return values.BYTES_PER_ELEMENT === 4 ? "float32" : "float64";
}

/**
 * Returns the name of a typed array's class, as in "Float32Array"; undefined for anything else.
 *
 * It reads the array's tag, not its class: an array of another realm (an iframe, a vm context, jsdom) has another class.
 */
export function typedArrayName(value: unknown): string | undefined {
  return ArrayBuffer.isView(value) ? (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] : undefined;
}

/** Returns whether a value is a Float32Array or a Float64Array of any realm. */
export function isFloats(value: unknown): value is Floats {
  const name = typedArrayName(value);
  return name === "Float32Array" || name === "Float64Array";
}

/** Allocates an array of zeros. */
export function allocate(dtype: DType, length: number): OwnFloats {
  return dtype === "float32" ? new Float32Array(length) : new Float64Array(length);
}

/**
 * Runs work that allocates memory. An engine that refuses it says neither who asked nor for what; this error does.
 *
 * @throws {RangeError} if the engine refuses the memory
 */
export function withMemory<Result>(who: string, what: string, bytes: number, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if ((error as Partial<Error>).name !== "RangeError") throw error;
    const expected = `memory for ${what}, ${Number((bytes / 1e9).toPrecision(3))} GB`;
    throw new RangeError(complaint(who, expected, `"${(error as Error).message}"`), { cause: error });
  }
}

/** Half the distance from 1 to the next number: the largest relative error of one rounding. */
export const unitRoundoff: Readonly<Record<DType, number>> = { float32: 2 ** -24, float64: 2 ** -53 };

/**
 * The tolerances of the library and of its tests, by dtype. `gradient` is relative to the root mean square of the whole
 * gradient; `parity` is relative to the largest value compared; `step` is the finite-difference step.
 */
export const tolerances: Readonly<
  Record<DType, { readonly gradient: number; readonly parity: number; readonly step: number }>
> = {
  float32: { gradient: 5e-3, parity: 2e-6, step: 1e-3 },
  float64: { gradient: 1e-7, parity: 1e-12, step: 1e-5 },
};
