/** Figures: one panel per condition with both networks; the panels of a figure share the vertical axis. */
import * as Plot from "@observablehq/plot";
import { type Axis, type Curve, curveMarks, drawChart, formatTick, logAxis, ticksOf } from "../../shared/chart.js";
import { type Condition, CONDITIONS, DISTANCES, nameOf } from "../experiment.js";
import type { Run } from "../train.js";
import { accuracyCurves, betaCurves, gradientChangeCurves, lossBandCurves, lossCurves } from "./curves.js";

/** A chart with its title. */
export interface Panel {
  readonly title: string;
  readonly svg: string;
}

/** Returns the horizontal axis of charts over training. */
export function stepsAxis(runs: readonly Run[]): Plot.ScaleOptions {
  return { label: "steps", labelAnchor: "center", domain: [0, runs[0]!.steps], ticks: 4 };
}

/** Draws test accuracy over training. */
export function accuracyFigure(runs: readonly Run[]): Panel[] {
  const axis: Axis = { type: "linear", domain: [0, 1] };
  return curveFigure(runs, accuracyCurves, { axis, label: "test accuracy", x: stepsAxis(runs) });
}

/** Draws the training loss over training. */
export function lossFigure(runs: readonly Run[]): Panel[] {
  const axis = sharedAxis(runs, lossCurves, 10);
  return curveFigure(runs, lossCurves, { axis, label: "training loss (nats)", x: stepsAxis(runs) });
}

/** Draws figure 4a of Santurkar et al. 2018. */
export function lossBandFigure(runs: readonly Run[]): Panel[] {
  const axis = sharedAxis(runs, lossBandCurves, 100);
  return curveFigure(runs, lossBandCurves, { axis, label: "loss along the gradient (nats)", x: stepsAxis(runs) });
}

/** Draws figure 4b of the same paper, relative to the norm of the gradient. */
export function gradientChangeFigure(runs: readonly Run[]): Panel[] {
  const axis = sharedAxis(runs, gradientChangeCurves, 100);
  return curveFigure(runs, gradientChangeCurves, { axis, label: "relative gradient change", x: stepsAxis(runs) });
}

/** Draws beta at each distance; figure 4c of the same paper shows the maximum. */
export function betaFigure(runs: readonly Run[]): Panel[] {
  const axis = sharedAxis(runs, betaCurves, 100);
  const axisLabel = { label: "distance (learning rates)", labelAnchor: "center" } as const;
  // An explicit axis, as Plot's log axes omit the label of 0.5.
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

/** Returns the log axis that the panels of all conditions share. */
function sharedAxis(runs: readonly Run[], curvesOf: CurvesOf, ceiling: number): Axis {
  return logAxis(
    CONDITIONS.flatMap((condition) => curvesOf(runs, condition)),
    ceiling,
  );
}
