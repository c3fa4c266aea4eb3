/** Text: formats numbers and verdicts for the page, the document and the terminal. */
import { formatFigure } from "../../shared/format.js";
import type { Spread } from "../../shared/spread.js";
import type { Column } from "../claim.js";
import type { Measured, Result } from "../run-claim.js";
import { type Condition, primaryOf, type Verdict, type Word } from "../verdicts.js";

/** A sign for each verdict, so that none depends on color. */
export const SIGNS: Readonly<Record<Word | "differs", string>> = {
  reproduced: "●",
  "not reproduced": "○",
  undecided: "?",
  differs: "◐",
};

export const COLUMNS: readonly Column[] = ["MLP", "VGG"];
const ON: Readonly<Record<Column, string>> = { MLP: "on the MLP", VGG: "on VGG" };

/** Formats a median and its interval, as in "3.1 [2.5, 4.0]". */
export function formatSpread({ median, min, max }: Spread): string {
  const rounded = (value: number): string => (value === 0 ? "0" : formatFigure(value));
  return `${rounded(median)} [${rounded(min)}, ${rounded(max)}]`;
}

/** Formats a verdict on one kind of network, as in "reproduced at 4 lr; reversed at 0.01 lr". */
export function describeVerdict({ word, where, tail }: Verdict): string {
  return joined([word, where].filter(Boolean).join(" "), tail);
}

/** Formats the verdict of a claim on all kinds of network, as in "reproduced on the MLP; not on VGG". */
export function headline({ columns }: Pick<Result, "columns">): string {
  const [first, second] = columns as readonly [Measured, Measured?];
  if (second === undefined) {
    return first.column === "MLP" ? describeVerdict(first.verdict) : `${describeVerdict(first.verdict)} (${ON.VGG})`;
  }
  const [one, other] = [first.verdict, second.verdict];
  const [here, there] = [ON[first.column], ON[second.column]];
  const tails = [ending(one.tail, here), ending(other.tail, there)];
  if (one.word === other.word) {
    return one.tail === other.tail ? describeVerdict(one) : joined(describeVerdict({ ...one, tail: "" }), ...tails);
  }
  const brief = one.word === "reproduced" && other.word === "not reproduced" ? "not" : other.word;
  return joined(`${one.word} ${here}`, `${brief} ${there}`, ...tails);
}

/** Returns the sign of a claim's verdict: its own if all kinds of network agree. */
export function signOf({ columns }: Pick<Result, "columns">): string {
  const words = new Set(columns.map(({ verdict }) => verdict.word));
  return SIGNS[words.size === 1 ? columns[0]!.verdict.word : "differs"];
}

function joined(...parts: readonly string[]): string {
  return parts.filter(Boolean).join("; ");
}

function ending(tail: string, place: string): string {
  return tail === "" ? "" : `${tail} ${place}`;
}

/** Returns the primary condition of a claim, on the first kind of network on which it was measured. */
export function primaryOfResult({ columns }: Pick<Result, "columns">): Condition | undefined {
  return columns.map(({ conditions }) => primaryOf(conditions)).find((condition) => condition !== undefined);
}

/** Returns the primary result on one kind of network, or an empty string. */
export function primaryResult({ columns }: Pick<Result, "columns">, column: Column): string {
  const measured = columns.find((each) => each.column === column);
  const primary = measured && primaryOf(measured.conditions);
  return primary === undefined ? "" : formatSpread(primary.spread);
}

/** Returns the name of a statistic with its unit. */
export function nameStatistic({ statistic, unit }: Pick<Condition, "statistic" | "unit">): string {
  return `${statistic} (${unit})`;
}

/** Names the part that a condition plays in the verdict. */
export function describePart({ part }: Condition): string {
  return part.kind === "secondary" ? `secondary: ${part.where}` : part.kind;
}

/** States what a quick run left out, so that the verdict can differ from the full one; or returns an empty string. */
export function quickNote({ quickOmits, columns }: Pick<Result, "quickOmits" | "columns">): string {
  const quick = columns.filter(({ extent }) => extent === "quick").map(({ column }) => column);
  const omitted = [
    ...(quick.includes("MLP") && quickOmits !== undefined ? [quickOmits] : []),
    ...(quick.includes("VGG") ? ["two thirds of the steps on VGG"] : []),
  ];
  return omitted.length === 0 ? "" : `--quick leaves out ${omitted.join(", and ")}; the full verdict can differ.`;
}

/** Returns the seeds in words. */
export function countSeeds({ seeds }: Pick<Measured, "seeds">): string {
  return `${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}`;
}

/** States how strong a rule is with this number of seeds. */
export function strengthOf({ seeds }: Pick<Measured, "seeds">): string {
  const n = seeds.length;
  return `If the median were exactly at the threshold, all ${n} seeds would lie beyond it with a probability of 1/${2 ** n} (one-sided).`;
}

/** Returns a line for the terminal. */
export function summaryLine(result: Result): string {
  const primary = primaryOfResult(result);
  const number = String(result.number).padStart(2);
  const numbers = COLUMNS.map((column) => [column, primaryResult(result, column)] as const)
    .filter(([, text]) => text !== "")
    .map(([column, text]) => `${column} ${text}`);
  const note = quickNote(result);
  const lines = [
    `${number} ${result.name.padEnd(18)} ${signOf(result)} ${headline(result)}`,
    ...(primary === undefined ? [] : [`${nameStatistic(primary)}: ${numbers.join(", ")}`]),
    ...(note === "" ? [] : [note]),
  ];
  return lines.join("\n   ");
}

/** Escapes text for HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
