/** HTML: tables, figures and network names. */
import type { Network } from "../experiment.js";
import type { Row, Table } from "../tables.js";
import type { Panel } from "./figures.js";

/** Returns the name of a network in its color. */
export function colored(network: Network): string {
  return `<span class="${network.replace(" ", "-")}">${network}</span>`;
}

/** Returns a table that scrolls sideways on small screens. */
export function tableHtml({ title, head, noteHead, rows }: Table): string {
  const columns = ["", ...head].map((text) => `<th scope="col">${text}</th>`).join("");
  const lines = rows.flatMap((row, i) =>
    rows[i - 1]?.condition === row.condition ? [rowHtml(row)] : [groupHtml(row, head.length), rowHtml(row)],
  );
  return `<figure>
<figcaption>${title}</figcaption>
<div class="scroll" tabindex="0"><table>
<thead><tr>${columns}<th scope="col" class="remark">${noteHead}</th></tr></thead>
<tbody>
${lines.join("\n")}
</tbody>
</table></div>
</figure>`;
}

/** Returns a figure: title, caption and panels. */
export function figureHtml(title: string, caption: string, panels: readonly Panel[]): string {
  const drawn = panels.map((panel) => `<div><h3>${panel.title}</h3>\n${panel.svg}</div>`);
  return `<figure>
<figcaption><strong>${title}</strong> ${caption}</figcaption>
<div class="panels">
${drawn.join("\n")}
</div>
</figure>`;
}

function groupHtml({ condition }: Row, cells: number): string {
  return `<tr><th scope="rowgroup" colspan="${cells + 2}">${condition}</th></tr>`;
}

function rowHtml({ network, cells, note }: Row): string {
  const figures = cells.map((cell) => `<td>${cell}</td>`).join("");
  return `<tr><th scope="row">${colored(network)}</th>${figures}<td class="remark">${note}</td></tr>`;
}
