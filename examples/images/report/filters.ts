/** The filters of the first convolution, as small images: gray for one channel, colored for three. */
import { CHART_WIDTH } from "../../shared/chart.js";
import type { Panel } from "../../demo/report/figures.js";
import { COLORS } from "../../demo/report/style.js";
import { NAMES } from "../experiment.js";
import type { Filter, Run } from "../train.js";
import { architecturesOf } from "./figures.js";

const SIDE = 3;
const PIXELS = SIDE * SIDE;
const PIXEL = 11;
const PITCH = SIDE * PIXEL + 5;
const LABEL_WIDTH = 92;

/** Draws one row per network, and the initial filters that both share in the first row. */
export function filterFigure(runs: readonly Run[]): Panel[] {
  return architecturesOf(runs).map((architecture) => {
    const own = runs.filter((run) => run.architecture === architecture);
    const rows = [
      { name: "at the start", color: "currentColor", filters: own[0]!.filters.before },
      ...own.map(({ network, filters }) => ({ name: network, color: COLORS[network], filters: filters.after })),
    ];
    const drawn = rows.map(({ name, color, filters }, row) => {
      const label = `<text x="0" y="${(SIDE * PIXEL) / 2}" dy="0.35em" fill="${color}" font-weight="600">${name}</text>`;
      return `<g transform="translate(0 ${row * PITCH})">${label}${filters.map(filterSvg).join("")}</g>`;
    });
    const title = NAMES[architecture];
    const height = rows.length * PITCH;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${CHART_WIDTH}" height="${height}" viewBox="0 0 ${CHART_WIDTH} ${height}"
style="max-width: 28rem" font-size="12" role="img" aria-label="Filters of the first convolution: ${title}">
${drawn.join("\n")}
</svg>`;
    return { title, svg };
  });
}

/** Gray is 0, white the largest absolute value of the filter, black its negative; with three channels, so for each color. */
function filterSvg(filter: Filter, index: number): string {
  const largest = Math.max(...filter.map(Math.abs));
  const levels = filter.map((weight) => Math.round(127.5 * (1 + weight / largest)));
  const channels = levels.length / PIXELS;
  const pixels = Array.from({ length: PIXELS }, (_, i) => {
    const rgb = [0, 1, 2].map((color) => levels[(color % channels) * PIXELS + i]!);
    const place = `x="${(i % SIDE) * PIXEL}" y="${Math.floor(i / SIDE) * PIXEL}"`;
    return `<rect ${place} width="${PIXEL}" height="${PIXEL}" fill="rgb(${rgb.join()})"/>`;
  });
  const size = SIDE * PIXEL;
  const frame = `<rect width="${size}" height="${size}" fill="none" stroke="var(--line)"/>`;
  return `<g transform="translate(${LABEL_WIDTH + index * PITCH} 0)" shape-rendering="crispEdges">${pixels.join("")}${frame}</g>`;
}
