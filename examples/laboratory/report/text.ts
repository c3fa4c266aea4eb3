/** Text: formats numbers and verdicts for the page, the document and the terminal. */
import { formatFigure } from "../../shared/format.js";
import type { Spread } from "../../shared/spread.js";
import type { Result } from "../run-claim.js";
import type { Condition, Verdict } from "../verdicts.js";

/** A sign for each verdict, so that none depends on color. */
export const SIGNS: Readonly<Record<Verdict, string>> = {
  reproduced: "●",
  "not reproduced": "○",
  depends: "◐",
  undecided: "?",
};

/** Formats a median and its interval, as in "3.1 [2.5, 4.0]". */
export function formatSpread({ median, min, max }: Spread): string {
  const rounded = (value: number): string => (value === 0 ? "0" : formatFigure(value));
  return `${rounded(median)} [${rounded(min)}, ${rounded(max)}]`;
}

/** Returns the first condition, which represents a claim if there is room for only one number. */
export function keyCondition({ conditions }: Pick<Result, "conditions">): Condition {
  return conditions[0]!;
}

/** Counts the outcomes, as in "3 yes, 1 no". */
export function countOutcomes({ conditions }: Pick<Result, "conditions">): string {
  return (["yes", "no", "undecided"] as const)
    .map((outcome) => [outcome, conditions.filter((each) => each.outcome === outcome).length] as const)
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(", ");
}

/** Explains a verdict: what it depends on, and how many conditions had each outcome. */
export function explainVerdict({
  verdict,
  factor,
  conditions,
}: Pick<Result, "verdict" | "factor" | "conditions">): string {
  const counts = `conditions: ${countOutcomes({ conditions })}`;
  return verdict === "depends" ? `on ${factor} (${counts})` : `(${counts})`;
}

/** Returns a line for the terminal. */
export function summaryLine(result: Result): string {
  const key = keyCondition(result);
  const number = String(result.number).padStart(2);
  return `${number} ${result.name.padEnd(18)} ${`${SIGNS[result.verdict]} ${result.verdict}`.padEnd(17)} ${countOutcomes(result)}; ${key.setting}: ${formatSpread(key.spread)}`;
}

/** Escapes text for HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
