/** The page: one self-contained file, without scripts or network access. */
import type { Shown } from "../claim.js";
import { spreadOf } from "../../shared/spread.js";
import type { Result } from "../run-claim.js";
import { type Condition, describeBound } from "../verdicts.js";
import { drawFigure } from "./figures.js";
import { STYLE } from "./style.js";
import { escapeHtml, explainVerdict, formatSpread, keyCondition, SIGNS } from "./text.js";

/** Renders the page from the results available so far. */
export function renderPage(results: readonly Result[], expected: number): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Why does batch norm work? The claims, measured</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Why does batch norm work? The claims, measured</h1>
${introduction(results, expected)}
<nav aria-label="Contents">${results.map(({ number, name }) => `<a href="#${name}">${number} ${name}</a>`).join(" ")} <a href="#method">method</a></nav>
${summaryTable(results)}
${results.map(section).join("\n")}
${method(results)}
</body>
</html>
`;
}

function introduction(results: readonly Result[], expected: number): string {
  const { seeds, data } = results[0]!;
  const missing = results.length < expected ? ` <strong>${results.length} of ${expected} claims so far.</strong>` : "";
  return `<p>Statements about why batch norm works, each turned into an experiment: its source, what exactly is measured, the rule that
decides, the result, and the evidence against it. The rules were fixed before the numbers were known. Data: ${escapeHtml(data)}; ${seeds.length} paired
${seeds.length === 1 ? "seed" : "seeds"}, where a seed fixes the data, initial weights and batches of all networks. Intervals extend from the lowest to the
highest seed. BN is short for batch norm, lr for learning rate. No setting was tuned for a verdict.${missing}</p>`;
}

function summaryTable(results: readonly Result[]): string {
  const rows = results.map((result) => {
    const key = keyCondition(result);
    return `<tr><td>${result.number}</td><td><a href="#${result.name}">${escapeHtml(result.title)}</a></td><td><span class="verdict">${SIGNS[result.verdict]} ${result.verdict}</span>${result.verdict === "depends" ? ` on ${escapeHtml(result.factor)}` : ""}</td><td class="numbers" title="${escapeHtml(`${key.statistic}; ${key.setting}`)}">${formatSpread(key.spread)}</td></tr>`;
  });
  return `<table class="summary"><thead><tr><th></th><th scope="col">claim</th><th scope="col">verdict</th><th scope="col">key number</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table>
<p class="soft">Key number: median and interval of the claim's first condition; its table says what is measured.</p>`;
}

function verdictHtml(result: Result): string {
  return `<span class="verdict">${SIGNS[result.verdict]} ${result.verdict}</span> <span class="soft">${escapeHtml(explainVerdict(result))}</span>`;
}

function section(result: Result): string {
  const entry = (term: string, text: string): string => `<dt>${term}</dt><dd>${escapeHtml(text)}</dd>`;
  return `<section id="${result.name}">
<h2><a href="#${result.name}">${result.number}. ${escapeHtml(result.title)}</a></h2>
<p>${verdictHtml(result)}</p>
<dl>${entry("Source", result.who)}${entry("What is measured", result.definition)}${entry("Settings", result.settings)}${entry("Differences from the source", result.differences)}</dl>
${result.figures.map(drawFigure).join("\n")}
${conditionTable(result.conditions)}
${shownTable(result.shown)}
<dl>${entry("Counter-evidence", result.counterEvidence)}${entry("Interpretation", result.reading)}</dl>
</section>`;
}

function conditionTable(conditions: readonly Condition[]): string {
  const rows = conditions.map(
    ({ statistic, setting, yes, no, spread, outcome }) =>
      `<tr><td class="wrap">${escapeHtml(statistic)}</td><td class="wrap">${escapeHtml(setting)}</td><td class="wrap">${describeBound(yes)} / ${describeBound(no)}</td><td>${formatSpread(spread)}</td><td><strong>${outcome}</strong></td></tr>`,
  );
  const caption = "Rules and results: median [minimum, maximum] over the seeds.";
  return tableHtml(caption, ["statistic", "setting", "yes / no", "measured", "outcome"], rows);
}

function shownTable(shown: readonly Shown[]): string {
  if (shown.length === 0) return "";
  const rows = shown.map(
    ({ what, values }) =>
      `<tr><td class="wrap">${escapeHtml(what)}</td><td>${formatSpread(spreadOf(values))}</td></tr>`,
  );
  return `<details open><summary>Other numbers, without a rule</summary>${tableHtml("", ["", "measured"], rows)}</details>`;
}

function tableHtml(caption: string, head: readonly string[], rows: readonly string[]): string {
  const columns = head
    .map((text) => `<th scope="col"${text === "measured" || text === "outcome" ? "" : ' class="wrap"'}>${text}</th>`)
    .join("");
  return `<figure>${caption === "" ? "" : `<figcaption>${caption}</figcaption>`}<div class="scroll" tabindex="0"><table>
<thead><tr>${columns}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div></figure>`;
}

function method(results: readonly Result[]): string {
  const { kernels, extent, seeds } = results[0]!;
  const command = `npm run claims${extent === "all" ? "" : ` -- --${extent}`}`;
  return `<section id="method"><h2>Method</h2>
<ul>
<li>Networks: Dense, norm and activation in each hidden layer, then a Dense without a norm. A Dense before a norm has no bias; other biases are 0, gamma is 1, beta is 0.
Initialization is He normal for ReLU and Glorot uniform for tanh and sigmoid, except where a claim states otherwise. Epsilon 1e-5, momentum 0.1. 8x48 means 8 hidden layers of
width 48.</li>
<li>Plain SGD with a constant learning rate on the cross-entropy, except where a claim states otherwise; batches are drawn without replacement, and an incomplete last batch is
dropped. Training is in single precision on the <code>${kernels}</code> kernels, probes are in double precision.</li>
<li>Interval: minimum to maximum of ${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}. With six seeds it covers the population median with probability 1 - 2/2^6 = 96.9 %, without further
assumptions. The independent observation is the seed, not the step of a run.</li>
<li>A condition is yes if the whole interval is beyond the yes threshold, no if it is beyond the no threshold, and undecided otherwise. A claim is reproduced if all conditions are yes
and not reproduced if all are no; it depends if there are both, and is undecided otherwise.</li>
<li>Diverged runs count: a loss that is not finite gives accuracy 0.1, an infinite range and a gain of minus infinity. No seed is dropped.</li>
<li>Training accuracy is the mean over the last 50 training batches, in the training pass. Test accuracy is measured at the end in inference mode, except where a claim states
otherwise.</li>
<li>"Plain" is the network without batch norm at the same initialization; "calibrated" is that network normalized with the fixed statistics of its first batch.</li>
<li>To repeat: <code>${command}</code>; a single claim: <code>npm run claims -- ${results[0]!.name}</code>. All numbers are in <code>claims/*.json</code> next to this page.</li>
</ul></section>`;
}
