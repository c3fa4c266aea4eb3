/** JSON of untrusted files: JSON.parse with additional checks. */

import { complaint, show } from "../core/errors.js";
import { DAMAGED } from "./bytes.js";

/** The maximum nesting of a header. The formats need three levels. A million brackets would take gigabytes to parse. */
const MOST_LEVELS = 16;

/**
 * Parses a header that is a JSON object. `expected` describes it in errors. Duplicate keys are refused, because JSON.parse would
 * silently keep the last.
 */
export function parseJsonObject(who: string, text: string, expected: string): Readonly<Record<string, unknown>> {
  let level = 0;
  forEachMark(text, (mark) => {
    if (mark === "{" || mark === "[") level++;
    if (mark === "}" || mark === "]") level--;
    if (level > MOST_LEVELS) throw new TypeError(complaint(who, `a header of at most ${MOST_LEVELS} levels`, "more"));
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TypeError(complaint(who, expected, "text that cannot be parsed", DAMAGED));
  }
  expectJsonObject(who, "the header", value);

  const open: Set<string>[] = []; // the keys of each enclosing object; arrays have none
  forEachMark(text, (mark, literal) => {
    if (mark === "{" || mark === "[") open.push(new Set());
    else if (mark === "}" || mark === "]") open.pop();
    else {
      const keys = open.at(-1)!;
      const key = JSON.parse(literal) as string;
      if (keys.has(key)) throw new TypeError(complaint(who, "unique keys in the header", `${show(key)} twice`));
      keys.add(key);
    }
  });
  return value;
}

/** Visits the characters { } [ ] : of a JSON text outside strings, each with the last string literal before it. */
function forEachMark(text: string, visit: (mark: string, literal: string) => void): void {
  let literal = "";
  for (let at = 0; at < text.length; at++) {
    const mark = text[at]!;
    if (mark === '"') {
      const start = at++;
      while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
      literal = text.slice(start, at + 1);
    } else if ("{}[]:".includes(mark)) {
      visit(mark, literal);
    }
  }
}

/** Requires a JSON object, neither an array nor null. */
export function expectJsonObject(
  who: string,
  name: string,
  value: unknown,
): asserts value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(complaint(who, `${name} to be a JSON object`, show(value)));
  }
}
