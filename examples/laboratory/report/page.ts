/** The page: one file that needs no network, no script and no other file. */
import type { Shown } from "../claim.js";
import { spreadOf } from "../../shared/spread.js";
import type { Result } from "../run-claim.js";
import { type Condition, describeBound } from "../verdicts.js";
import { drawFigure } from "./figures.js";
import { STYLE } from "./style.js";
import { escapeHtml, explainVerdict, formatSpread, keyCondition, SIGNS } from "./text.js";

/** The whole page, of as many results as there are so far. */
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
  return `<p>Each statement about why batch norm works as an experiment: who made it, what exactly is measured, by which rule it is
judged, what came out, and who measured otherwise. The rules were written down before the numbers. ${escapeHtml(data)}; ${seeds.length}
${seeds.length === 1 ? "seed" : "seeds"}, paired: a seed fixes data, initial weights and batches for all networks. Intervals reach from the least to the
largest seed. No setting was tuned for a verdict.${missing}</p>`;
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
<p class="soft">Key number: the first condition of each claim, median and interval; what it is stands in the claim's table.</p>`;
}

function verdictHtml(result: Result): string {
  return `<span class="verdict">${SIGNS[result.verdict]} ${result.verdict}</span> <span class="soft">${escapeHtml(explainVerdict(result))}</span>`;
}

function section(result: Result): string {
  const told = (term: string, text: string): string => `<dt>${term}</dt><dd>${escapeHtml(text)}</dd>`;
  return `<section id="${result.name}">
<h2><a href="#${result.name}">${result.number}. ${escapeHtml(result.title)}</a></h2>
<p>${verdictHtml(result)}</p>
<dl>${told("Who", result.who)}${told("What is measured", result.definition)}${told("Settings", result.settings)}${told("Unlike the source", result.differences)}</dl>
${result.figures.map(drawFigure).join("\n")}
${conditionTable(result.conditions)}
${shownTable(result.shown)}
<dl>${told("Counter-evidence", result.counterEvidence)}${told("Reading", result.reading)}</dl>
</section>`;
}

function conditionTable(conditions: readonly Condition[]): string {
  const rows = conditions.map(
    ({ statistic, setting, yes, no, spread, outcome }) =>
      `<tr><td class="wrap">${escapeHtml(statistic)}</td><td class="wrap">${escapeHtml(setting)}</td><td class="wrap">${describeBound(yes)} / ${describeBound(no)}</td><td>${formatSpread(spread)}</td><td><strong>${outcome}</strong></td></tr>`,
  );
  const caption = "Rules and numbers: median [least, largest] over the seeds.";
  return tableHtml(caption, ["statistic", "setting", "yes / no", "measured", "outcome"], rows);
}

function shownTable(shown: readonly Shown[]): string {
  if (shown.length === 0) return "";
  const rows = shown.map(
    ({ what, values }) =>
      `<tr><td class="wrap">${escapeHtml(what)}</td><td>${formatSpread(spreadOf(values))}</td></tr>`,
  );
  return `<details open><summary>Shown, without a rule</summary>${tableHtml("", ["", "measured"], rows)}</details>`;
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
<li>Networks: Dense, norm, activation; the last Dense without norm. No bias in front of a norm, other biases 0, gamma 1, beta 0. ReLU: He normal;
tanh and sigmoid: Glorot uniform, unless said. Epsilon 1e-5, momentum 0.1. 8x48 is 8 hidden layers of 48.</li>
<li>Plain SGD at a constant rate on the cross-entropy, unless said; batches without replacement, an incomplete last one dropped. Trained in single precision on
the <code>${kernels}</code> kernels, probed in double.</li>
<li>Interval: least to largest of ${seeds.length} seeds. With six it covers the median of the population with probability 1 - 2/2^6 = 96.9 % without any
assumption. Steps of one run are not independent observations; the seed is.</li>
<li>Outcome of a condition: yes if the whole interval is beyond the yes-threshold, no if all of it is beyond the no-threshold, else undecided. Verdict: all yes,
reproduced; all no, not reproduced; yes and no both, depends; anything else, undecided.</li>
<li>Divergence is data: a loss that is not finite counts as accuracy 0.1, range infinite, gain minus infinite. No seed is dropped.</li>
<li>Training accuracy: mean over the last 50 training batches in the training pass. Test accuracy: in inference mode at the end, unless said.</li>
<li>Plain means plain with this initialization; calibrated is plain with the statistics of its first batch kept as constants.</li>
<li>Run again: <code>${command}</code>, one claim alone: <code>npm run claims -- ${results[0]!.name}</code>. Every number stands in <code>claims/*.json</code> beside this page.</li>
</ul></section>`;
}
