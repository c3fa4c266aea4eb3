/**
 * Errors: the only place that words them, so that all read alike.
 *
 * Every message has the form `who: expected · got - cure`, for example
 * `BatchNorm "1": expected at least 2 values per feature in mode "train", got input shape [1, 3] - use a larger batch, or mode "inference"`.
 * `ShapeError` speaks of shapes and lengths, `RangeError` of values, `TypeError` of kinds.
 */

/** Thrown when a shape or a length does not fit. The message names who, the expected shape and the one that came. */
export class ShapeError extends Error {
  override readonly name: string = "ShapeError";

  /** Asks for the name, since another copy of the library (CommonJS beside ESM, say) has a class of its own. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== ShapeError) return super[Symbol.hasInstance](value);
    const { name, message } = (value ?? {}) as Partial<Error>;
    return name === "ShapeError" && typeof message === "string";
  }
}

/** Words `who: expected X, got Y - cure`; the cure is left out where there is none to give. */
export function complaint(who: string, expected: string, got: string, cure?: string): string {
  return `${who}: expected ${expected}, got ${got}${cure === undefined ? "" : ` - ${cure}`}`;
}

/** Prints a value the way error messages show it: short, and never throwing itself. */
export function show(value: unknown): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || value === undefined || typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${(value as { length?: number }).length ?? "?"})`;
  if (Array.isArray(value))
    return value.length > 8 ? `an array of ${value.length}` : `[${value.map(showInside).join(", ")}]`;
  return "an object";
}

function showInside(value: unknown): string {
  return Array.isArray(value) ? `an array of ${value.length}` : show(value);
}

/** Requires a whole number of at least `least`, for sizes and counts. */
export function expectCount(who: string, name: string, value: unknown, least = 1): asserts value is number {
  if (typeof value !== "number") throw new TypeError(complaint(who, `${name} to be a number`, show(value)));
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(complaint(who, `${name} to be a whole number of at least ${least}`, show(value)));
  }
}

/** Where a number may lie: `[low, high]` unless an end is said to be left out. */
export interface Interval {
  readonly low: number;
  readonly high?: number;
  readonly withoutLow?: boolean;
  readonly withoutHigh?: boolean;
}

/** Requires a finite number within an interval; NaN and infinities never pass. */
export function expectNumber(who: string, name: string, value: unknown, interval: Interval): asserts value is number {
  if (typeof value !== "number") throw new TypeError(complaint(who, `${name} to be a number`, show(value)));
  const { low, high, withoutLow = false, withoutHigh = false } = interval;
  const highEnough = withoutLow ? value > low : value >= low;
  const lowEnough = high === undefined || (withoutHigh ? value < high : value <= high);
  if (!Number.isFinite(value) || !highEnough || !lowEnough) {
    throw new RangeError(complaint(who, `${name} ${intervalText(interval)}`, show(value)));
  }
}

function intervalText({ low, high, withoutLow = false, withoutHigh = false }: Interval): string {
  if (high === undefined) {
    return Number.isFinite(low) ? `to be a finite number ${withoutLow ? ">" : ">="} ${low}` : "to be a finite number";
  }
  return `in ${withoutLow ? "(" : "["}${low}, ${high}${withoutHigh ? ")" : "]"}`;
}

/** Requires `true` or `false`. */
export function expectBoolean(who: string, name: string, value: unknown): asserts value is boolean {
  if (typeof value !== "boolean") throw new TypeError(complaint(who, `${name} to be true or false`, show(value)));
}

/** Requires one of a few words. */
export function expectOneOf<T extends string>(
  who: string,
  name: string,
  value: unknown,
  words: readonly T[],
  cure?: string,
): asserts value is T {
  if (!words.includes(value as T)) {
    const list = words.map((word) => JSON.stringify(word)).join(" or ");
    throw new TypeError(complaint(who, `${name} to be ${list}`, show(value), cure));
  }
}

/** Requires an object, as every options argument is. */
export function expectObject(who: string, name: string, value: unknown): asserts value is object {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(complaint(who, `${name} to be an object`, show(value)));
  }
}

/** Requires a typed array of a given length, as kernels and probes take them. */
export function expectLength(who: string, name: string, array: { readonly length: number }, length: number): void {
  if (array.length !== length) {
    throw new ShapeError(complaint(who, `${name} to have ${length} values`, `${array.length}`));
  }
}
