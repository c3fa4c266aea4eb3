/** Charts by layer, ending with the output layer: internal covariate shift and gradient norms. */
import type { LayerShift } from "../experiment/measure.js";
import type { Series } from "../page/history.js";
import { type Figure, type FigureInput, mergeSeries, SIDES } from "./figure.js";
import { emptyNote, Plot, type Axis, type Box, type Context, type Theme } from "./plot.js";

/** Number of recent measurements to average. */
const RECENT = 5;

function seriesOf({ history }: FigureInput): readonly [Series<readonly LayerShift[]>, Series<readonly LayerShift[]>] {
  return [history.sides[0]!.shifts, history.sides[1]!.shifts];
}

/** Returns the mean of a value over recent measurements, by layer; NaN where it is not defined. */
export function recentMeans(
  { values }: Series<readonly LayerShift[]>,
  pick: (shift: LayerShift) => number | null,
): number[] {
  const recent = values.slice(-RECENT);
  return (recent[0] ?? []).map((_, layer) => {
    const found = recent.map((shifts) => pick(shifts[layer]!)).filter((value) => value !== null);
    return found.reduce((sum, value) => sum + value, 0) / found.length;
  });
}

function drawBars(
  context: Context,
  box: Box,
  input: FigureInput,
  theme: Theme,
  yAxis: Axis,
  pick: (shift: LayerShift) => number | null,
): void {
  const series = seriesOf(input);
  const count = Math.max(...series.map(({ values }) => values[0]?.length ?? 0));
  const names = Array.from({ length: count }, (_, i): readonly [number, string] => [
    i,
    i === count - 1 ? "output" : String(i + 1),
  ]);
  const plot = new Plot(
    context,
    box,
    theme,
    { low: -0.6, high: Math.max(0.6, count - 0.4), names, label: "layer" },
    yAxis,
  );
  if (count === 0) emptyNote(context, plot.inner, theme, "not measured yet");
  for (const side of SIDES) {
    for (const [layer, value] of recentMeans(series[side], pick).entries()) {
      if (Number.isNaN(value)) continue;
      const from = plot.x(layer + (side === 0 ? -0.34 : 0.03));
      const top = plot.y(value);
      context.fillStyle = theme.networks[side];
      context.fillRect(
        from,
        top,
        plot.x(layer + 0.31) - plot.x(layer),
        Math.max(1, plot.inner.top + plot.inner.height - top),
      );
    }
  }
}

export const covariateShift: Figure = {
  id: "shift",
  title: "Internal covariate shift",
  caption:
    "How much the gradient of a layer's weights changes when the layers below it take their step: ‖G − G′‖ / ‖G‖, definition 2.1 of Santurkar et al. 2018. Layer 1 has no layers below it.",
  height: 190,
  draw(context, box, input, theme) {
    const values = seriesOf(input).flatMap((series) => recentMeans(series, ({ difference }) => difference));
    const high = Math.max(0.5, ...values.filter(Number.isFinite));
    drawBars(context, box, input, theme, { low: 0, high: 1.05 * high }, ({ difference }) => difference);
  },
  table: (input) =>
    layerTable(
      input,
      (name, layer) => [`difference, layer ${layer}, ${name}`, `cosine, layer ${layer}, ${name}`],
      ({ difference, cosine }) => [difference, cosine],
    ),
};

export const gradientNorms: Figure = {
  id: "gradients",
  title: "Gradient norm by layer",
  caption: "The norm of each layer's weight gradient, averaged over the last five measurements.",
  height: 190,
  draw(context, box, input, theme) {
    drawBars(context, box, input, theme, { low: 1e-5, high: 10, log: true }, ({ gradientNorm }) => gradientNorm);
  },
  table: (input) =>
    layerTable(
      input,
      (name, layer) => [`gradient norm, layer ${layer}, ${name}`],
      ({ gradientNorm }) => [gradientNorm],
    ),
};

function layerTable(
  input: FigureInput,
  columns: (name: string, layer: number) => readonly string[],
  cells: (shift: LayerShift) => readonly (number | null)[],
): ReturnType<Figure["table"]> {
  const series = seriesOf(input);
  const count = Math.max(...series.map(({ values }) => values[0]?.length ?? 0));
  const head = input.names.flatMap((name) => Array.from({ length: count }, (_, i) => columns(name, i + 1)).flat());
  return mergeSeries(series, ["step", ...head], (shifts) => shifts.flatMap(cells));
}
