/** The document: docs/claims.md, written by the command that measures. */
import { format } from "prettier";
import { spreadOf } from "../../shared/spread.js";
import type { Result } from "../run-claim.js";
import { describeBound } from "../verdicts.js";
import { explainVerdict, formatSpread, keyCondition, SIGNS } from "./text.js";

/** The page as Markdown, laid out as the repository's other pages are. */
export function renderDocument(results: readonly Result[]): Promise<string> {
  const { seeds, data, kernels } = results[0]!;
  const text = `# The claims, measured

<!-- Written by \`npm run claims\`; changes by hand are lost. -->

Every statement about why batch norm works that this laboratory knows, with a verdict. All numbers on this page were measured by

\`\`\`sh
npm run claims    # the page with the figures: report/claims.html
\`\`\`

on ${data}, ${seeds.length} paired seeds, the \`${kernels}\` kernels. The rules stand in [examples/laboratory/rules.ts](../examples/laboratory/rules.ts) and were written down before the
numbers; [verdicts.ts](../examples/laboratory/verdicts.ts) applies them. A number is the median over the seeds, with the least and the largest in brackets. A condition is _yes_ or
_no_ only if the whole interval lies beyond its threshold. All yes: **reproduced**. All no: **not reproduced**. Both: **depends**. Anything else: **undecided**. No setting was
tuned for a verdict.

| | Claim | Verdict | Key number |
|---|---|---|---|
${results.map((result) => `| ${result.number} | [${result.title}](#${anchorOf(result)}) | ${SIGNS[result.verdict]} ${result.verdict} | ${formatSpread(keyCondition(result).spread)} |`).join("\n")}

The key number is the first condition of the claim.

${results.map(section).join("\n\n")}
`;
  return format(text, { parser: "markdown", printWidth: 120 });
}

function section(result: Result): string {
  const conditions = result.conditions.map(
    ({ statistic, setting, yes, no, spread, outcome }) =>
      `| ${cell(statistic)} | ${cell(setting)} | ${describeBound(yes)} | ${describeBound(no)} | ${formatSpread(spread)} | ${outcome} |`,
  );
  const shown = result.shown.map(({ what, values }) => `| ${cell(what)} | ${formatSpread(spreadOf(values))} |`);
  const more = shown.length === 0 ? "" : `\n| Shown, without a rule | Measured |\n|---|---|\n${shown.join("\n")}\n`;
  return `## ${result.number}. ${result.title}

**${SIGNS[result.verdict]} ${result.verdict}** ${explainVerdict(result)}

_Who._ ${result.who}

_What is measured._ ${plain(result.definition)}

_Settings._ ${plain(result.settings)} _Unlike the source:_ ${plain(result.differences)}

| Statistic | Setting | Yes | No | Measured | Outcome |
|---|---|---|---|---|---|
${conditions.join("\n")}
${more}
_Counter-evidence._ ${plain(result.counterEvidence)}

_Reading._ ${plain(result.reading)}

Alone: \`npm run claims -- ${result.name}\`; the code: [${result.name}.ts](../examples/laboratory/claims/${result.name}.ts).`;
}

/** The anchor of a heading, as forges make it. */
function anchorOf({ number, title }: Result): string {
  return `${number}. ${title}`
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-");
}

/** Signs that Markdown would take for its own. */
function plain(text: string): string {
  return text.replace(/[|*_<>[\]]/g, "\\$&");
}

const cell = plain;
