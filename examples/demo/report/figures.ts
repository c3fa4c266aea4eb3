/** Figures: one panel a condition, both networks in it, all panels of a figure on the same vertical axis. */
import * as Plot from "@observablehq/plot";
import { type Axis, type Curve, curveMarks, drawChart, formatTick, ticksOf } from "../../shared/chart.js";
import { type Condition, CONDITIONS, DISTANCES, nameOf } from "../experiment.js";
import type { Run } from "../train.js";
import { accuracyCurves, betaCurves, gradientChangeCurves, lossBandCurves, lossCurves } from "./curves.js";

/** A chart and the condition that it belongs to. */
export interface Panel {
  readonly title: string;
  readonly svg: string;
}

/** The horizontal axis of everything that is drawn against training. */
export function stepsAxis(runs: readonly Run[]): Plot.ScaleOptions {
  return { label: "steps", labelAnchor: "center", domain: [0, runs[0]!.steps], ticks: 4 };
}

/** Test accuracy against steps. */
export function accuracyFigure(runs: readonly Run[]): Panel[] {
  const axis: Axis = { type: "linear", domain: [0, 1] };
  return curveFigure(runs, accuracyCurves, { axis, label: "test accuracy", x: stepsAxis(runs) });
}

/** Training loss against steps. */
export function lossFigure(runs: readonly Run[]): Panel[] {
  const axis = logAxis(runs, lossCurves, 10);
  return curveFigure(runs, lossCurves, { axis, label: "training loss (nats)", x: stepsAxis(runs) });
}

/** What Santurkar et al. 2018 show in figure 4a. */
export function lossBandFigure(runs: readonly Run[]): Panel[] {
  const axis = logAxis(runs, lossBandCurves, 100);
  return curveFigure(runs, lossBandCurves, { axis, label: "loss along the gradient (nats)", x: stepsAxis(runs) });
}

/** What they show in figure 4b, relative to the length of the gradient. */
export function gradientChangeFigure(runs: readonly Run[]): Panel[] {
  const axis = logAxis(runs, gradientChangeCurves, 100);
  return curveFigure(runs, gradientChangeCurves, { axis, label: "relative gradient change", x: stepsAxis(runs) });
}

/** What they show the maximum of in figure 4c: beta at each distance. */
export function betaFigure(runs: readonly Run[]): Panel[] {
  const axis = logAxis(runs, betaCurves, 100);
  const axisLabel = { label: "distance (learning rates)", labelAnchor: "center" } as const;
  // An axis of its own, as Plot's log axes leave out the label of 0.5.
  const marks = [Plot.axisX([...DISTANCES], { text: DISTANCES.map(String), ...axisLabel })];
  return curveFigure(runs, betaCurves, { axis, label: "beta × learning rate", x: { type: "log" }, marks });
}

interface CurveFigure {
  readonly axis: Axis;
  readonly label: string;
  readonly x: Plot.ScaleOptions;
  readonly marks?: readonly Plot.Markish[];
}

type CurvesOf = (runs: readonly Run[], condition: Condition) => Curve[];

function curveFigure(runs: readonly Run[], curvesOf: CurvesOf, { axis, label, x, marks = [] }: CurveFigure): Panel[] {
  return CONDITIONS.map((condition) => ({
    title: nameOf(condition),
    svg: drawChart(`${label}: ${nameOf(condition)}`, {
      x,
      y: { ...axis, label: `↑ ${label}`, grid: true, ticks: ticksOf(axis), tickFormat: formatTick },
      marks: [...marks, ...curveMarks(curvesOf(runs, condition), axis)],
    }),
  }));
}

/** From the smallest value to the largest, but not above `ceiling`: what diverges is cut off there. */
function logAxis(runs: readonly Run[], curvesOf: CurvesOf, ceiling: number): Axis {
  const points = CONDITIONS.flatMap((condition) => curvesOf(runs, condition)).flatMap((curve) => curve.points);
  const lows = points.map(({ low, y }) => Math.min(low, y)).filter((value) => value > 0);
  const highs = points.map(({ high }) => high);
  // A little room below, so that a name at the end of the lowest curve stays clear of the axis.
  return { type: "log", domain: [Math.min(...lows) / 1.5, Math.min(ceiling, Math.max(...highs))] };
}
