/** Values in the documentation: how they are printed, and whether one is what a page says. */

/** Prints a value as examples show it: plain data as literals, a Tensor as it prints itself. */
export function print(value: unknown): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "string")
    return value.includes('"') && !value.includes("'") ? `'${value}'` : JSON.stringify(value);
  if (typeof value === "function") return `[Function ${value.name}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(print).join(", ")}]`;
  if (ArrayBuffer.isView(value))
    return `${value.constructor.name} [${Array.from(value as Float64Array, print).join(", ")}]`;
  if (value instanceof Map)
    return `Map {${[...value].map(([key, each]) => ` ${print(key)} => ${print(each)}`).join(",")} }`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const text = (value as { toString(): string }).toString();
    if (text.startsWith("[object"))
      throw new TypeError(`a value of class ${value.constructor.name} cannot be shown: pick a part of it`);
    return text;
  }
  const fields = Object.entries(value).map(
    ([key, each]) => `${/^[\w$]+$/.test(key) ? key : JSON.stringify(key)}: ${print(each)}`,
  );
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/;
const TOKEN = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[\w$]+|\S/g;

/**
 * Whether a printed value is the one expected. White space does not count. After the word "about" a number need only round to the
 * digits that are shown.
 */
export function isExpected(printed: string, expected: string): boolean {
  const about = expected.startsWith("about ");
  const got = printed.match(TOKEN) ?? [];
  const wanted = expected.slice(about ? "about ".length : 0).match(TOKEN) ?? [];
  return (
    got.length === wanted.length &&
    got.every((token, i) => token === wanted[i] || (about && roundsTo(token, wanted[i]!)))
  );
}

function roundsTo(token: string, shown: string): boolean {
  if (!NUMBER.test(token) || !NUMBER.test(shown)) return false;
  const [mantissa, exponent = "0"] = shown.split("e");
  const unit = 10 ** (Number(exponent) - (mantissa!.split(".")[1]?.length ?? 0));
  // A hair more than half a unit: half-way cases are themselves rounded.
  return Math.abs(Number(token) - Number(shown)) <= 0.5 * unit * (1 + 1e-9);
}
