/** Draw: the panels of the figures, with the two networks in their colors. */
import * as Plot from "@observablehq/plot";
import type { Network } from "../../demo/experiment.js";
import type { Panel } from "../../demo/report/figures.js";
import { COLORS } from "../../demo/report/style.js";
import { type Axis, type Curve, curveMarks, drawChart, formatTick, ticksOf } from "../../shared/chart.js";

/** A figure of docs/probes.md, with the numbers that the page quotes. */
export interface Figure {
  /** Used in its file name, docs/images/probe-NAME.svg. */
  readonly name: string;
  readonly panels: readonly Panel[];
  /** Printed by the script, one per line. */
  readonly numbers: readonly string[];
}

export const colorOf = (network: Network): string => COLORS[network];

/** A curve in a panel: y over x. */
export interface Series {
  readonly network: Network;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Options for `curvePanel`. */
export interface CurvePanel {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly logX?: boolean;
  readonly axis: Axis;
  /** Marks drawn below the curves. */
  readonly marks?: readonly Plot.Markish[];
}

/** Draws one curve per network, labeled at its end. */
export function curvePanel(series: readonly Series[], panel: CurvePanel): Panel {
  const { title, x, y, logX = false, axis, marks = [] } = panel;
  const curves = series.map(({ network, x: xs, y: ys }): Curve => ({
    name: network,
    color: COLORS[network],
    points: xs.map((at, i) => ({ x: at, y: ys[i]!, low: ys[i]!, high: ys[i]! })),
  }));
  const svg = drawChart(`${y}: ${title}`, {
    x: logX
      ? { label: `${x} →`, type: "log", ticks: [0.01, 0.1, 1, 4], tickFormat: formatTick }
      : { label: `${x} →`, ticks: 5 },
    y: { ...axis, label: `↑ ${y}`, grid: true, ticks: ticksOf(axis), tickFormat: formatTick },
    marks: [...marks, ...curveMarks(curves, axis)],
  });
  return { title, svg };
}

/** Returns a horizontal line with a label above its left end. */
export function level(value: number, text: string, color = "var(--soft)"): Plot.Markish[] {
  return [
    Plot.ruleY([value], { stroke: color, strokeDasharray: "4 3" }),
    Plot.text([text], { frameAnchor: "left", y: value, dx: 6, dy: -7, textAnchor: "start", fill: color }),
  ];
}

/** Returns a legend entry at the upper right; `line` 0 is the top one. */
export function legend(text: string, color: string, line = 0): Plot.Markish {
  const place = { frameAnchor: "top-right", textAnchor: "start", dx: 8, dy: 4 + 16 * line } as const;
  return Plot.text([text], { ...place, fill: color, fontWeight: 600 });
}
