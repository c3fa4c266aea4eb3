/** The loss landscape along the gradient: the band of losses over time, and the current beta at each distance. */
import type { Landscape } from "../experiment/measure.js";
import { BAND_FROM, DISTANCES } from "../experiment/scales.js";
import type { Series } from "../page/history.js";
import { type Figure, type FigureInput, lastStep, mergeSeries, SIDES } from "./figure.js";
import { emptyNote, Plot } from "./plot.js";

/** Number of recent measurements in the profile. */
const RECENT = 10;

function seriesOf({ history }: FigureInput): readonly [Series<Landscape>, Series<Landscape>] {
  return [history.sides[0]!.landscapes, history.sides[1]!.landscapes];
}

/** Returns the smallest and largest loss from 0.5 to 4 learning rates. */
export function bandOf({ losses }: Landscape): readonly [number, number] {
  const inBand = losses.filter((_, i) => DISTANCES[i]! >= BAND_FROM);
  return [Math.min(...inBand), Math.max(...inBand)];
}

export const band: Figure = {
  id: "landscape",
  title: "Loss along the gradient",
  caption: `Line: the loss on the batch. Band: its smallest and largest value at ${BAND_FROM} to 4 learning rates along the gradient.`,
  height: 200,
  draw(context, box, input, theme) {
    const series = seriesOf(input);
    const guess = Math.log(input.classes);
    const xAxis = { low: 0, high: lastStep(input), label: "step" };
    const plot = new Plot(context, box, theme, xAxis, { low: 0.001, high: 10 * guess, log: true, label: "nats" });
    for (const side of SIDES) {
      const { steps, values } = series[side];
      const bands = values.map(bandOf);
      const color = theme.networks[side];
      const [lows, highs] = [0, 1].map((end) => bands.map((each) => each[end]!)) as [number[], number[]];
      plot.band(steps, lows, highs, color, 0.3);
      const losses = values.map((value) => value.loss);
      plot.line(steps, losses, color);
    }
    if (series.every(({ steps }) => steps.length === 0)) emptyNote(context, plot.inner, theme, "not measured yet");
  },
  table: (input) => {
    const columns = ["loss", ...DISTANCES.map((distance) => `loss at ${distance} learning rates`)];
    const head = ["step", ...input.names.flatMap((name) => columns.map((column) => `${column}, ${name}`))];
    return mergeSeries(seriesOf(input), head, ({ loss, losses }) => [loss, ...losses]);
  },
};

/** Returns the median of the most recent profiles at each distance. */
export function recentBetas({ values }: Series<Landscape>): number[] {
  const recent = values.slice(-RECENT);
  return DISTANCES.map((_, i) => {
    const sorted = recent.map(({ betas }) => betas[i]!).sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
  });
}

export const betaProfile: Figure = {
  id: "beta",
  title: "Smoothness by distance",
  caption:
    "How fast the gradient changes with distance: effective beta × learning rate, median of the last ten measurements. Above 2 (dashed), gradient descent on a quadratic diverges.",
  height: 200,
  draw(context, box, input, theme) {
    const names = DISTANCES.map((distance): readonly [number, string] => [distance, String(distance)]);
    const xAxis = { low: 0.08, high: 5, log: true, names, label: "distance (learning rates)" };
    const plot = new Plot(context, box, theme, xAxis, {
      low: 0.05,
      high: 100,
      log: true,
      label: "beta × learning rate",
    });
    context.setLineDash([4, 4]);
    plot.line([0.08, 5], [2, 2], theme.soft, 1);
    context.setLineDash([]);
    const series = seriesOf(input);
    for (const side of SIDES) {
      if (series[side].steps.length === 0) continue;
      const betas = recentBetas(series[side]);
      plot.line(DISTANCES, betas, theme.networks[side], 2);
      plot.dots(DISTANCES, betas, theme.networks[side], 3);
    }
    if (series.every(({ steps }) => steps.length === 0)) emptyNote(context, plot.inner, theme, "not measured yet");
  },
  table: (input) => {
    const columns = DISTANCES.map((distance) => `beta × learning rate at ${distance}`);
    const head = ["step", ...input.names.flatMap((name) => columns.map((column) => `${column}, ${name}`))];
    return mergeSeries(seriesOf(input), head, ({ betas }) => betas);
  },
};
