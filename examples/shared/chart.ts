/** Chart: SVG text drawn by Observable Plot, and the marks shared by all figures. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

export const CHART_WIDTH = 400;
export const CHART_HEIGHT = 250;
const MARGINS = { marginTop: 28, marginRight: 88, marginBottom: 38, marginLeft: 46 };

const { document } = parseHTML("<!doctype html><html><body></body></html>");

/** Draws a chart; `ariaLabel` describes it to screen readers. */
export function drawChart(ariaLabel: string, options: Plot.PlotOptions): string {
  const style = { background: "none", fontFamily: "inherit", fontSize: "12px" };
  const size = { width: CHART_WIDTH, height: CHART_HEIGHT };
  const chart = Plot.plot({ ...size, ...MARGINS, style, ariaLabel, document, ...options });
  chart.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  chart.setAttribute("role", "img");
  return chart.outerHTML;
}

/** A named, colored line with a band. */
export interface Curve {
  readonly name: string;
  /** A CSS color or variable; the style sheet of the page defines the variables for light and dark. */
  readonly color: string;
  readonly points: readonly CurvePoint[];
  /** Lengths of dashes and gaps. Default: a solid line. */
  readonly dash?: string | undefined;
  /** Dots instead of a line. */
  readonly dots?: "filled" | "open" | undefined;
}

/** A point of a curve; `low` and `high` are the edges of the band. */
export interface CurvePoint {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** The scale of a vertical axis. */
export interface Axis {
  readonly type: "linear" | "log";
  readonly domain: readonly [number, number];
}

/** Returns a log axis from the smallest to the largest value of the curves, up to `ceiling`, where divergence is cut off. */
export function logAxis(curves: readonly Curve[], ceiling: number): Axis {
  const points = curves.flatMap((curve) => curve.points);
  const lows = points.map(({ low, y }) => Math.min(low, y)).filter((value) => value > 0);
  const highs = points.map(({ high }) => high);
  // Padding, so that the label of the lowest curve does not overlap the axis.
  return { type: "log", domain: [Math.min(...lows) / 1.5, Math.min(ceiling, Math.max(...highs))] };
}

/** Returns a few round ticks: 1, 2 and 5 of each decade, or only decades if there are many. */
export function ticksOf({ type, domain: [bottom, top] }: Axis): number | number[] {
  if (type === "linear") return 5;
  const first = Math.floor(Math.log10(bottom));
  const count = Math.ceil(Math.log10(top)) - first + 1;
  const every = Math.ceil(count / 8);
  const decades = Array.from({ length: Math.ceil(count / every) }, (_, i) => 10 ** (first + i * every));
  const steps = top / bottom > 300 ? [1] : [1, 2, 5];
  return decades
    .flatMap((decade) => steps.map((step) => step * decade))
    .filter((tick) => tick >= bottom && tick <= top);
}

/** Formats a tick in plain digits, or with an exponent if it would be too long for the margin. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 1e5) ? value.toExponential(0).replace("e+", "e") : String(value);
}

/** Returns the marks of curves with their bands and end labels, clipped to the axis. */
export function curveMarks(curves: readonly Curve[], axis: Axis): Plot.Markish[] {
  const drawn = curves.filter(({ points }) => points.length > 0);
  return [
    ...drawn.map(({ color, points }) =>
      Plot.areaY(withinReach(points, axis), {
        x: "x",
        y1: "low",
        y2: "high",
        fill: color,
        fillOpacity: 0.2,
        clip: true,
      }),
    ),
    ...drawn.map(({ color, points, dash, dots }) =>
      dots !== undefined
        ? Plot.dot(withinReach(points, axis), {
            x: "x",
            y: "y",
            r: 3.5,
            ...(dots === "open" ? { stroke: color, strokeWidth: 1.5 } : { fill: color, fillOpacity: 0.75 }),
          })
        : Plot.lineY(withinReach(points, axis), {
            x: "x",
            y: "y",
            stroke: color,
            strokeWidth: 2,
            ...(dash !== undefined && { strokeDasharray: dash }),
            clip: true,
          }),
    ),
    ...endLabels(drawn, axis),
  ];
}

/** Replaces values that cannot be drawn on the axis, such as infinity, or 0 on a log axis, by values far outside that are clipped. */
function withinReach(points: readonly CurvePoint[], { type, domain: [bottom, top] }: Axis): CurvePoint[] {
  const [least, most] = type === "log" ? [bottom / 1e6, top * 1e6] : [bottom - 1e6, top + 1e6];
  const keep = (value: number): number => Math.min(most, Math.max(least, value));
  return points.map(({ x, y, low, high }) => ({ x, y: keep(y), low: keep(low), high: keep(high) }));
}

const LABEL_HEIGHT = 15;

/** Returns labels to the right of the curves, at the heights of their ends, moved apart where they would overlap. */
function endLabels(curves: readonly Curve[], axis: Axis): Plot.Markish[] {
  const plotHeight = CHART_HEIGHT - MARGINS.marginTop - MARGINS.marginBottom;
  const right = Math.max(...curves.flatMap(({ points }) => points.map(({ x }) => x)));
  const labels = curves
    .map(({ name, color, points }) => ({ name, color, height: plotHeight * positionOn(axis, points.at(-1)!.y) }))
    .sort((a, b) => a.height - b.height);
  pushApart(labels, plotHeight);
  return labels.map(({ name, color, height }) =>
    Plot.text([name], {
      x: [right],
      frameAnchor: "bottom",
      dy: -height,
      dx: 6,
      text: [name],
      textAnchor: "start",
      lineAnchor: "middle",
      fill: color,
      fontWeight: 600,
    }),
  );
}

/** Spreads labels that overlap around their middle, merging groups that then overlap. */
function pushApart(labels: { height: number }[], plotHeight: number): void {
  const groups: { labels: { height: number }[]; middle: number }[] = [];
  for (const label of labels) {
    let group = { labels: [label], middle: label.height };
    for (let below = groups.at(-1); below !== undefined; below = groups.at(-1)) {
      const room = (LABEL_HEIGHT * (group.labels.length + below.labels.length)) / 2;
      if (group.middle - below.middle >= room) break;
      groups.pop();
      const together = [...below.labels, ...group.labels];
      const middle = together.reduce((sum, { height }) => sum + height, 0) / together.length;
      group = { labels: together, middle };
    }
    const half = (LABEL_HEIGHT * (group.labels.length - 1)) / 2;
    group.middle = Math.max(half - 4, Math.min(plotHeight - half + 4, group.middle));
    groups.push(group);
  }
  for (const { labels: members, middle } of groups) {
    members.forEach((label, i) => (label.height = middle + LABEL_HEIGHT * (i - (members.length - 1) / 2)));
  }
}

/** Returns the position of a value on an axis: 0 at the bottom, 1 at the top. */
function positionOn({ type, domain: [bottom, top] }: Axis, value: number): number {
  const measure = type === "log" ? Math.log : (number: number): number => number;
  const position = (measure(value) - measure(bottom)) / (measure(top) - measure(bottom));
  return Math.min(1, Math.max(0, position));
}
