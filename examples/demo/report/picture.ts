/** The picture: the small one in the README, light or dark as its reader is. */
import { CHART_HEIGHT, CHART_WIDTH } from "../../shared/chart.js";
import type { Run } from "../train.js";
import { accuracyFigure, lossBandFigure, type Panel } from "./figures.js";
import { percentileFigure } from "./percentiles.js";
import { NETWORK_COLORS } from "./style.js";

const COLUMNS = 2;
const GAP = 24;
const TITLE_HEIGHT = 24;
const CELL_WIDTH = CHART_WIDTH + GAP;
const CELL_HEIGHT = TITLE_HEIGHT + CHART_HEIGHT + GAP;
const PADDING = 20;

/** Above, the settings where the two networks learn most differently; below, a look inside where both learn. */
export function drawPicture(runs: readonly Run[]): string {
  const shown = [
    panelOf(accuracyFigure(runs), "sigmoid, learning rate 0.1"),
    panelOf(accuracyFigure(runs), "ReLU, learning rate 2"),
    panelOf(percentileFigure(runs), "ReLU, learning rate 0.1"),
    panelOf(lossBandFigure(runs), "ReLU, learning rate 0.1"),
  ];
  const width = COLUMNS * CELL_WIDTH - GAP + 2 * PADDING;
  const height = (shown.length / COLUMNS) * CELL_HEIGHT - GAP + 2 * PADDING;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<style>${NETWORK_COLORS}
  svg { color: var(--ink); font-family: system-ui, sans-serif; }
</style>
<rect width="100%" height="100%" rx="12" fill="var(--paper)"/>
${shown.map(placed).join("\n")}
</svg>
`;
}

function panelOf(panels: readonly Panel[], title: string): Panel {
  return panels.find((panel) => panel.title === title)!;
}

function placed({ title, svg }: Panel, index: number): string {
  const x = PADDING + (index % COLUMNS) * CELL_WIDTH;
  const y = PADDING + Math.floor(index / COLUMNS) * CELL_HEIGHT;
  return `<g transform="translate(${x} ${y})">
<text y="16" font-size="15" font-weight="600" fill="currentColor">${title}</text>
<g transform="translate(0 ${TITLE_HEIGHT})">${svg}</g>
</g>`;
}
