/** Chart: a drawing by Observable Plot as SVG text, and the marks that several figures share. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Network } from "../experiment.js";

export const CHART_WIDTH = 400;
export const CHART_HEIGHT = 250;
const MARGINS = { marginTop: 28, marginRight: 88, marginBottom: 38, marginLeft: 46 };

/** The color of each network, the same in every figure; the page's style sheet sets it, for light and for dark. */
export const COLORS: Readonly<Record<Network, string>> = { plain: "var(--plain)", "batch norm": "var(--batch-norm)" };

const { document } = parseHTML("<!doctype html><html><body></body></html>");

/** Draws a chart; the label tells what it shows to those who cannot see it. */
export function drawChart(ariaLabel: string, options: Plot.PlotOptions): string {
  const style = { background: "none", fontFamily: "inherit", fontSize: "12px" };
  const size = { width: CHART_WIDTH, height: CHART_HEIGHT };
  const chart = Plot.plot({ ...size, ...MARGINS, style, ariaLabel, document, ...options });
  chart.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  chart.setAttribute("role", "img");
  return chart.outerHTML;
}

/** A line, and around it a band. */
export interface Curve {
  readonly network: Network;
  readonly points: readonly CurvePoint[];
}

/** `low` and `high` are the edges of the band. */
export interface CurvePoint {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** How a vertical axis runs. */
export interface Axis {
  readonly type: "linear" | "log";
  readonly domain: readonly [number, number];
}

/** Few ticks, all round: 1, 2 and 5 of each decade, or the decades alone where there are many. */
export function ticksOf({ type, domain: [bottom, top] }: Axis): number | number[] {
  if (type === "linear") return 5;
  const first = Math.floor(Math.log10(bottom));
  const decades = Array.from({ length: Math.ceil(Math.log10(top)) - first + 1 }, (_, i) => 10 ** (first + i));
  const steps = top / bottom > 300 ? [1] : [1, 2, 5];
  return decades
    .flatMap((decade) => steps.map((step) => step * decade))
    .filter((tick) => tick >= bottom && tick <= top);
}

/** The curves of the networks with their bands, each with its name at its end. Whatever leaves the axis is cut off. */
export function curveMarks(curves: readonly Curve[], axis: Axis): Plot.Markish[] {
  const drawn = curves.filter(({ points }) => points.length > 0);
  return [
    ...drawn.map(({ network, points }) =>
      Plot.areaY(withinReach(points, axis), {
        x: "x",
        y1: "low",
        y2: "high",
        fill: COLORS[network],
        fillOpacity: 0.2,
        clip: true,
      }),
    ),
    ...drawn.map(({ network, points }) =>
      Plot.lineY(withinReach(points, axis), {
        x: "x",
        y: "y",
        stroke: COLORS[network],
        strokeWidth: 2,
        clip: true,
      }),
    ),
    ...endLabels(drawn, axis),
  ];
}

/** A log axis has no place for 0 and no axis has one for infinity: such values go far out, where they are cut off. */
function withinReach(points: readonly CurvePoint[], { type, domain: [bottom, top] }: Axis): CurvePoint[] {
  const [least, most] = type === "log" ? [bottom / 1e6, top * 1e6] : [bottom - 1e6, top + 1e6];
  const keep = (value: number): number => Math.min(most, Math.max(least, value));
  return points.map(({ x, y, low, high }) => ({ x, y: keep(y), low: keep(low), high: keep(high) }));
}

const LABEL_HEIGHT = 15;

/** The names of the networks beside the ends of their curves, pushed apart where they would cover each other. */
function endLabels(curves: readonly Curve[], axis: Axis): Plot.Markish[] {
  const plotHeight = CHART_HEIGHT - MARGINS.marginTop - MARGINS.marginBottom;
  const labels = curves
    .map(({ network, points }) => ({ network, end: points.at(-1)! }))
    .map(({ network, end }) => ({ network, x: end.x, height: plotHeight * positionOn(axis, end.y) }))
    .sort((a, b) => a.height - b.height);
  const [lower, upper] = labels;
  if (lower !== undefined && upper !== undefined) {
    const missing = Math.max(0, LABEL_HEIGHT - (upper.height - lower.height)) / 2;
    lower.height -= missing;
    upper.height += missing;
  }
  return labels.map(({ network, x, height }) =>
    Plot.text([network], {
      x: [x],
      frameAnchor: "bottom",
      dy: -height,
      dx: 6,
      text: [network],
      textAnchor: "start",
      lineAnchor: "middle",
      fill: COLORS[network],
      fontWeight: 600,
    }),
  );
}

/** Where a value lies on an axis: 0 at the bottom, 1 at the top. */
function positionOn({ type, domain: [bottom, top] }: Axis, value: number): number {
  const measure = type === "log" ? Math.log : (number: number): number => number;
  const position = (measure(value) - measure(bottom)) / (measure(top) - measure(bottom));
  return Math.min(1, Math.max(0, position));
}
