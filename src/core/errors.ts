/**
 * Errors: the form of all messages, and the checks that most functions share.
 *
 * Every message has the form `who: expected X, got Y - cure`, for example
 * `BatchNorm "1": expected at least 2 values per feature in mode "train", got input shape [1, 3] - use a larger batch, or mode "inference"`.
 * `ShapeError` is for shapes and lengths, `RangeError` for values, and `TypeError` for values of the wrong type.
 */

/** Thrown if a shape or a length is wrong. The message names the function, the expected shape and the actual one. */
export class ShapeError extends Error {
  override readonly name: string = "ShapeError";

  /** Compares names, because a second copy of the library (CommonJS next to ESM, for example) has its own class. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== ShapeError) return super[Symbol.hasInstance](value);
    const { name, message } = (value ?? {}) as Partial<Error>;
    return name === "ShapeError" && typeof message === "string";
  }
}

/** The maximum length of one part of a message. A name of a million letters would hide everything else. */
const LONGEST_PART = 1000;
/** The length up to which `show` prints a string in full. */
const LONGEST_STRING = 80;

/** Formats an error message: `who: expected X, got Y - cure`. Without a cure, the message ends after what was received. */
export function complaint(who: string, expected: string, got: string, cure?: string): string {
  const ending = cure === undefined ? "" : ` - ${shorten(cure, LONGEST_PART)}`;
  return `${shorten(who, LONGEST_PART)}: expected ${shorten(expected, LONGEST_PART)}, got ${shorten(got, LONGEST_PART)}${ending}`;
}

/** Shortens a text in the middle, because its end may close a quotation. */
function shorten(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 20)}...${text.slice(-20)}` : text;
}

/** Formats a value for an error message. The result is short. Never throws. */
export function show(value: unknown): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "string") {
    const start = JSON.stringify(value.slice(0, LONGEST_STRING));
    return value.length > LONGEST_STRING ? `a string of ${value.length} characters, ${start}...` : start;
  }
  if (value === null || value === undefined || typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return shorten(`${value}n`, LONGEST_STRING);
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  try {
    return showObject(value);
  } catch {
    return "an object"; // a revoked proxy or a throwing getter
  }
}

function showObject(value: object): string {
  if (ArrayBuffer.isView(value)) {
    if (isDetached(value)) return `a ${viewName(value)} whose buffer was transferred`;
    return `${viewName(value)}(${(value as { length?: number }).length ?? "?"})`;
  }
  if (!Array.isArray(value)) return "an object";
  if (value.length > 8) return `an array of ${value.length}`;
  // not value.map, which an array without a prototype does not have
  return `[${Array.from({ length: value.length }, (_, i) => showElement(value[i])).join(", ")}]`;
}

function showElement(value: unknown): string {
  return Array.isArray(value) ? `an array of ${value.length}` : show(value);
}

function viewName(view: ArrayBufferView): string {
  return (view as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "a typed array";
}

/** Returns whether a value is a typed array whose buffer was transferred to another thread, which leaves it with length 0. */
export function isDetached(value: unknown): boolean {
  if (!ArrayBuffer.isView(value) || value.byteLength > 0) return false;
  try {
    // Not `buffer.detached`, which the oldest supported engines lack.
    new Uint8Array(value.buffer);
    return false;
  } catch {
    return true;
  }
}

/** Requires a whole number of at least `least`, for sizes and counts. */
export function expectCount(who: string, name: string, value: unknown, least = 1): asserts value is number {
  if (typeof value !== "number") throw new TypeError(complaint(who, `${name} to be a number`, show(value)));
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(complaint(who, `${name} to be a whole number of at least ${least}`, show(value)));
  }
}

/** An interval from `low` to `high`, which includes its ends unless stated otherwise. */
export interface Interval {
  readonly low: number;
  readonly high?: number;
  readonly withoutLow?: boolean;
  readonly withoutHigh?: boolean;
}

/** Requires a finite number within an interval. NaN and infinities never pass. */
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

/** Requires an object. */
export function expectObject(who: string, name: string, value: unknown, cure?: string): asserts value is object {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(complaint(who, `${name} to be an object`, show(value), cure));
  }
}

/** Requires an array of a given length. */
export function expectLength(who: string, name: string, array: { readonly length: number }, length: number): void {
  if (array.length !== length) {
    const got = isDetached(array) ? show(array) : show(array.length);
    throw new ShapeError(complaint(who, `${name} to have ${length} values`, got));
  }
}
