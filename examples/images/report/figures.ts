/** Figures: one panel per architecture and measurement, with both networks. */
import * as Plot from "@observablehq/plot";
import type { Axis, Curve } from "../../shared/chart.js";
import { curveMarks, drawChart, formatTick, logAxis, ticksOf } from "../../shared/chart.js";
import { gradientChangeBand, lossBand } from "../../demo/landscape.js";
import type { Panel } from "../../demo/report/figures.js";
import { COLORS } from "../../demo/report/style.js";
import { type Architecture, NAMES } from "../experiment.js";
import type { Run } from "../train.js";

const LOSS_WINDOW = 10;

/** Draws test accuracy over training. A diverged run keeps its last accuracy. */
export function accuracyFigure(runs: readonly Run[]): Panel[] {
  const axis: Axis = { type: "linear", domain: [0, 1] };
  return panels(runs, "test accuracy", axis, ({ accuracies, steps }) =>
    [...accuracies, { ...accuracies.at(-1)!, step: steps }].map(({ step, accuracy }) => ({
      x: step,
      y: accuracy,
      low: accuracy,
      high: accuracy,
    })),
  );
}

/** Draws the loss over training: mean, lowest and highest of ten batches; infinite after divergence. */
export function lossFigure(runs: readonly Run[]): Panel[] {
  return logPanels(runs, "training loss (nats)", ({ losses, steps }) =>
    Array.from({ length: Math.ceil(steps / LOSS_WINDOW) }, (_, i) => {
      const window = losses.slice(i * LOSS_WINDOW, (i + 1) * LOSS_WINDOW);
      const mean = window.reduce((sum, loss) => sum + loss, 0) / window.length;
      const x = Math.min((i + 0.5) * LOSS_WINDOW, steps);
      if (!Number.isFinite(mean)) return { x, y: Infinity, low: Infinity, high: Infinity };
      return { x, y: mean, low: Math.min(...window), high: Math.max(...window) };
    }),
  );
}

/** Draws figure 4a of Santurkar et al. 2018. */
export function lossBandFigure(runs: readonly Run[]): Panel[] {
  return logPanels(runs, "loss along the gradient (nats)", ({ looks }) =>
    looks.map((look) => ({ x: look.step, y: look.loss, ...lossBand(look) })),
  );
}

/** Draws figure 4b of the same paper, relative to the norm of the gradient. */
export function gradientChangeFigure(runs: readonly Run[]): Panel[] {
  return logPanels(runs, "relative gradient change", ({ looks }) =>
    looks.map((look) => ({ x: look.step, y: gradientChangeBand(look).high, ...gradientChangeBand(look) })),
  );
}

type PointsOf = (run: Run) => Curve["points"];

function logPanels(runs: readonly Run[], label: string, pointsOf: PointsOf): Panel[] {
  return panels(runs, label, logAxis(curvesOf(runs, pointsOf), 100), pointsOf);
}

function panels(runs: readonly Run[], label: string, axis: Axis, pointsOf: PointsOf): Panel[] {
  return architecturesOf(runs).map((architecture) => {
    const own = runs.filter((run) => run.architecture === architecture);
    const svg = drawChart(`${label}: ${NAMES[architecture]}`, {
      x: { label: "steps", labelAnchor: "center", domain: [0, own[0]!.steps], ticks: 4 },
      y: { ...axis, label: `↑ ${label}`, axis: null },
      marks: [...axisMarks(axis, label), ...curveMarks(curvesOf(own, pointsOf), axis)],
    });
    return { title: NAMES[architecture], svg };
  });
}

/** Returns an explicit axis with its grid, as Plot's log axes omit some labels. */
function axisMarks(axis: Axis, label: string): Plot.Markish[] {
  const ticks = ticksOf(axis);
  const options = { label: `↑ ${label}`, labelAnchor: "top" } as const;
  return Array.isArray(ticks)
    ? [Plot.gridY(ticks), Plot.axisY(ticks, { ...options, text: ticks.map(formatTick) })]
    : [Plot.gridY({ ticks }), Plot.axisY({ ...options, ticks, tickFormat: formatTick })];
}

function curvesOf(runs: readonly Run[], pointsOf: PointsOf): Curve[] {
  return runs.map((run) => ({
    name: run.divergedAt === null ? run.network : "diverged",
    color: COLORS[run.network],
    points: pointsOf(run),
  }));
}

/** Returns the architectures that were trained, in order. */
export function architecturesOf(runs: readonly Run[]): Architecture[] {
  return [...new Set(runs.map(({ architecture }) => architecture))];
}
