/** What a refusal must say, apart from its wording: its class, who refuses, and the facts. */
import { expect } from "vitest";

/** `class: who: expected X, got Y`, with ` - cure` where there is one. */
const MESSAGE =
  /^(\w*Error): ([A-Za-z][\w.]*(?::? "[^"]*"(?: for "[^"]+")?)?): expected (.+?, got .*?[^.])( - .+[^.])?$/s;
/** `class: who: fact | fact | cure` */
const REFUSAL = /^(\w*Error): (\*|[A-Za-z][\w.]*(?::? "[^"]*"(?: for "[^"]+")?)?): (.+)$/s;

/**
 * Requires that `work` throws (or rejects) as in `RangeError: Dense "2": inputs | 1 | 0 | cure`: the class and who refuses, then
 * the names, numbers, shapes and values that the message must contain, in any order and any words. `cure`: how to fix it. `*`: whoever refuses.
 */
export async function expectRefusal(work: () => unknown, refusal: string): Promise<void> {
  let thrown = "nothing";
  try {
    await work();
  } catch (error) {
    thrown = String(error);
  }
  const [, kind, who, text, cure] = MESSAGE.exec(thrown) ?? [];
  const [, expectedKind, expectedWho, facts] = REFUSAL.exec(refusal)!;
  expect({ kind, who, thrown }).toEqual({ kind: expectedKind, who: expectedWho === "*" ? who : expectedWho, thrown });
  const missing = facts!.split(" | ").filter((fact) => (fact === "cure" ? cure === undefined : !contains(text!, fact)));
  expect(missing, `the facts that are not in “${thrown}”`).toEqual([]);
}

/** Whether a text contains a fact that is not just a part of a longer word or number. */
function contains(text: string, fact: string): boolean {
  const literal = fact.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(`(?<![\\w.-])${literal}(?![\\w-]|\\.\\w)`).test(text);
}
