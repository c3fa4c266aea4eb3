/** How it is computed: the numbers of one BatchNorm unit on the next batch, forward and backward. */
import type { UnitNumbers } from "../experiment/unit.js";

const ROWS = 8;

/** Shows the numbers of a unit, or the reason why there are none. */
export function showUnit(place: HTMLElement, numbers: UnitNumbers | null, why: string): void {
  if (numbers === null) {
    place.replaceChildren(paragraph(why));
    return;
  }
  const { rows, mean, variance, epsilon, rstd, gamma, beta, dgamma, dbeta } = numbers;
  const count = rows.length;
  const meanDy = -rows[0]!.meanTerm;
  const formulas = [
    ["mean", `(1/${count}) Σ x`, digits(mean)],
    ["variance", `(1/${count}) Σ (x − mean)²`, digits(variance)],
    ["rstd", `1 / √(variance + ε) = 1 / √(${digits(variance)} + ${epsilon})`, digits(rstd)],
    ["x̂", "(x − mean) · rstd", "below"],
    ["y", `γ x̂ + β = ${digits(gamma)} x̂ + ${digits(beta)}`, "below"],
    ["dγ", "Σ dy · x̂", digits(dgamma)],
    ["dβ", "Σ dy", digits(dbeta)],
    ["mean(dy)", "dβ / rows", digits(meanDy)],
    ["mean(dy x̂)", "dγ / rows", digits(dgamma / count)],
    ["dx", "γ · rstd · (dy − mean(dy) − x̂ mean(dy x̂))", "below"],
  ];
  const steps = table(["", "formula", "value"], formulas, true);
  const head = ["row", "x", "x̂", "y", "dy", "− mean(dy)", "− x̂ mean(dy x̂)", "sum", "dx"];
  const shown = rows.slice(0, ROWS).map((row, n) => {
    const sum = row.ownTerm + row.meanTerm + row.xhatTerm;
    const cells = [row.x, row.xhat, row.y, row.dy, row.meanTerm, row.xhatTerm, sum, row.dx];
    return [String(n + 1), ...cells.map(digits)];
  });
  const check =
    `Rows 1 to ${Math.min(ROWS, count)} of ${count}. Without the two mean terms, the gradient would ignore that the mean and the ` +
    `variance also depend on x. The library's backward pass returns the same dx: the largest difference over the batch is ` +
    `${numbers.largestDifference.toExponential(1)}; the largest dx is ${numbers.largestDx.toExponential(1)}.`;
  place.replaceChildren(steps, scrolling(table(head, shown, false)), paragraph(check));
}

function digits(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return (size < 1e-3 || size >= 1e4 ? value.toExponential(2) : value.toPrecision(4)).replace("-", "−");
}

function paragraph(text: string): HTMLElement {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}

function scrolling(element: HTMLElement): HTMLElement {
  const place = document.createElement("div");
  place.className = "scroll";
  // Scrollable regions must be reachable without a mouse.
  place.tabIndex = 0;
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", "Rows of the batch");
  place.append(element);
  return place;
}

function table(head: readonly string[], rows: readonly (readonly string[])[], formulas: boolean): HTMLTableElement {
  const element = document.createElement("table");
  element.className = formulas ? "formulas" : "rows";
  const cell = (row: HTMLTableRowElement, tag: "th" | "td", text: string, scope?: "col" | "row"): void => {
    const made = row.appendChild(document.createElement(tag));
    made.textContent = text;
    if (scope) made.setAttribute("scope", scope);
  };
  const top = element.createTHead().insertRow();
  for (const text of head) cell(top, text === "" ? "td" : "th", text, text === "" ? undefined : "col");
  const body = element.createTBody();
  for (const texts of rows) {
    const row = body.insertRow();
    for (const [i, text] of texts.entries()) cell(row, i === 0 ? "th" : "td", text, i === 0 ? "row" : undefined);
  }
  return element;
}
