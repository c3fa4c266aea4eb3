/** The page: one self-contained file, without scripts or network access. */
import type { Shown } from "../claim.js";
import { spreadOf } from "../../shared/spread.js";
import type { Measured, Result } from "../run-claim.js";
import { type Condition, describeBound } from "../verdicts.js";
import { drawFigure } from "./figures.js";
import { STYLE } from "./style.js";
import {
  COLUMNS,
  countSeeds,
  describePart,
  describeVerdict,
  escapeHtml,
  formatSpread,
  headline,
  nameStatistic,
  primaryOfResult,
  primaryResult,
  quickNote,
  SIGNS,
  signOf,
  strengthOf,
} from "./text.js";

/** Renders the page from the results available so far; `missing` claims are not among them yet. */
export function renderPage(results: readonly Result[], missing: number): string {
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
${introduction(results, missing)}
<nav aria-label="Contents">${results.map(({ number, name }) => `<a href="#${name}">${number} ${name}</a>`).join(" ")} <a href="#method">method</a></nav>
${summaryTable(results)}
${results.map(section).join("\n")}
${method(results)}
</body>
</html>
`;
}

/** Returns how each kind of network was measured, from the first claim that has it. */
function measuredColumns(results: readonly Result[]): Measured[] {
  const all = results.flatMap(({ columns }) => columns);
  return COLUMNS.flatMap((column) => all.find((each) => each.column === column) ?? []);
}

function introduction(results: readonly Result[], missing: number): string {
  const data = measuredColumns(results).map(
    (measured) => `${measured.column}: ${escapeHtml(measured.data)}, with ${countSeeds(measured)}.`,
  );
  const running =
    missing > 0
      ? ` <strong>${missing} ${missing === 1 ? "claim is" : "claims are"} still being measured.</strong>`
      : "";
  return `<p>This page lists claims about why batch norm works. Each was turned into an experiment, and is shown with its source, the exact
definition of what is measured, the rule that decides, the result, and the evidence against it. The thresholds were fixed before the numbers were known, and no setting was tuned to obtain a particular verdict. ${data.join(" ")} A seed fixes the data split, the
initial weights and the batches of all networks. Intervals extend from the lowest to the highest seed. BN is short for batch norm and lr for learning
rate.${running}</p>`;
}

function summaryTable(results: readonly Result[]): string {
  const columns = measuredColumns(results).map(({ column }) => column);
  const rows = results.map((result) => {
    const primary = primaryOfResult(result);
    const statistic = primary === undefined ? "" : escapeHtml(`${nameStatistic(primary)}, ${primary.setting}`);
    const bound = primary === undefined ? "" : escapeHtml(describeBound(primary.yes));
    const values = columns.map((column) => `<td class="numbers">${primaryResult(result, column)}</td>`).join("");
    const note = quickNote(result);
    const [word, ...tail] = escapeHtml(headline(result)).split("; ");
    const verdict = [`<span class="verdict">${signOf(result)} ${word}</span>`, ...tail].join("; ");
    return `<tr><td>${result.number}</td><td><a href="#${result.name}">${escapeHtml(result.title)}</a></td><td>${verdict}${note === "" ? "" : ` <span class="soft">${escapeHtml(note)}</span>`}</td><td>${statistic}</td><td>${bound}</td>${values}<td><code>npm run claims -- ${result.name}</code></td></tr>`;
  });
  const head = ["claim", "verdict", "primary statistic (unit), setting", "yes if", ...columns, "command"];
  return `<div class="scroll" tabindex="0"><table class="summary"><thead><tr><th></th>${head.map((text) => `<th scope="col">${text}</th>`).join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div>
<p class="soft">${SIGNS.reproduced} reproduced, ${SIGNS["not reproduced"]} not reproduced, ${SIGNS.undecided} undecided, ${SIGNS.differs} different verdicts on the MLP and VGG. Values are the median [minimum, maximum] of the primary statistic over the seeds.</p>`;
}

function section(result: Result): string {
  const entry = (term: string, text: string): string => `<dt>${term}</dt><dd>${escapeHtml(text)}</dd>`;
  return `<section id="${result.name}">
<h2><a href="#${result.name}">${result.number}. ${escapeHtml(result.title)}</a></h2>
<p><span class="verdict">${signOf(result)} ${escapeHtml(headline(result))}</span> <span class="soft">${escapeHtml(quickNote(result))}</span></p>
<dl>${entry("Source", result.who)}${entry("What is measured", result.definition)}${entry("Settings", result.settings)}${entry("Differences from the source", result.differences)}</dl>
${result.columns.map((measured) => measurements(measured, result.columns.length > 1)).join("\n")}
<dl>${entry("Counter-evidence", result.counterEvidence)}${entry("Interpretation", result.reading)}</dl>
</section>`;
}

function measurements(measured: Measured, named: boolean): string {
  const { column, verdict, figures, conditions, shown } = measured;
  const title = named ? `<h3 class="column">${column}: ${escapeHtml(describeVerdict(verdict))}</h3>\n` : "";
  return `${title}${figures.map(drawFigure).join("\n")}
${conditionTable(conditions)}
${shownTable(shown)}`;
}

function conditionTable(conditions: readonly Condition[]): string {
  const rows = conditions.map(
    (condition) =>
      `<tr><td class="wrap">${escapeHtml(nameStatistic(condition))}</td><td class="wrap">${escapeHtml(condition.setting)}</td><td class="wrap">${escapeHtml(describePart(condition))}</td><td class="wrap">${describeBound(condition.yes)} / ${describeBound(condition.no)}</td><td>${formatSpread(condition.spread)}</td><td><strong>${condition.outcome}</strong></td></tr>`,
  );
  const caption = "Rules and results. Results are the median [minimum, maximum] over the seeds.";
  return tableHtml(caption, ["statistic (unit)", "setting", "part", "yes if / no if", "result", "outcome"], rows);
}

function shownTable(shown: readonly Shown[]): string {
  if (shown.length === 0) return "";
  const rows = shown.map(
    ({ what, values }) =>
      `<tr><td class="wrap">${escapeHtml(what)}</td><td>${formatSpread(spreadOf(values))}</td></tr>`,
  );
  return `<details open><summary>Additional measurements</summary>${tableHtml("", ["", "result"], rows)}</details>`;
}

function tableHtml(caption: string, head: readonly string[], rows: readonly string[]): string {
  const columns = head
    .map((text) => `<th scope="col"${text === "result" || text === "outcome" ? "" : ' class="wrap"'}>${text}</th>`)
    .join("");
  return `<figure>${caption === "" ? "" : `<figcaption>${caption}</figcaption>`}<div class="scroll" tabindex="0"><table>
<thead><tr>${columns}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div></figure>`;
}

const VGG = `<li>VGG-13/8 has ten 3x3 convolutions with 8 to 64 channels and a hidden Dense of 64, each followed by BatchNorm and ReLU. It is trained at learning
rate 0.1 and batch size 64 for 600 steps (--quick: 200). The layers examined are convolutions 3, 6 and 10. Each position of an image counts as a sample
of the batch. Probes are in single precision. The shift of the hidden values is measured every 40 steps.</li>
`;

function method(results: readonly Result[]): string {
  const columns = measuredColumns(results);
  const first = columns[0]!;
  const { kernels, extent } = first;
  const command = `npm run claims${extent === "all" ? "" : ` -- --${extent}`}`;
  return `<section id="method"><h2>Method</h2>
<ul>
<li>Each hidden layer consists of Dense, BatchNorm and an activation; the output layer is a Dense. A Dense before a BatchNorm has no bias. All other
biases start at 0, gamma at 1 and beta at 0. Initialization is He normal for ReLU and Glorot uniform for tanh and sigmoid, unless a claim states
otherwise. Epsilon is 1e-5 and momentum 0.1. 8x48 means 8 hidden layers of width 48.</li>
<li>Training uses plain SGD with a constant learning rate on the cross-entropy, unless a claim states otherwise. Batches are drawn without replacement;
an incomplete last batch is dropped. Training is in single precision on the <code>${kernels}</code> kernels, and probes are in double precision.</li>
<li>The interval extends from the minimum to the maximum of ${countSeeds(first)}. With six seeds, it covers the population median with probability
1 - 2/2^6 = 96.9%, without further assumptions. The independent observations are the seeds, not the steps of a run.</li>
<li>A condition is yes if the whole interval is beyond the yes threshold, no if it is beyond the no threshold, and undecided otherwise. ${strengthOf(first)}</li>
<li>Each claim has one primary condition: the claim as its authors put it, in the setting closest to theirs. It alone decides the verdict. A secondary
condition that contradicts it adds the words in its column "part" to the verdict; an undecided one adds nothing. A check shows that an intervention
worked; unless it is yes, the claim is undecided.</li>
<li>In claims 0 to 17, the primary conditions were chosen after the claims had first been measured, when a verdict still pooled all conditions. They were
chosen by what the source claims, and the same numbers are now read under the new rule.</li>
<li>Diverged runs count: a loss that is not finite results in accuracy 0.1, an infinite range and a gain of minus infinity. No seed is dropped.</li>
<li>Training accuracy is the mean over the last 50 training batches, in the training pass. Test accuracy is measured at the end in inference mode,
unless a claim states otherwise.</li>
${columns.some(({ column }) => column === "VGG") ? VGG : ""}<li>"Plain" is the network without batch norm at the same initialization. "Calibrated" is the same network normalized with the fixed statistics of its
first batch.</li>
<li>To repeat all measurements: <code>${command}</code>. To run only one claim: <code>npm run claims -- ${results[0]!.name}</code>. All numbers are in
<code>claims/*.json</code> next to this page.</li>
</ul></section>`;
}
