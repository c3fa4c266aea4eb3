/** The two dtypes, their typed arrays, their round-off, and the one table of tolerances. */

/** A contiguous array of floating-point numbers. */
export type Floats = Float32Array | Float64Array;

/**
 * Floats over an `ArrayBuffer`, not a `SharedArrayBuffer`: what `copyToChannel`, `Blob` and `ImageData` ask for.
 *
 * TypeScript has `Float32Array<ArrayBuffer>` since 5.7; what `slice` returns is that, and plain `Float32Array` before.
 */
export type OwnFloats = ReturnType<Float32Array["slice"]> | ReturnType<Float64Array["slice"]>;

/** The precision of a tensor's values. Sums and statistics are in double precision whichever it is. */
export type DType = "float32" | "float64";

/** The dtype of a typed array. */
export function dtypeOf(values: Floats): DType {
  return values.BYTES_PER_ELEMENT === 4 ? "float32" : "float64";
}

/**
 * The name of a typed array's class, as in "Float32Array"; undefined for anything else.
 *
 * It reads the array's tag, not its class: an array of another realm (an iframe, a vm context, jsdom) has another class.
 */
export function typedArrayName(value: unknown): string | undefined {
  return ArrayBuffer.isView(value) ? (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] : undefined;
}

/** Whether a value is a Float32Array or a Float64Array, of whatever realm. */
export function isFloats(value: unknown): value is Floats {
  const name = typedArrayName(value);
  return name === "Float32Array" || name === "Float64Array";
}

/** A new array of zeros. */
export function allocate(dtype: DType, length: number): Floats {
  return dtype === "float32" ? new Float32Array(length) : new Float64Array(length);
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
