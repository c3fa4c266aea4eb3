/** Frame: charts side by side in one picture that needs nothing else, light or dark as its reader is. */
import { CHART_HEIGHT, CHART_WIDTH } from "../../shared/chart.js";
import type { Panel } from "./figures.js";
import { NETWORK_COLORS } from "./style.js";

const COLUMNS = 2;
const GAP = 24;
const TITLE_HEIGHT = 24;
const CELL_WIDTH = CHART_WIDTH + GAP;
const CELL_HEIGHT = TITLE_HEIGHT + CHART_HEIGHT + GAP;
const PADDING = 20;

/** Puts panels into one SVG, two in a row. */
export function framePanels(panels: readonly Panel[]): string {
  const width = Math.min(COLUMNS, panels.length) * CELL_WIDTH - GAP + 2 * PADDING;
  const height = Math.ceil(panels.length / COLUMNS) * CELL_HEIGHT - GAP + 2 * PADDING;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<style>${NETWORK_COLORS}
  svg { color: var(--ink); font-family: system-ui, sans-serif; }
</style>
<rect width="100%" height="100%" rx="12" fill="var(--paper)"/>
${panels.map(placed).join("\n")}
</svg>
`;
}

function placed({ title, svg }: Panel, index: number): string {
  const x = PADDING + (index % COLUMNS) * CELL_WIDTH;
  const y = PADDING + Math.floor(index / COLUMNS) * CELL_HEIGHT;
  return `<g transform="translate(${x} ${y})">
<text y="16" font-size="15" font-weight="600" fill="currentColor">${title}</text>
<g transform="translate(0 ${TITLE_HEIGHT})">${svg}</g>
</g>`;
}
