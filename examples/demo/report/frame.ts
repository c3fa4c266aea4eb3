/** Frame: combines charts into one self-contained picture that follows the reader's color scheme. */
import { CHART_HEIGHT, CHART_WIDTH } from "../../shared/chart.js";
import type { Panel } from "./figures.js";
import { NETWORK_COLORS } from "./style.js";

const COLUMNS = 2;
const GAP = 24;
const TITLE_HEIGHT = 24;
const CELL_WIDTH = CHART_WIDTH + GAP;
const CELL_HEIGHT = TITLE_HEIGHT + CHART_HEIGHT + GAP;
const PADDING = 20;

/** Combines panels into one SVG, two per row. */
export function framePanels(panels: readonly Panel[]): string {
  const width = Math.min(COLUMNS, panels.length) * CELL_WIDTH - GAP + 2 * PADDING;
  const height = Math.ceil(panels.length / COLUMNS) * CELL_HEIGHT - GAP + 2 * PADDING;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<style>${NETWORK_COLORS}
  svg { color: var(--ink); font-family: system-ui, sans-serif; }
</style>
<rect width="100%" height="100%" rx="12" fill="var(--paper)"/>
${renumbered(panels.map(placed).join("\n"))}
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

/** Renumbers clip paths. Plot numbers them per process, and a picture must not depend on earlier ones. */
function renumbered(svg: string): string {
  const seen = [...new Set(svg.match(/plot-clip-\d+/g))];
  return svg.replace(/plot-clip-\d+/g, (id) => `plot-clip-${seen.indexOf(id) + 1}`);
}
