/** Charts of hidden values: the inputs of one layer's activation, over time and now, and the statistics that normalize them. */
import type { Distribution } from "../experiment/measure.js";
import { CELLS, LEVELS } from "../experiment/scales.js";
import type { Series } from "../page/history.js";
import { type Figure, type FigureInput, halves, lastStep, mergeSeries, SIDES } from "./figure.js";
import { type Axis, emptyNote, Plot } from "./plot.js";

const RIDGES = 14;

/** Returns the measurements of the selected layer of one network. */
function layerOf({ history, layer }: FigureInput, side: number): Series<Distribution> {
  const { steps, values } = history.sides[side]!.distributions;
  const kept = steps.map((_, i) => i).filter((i) => values[i]![layer]);
  return { steps: kept.map((i) => steps[i]!), values: kept.map((i) => values[i]![layer]!) };
}

/** Returns the percentiles of the selected unit, or of all units together. */
function percentilesOf({ percentiles, units }: Distribution, unit: number | null): readonly number[] {
  return unit === null ? percentiles : units.slice(unit * LEVELS.length, (unit + 1) * LEVELS.length);
}

function rangeOf(values: readonly number[]): { readonly low: number; readonly high: number } {
  const low = Math.min(...values, -1);
  const high = Math.max(...values, 1);
  const air = 0.06 * (high - low);
  return { low: low - air, high: high + air };
}

const where = ({ layer, unit }: FigureInput): string =>
  `layer ${layer + 1}, ${unit === null ? "all units" : `unit ${unit + 1}`}`;

export const bands: Figure = {
  id: "distributions",
  title: "Hidden values over time",
  caption:
    "Inputs of the selected layer's activation on 256 fixed training samples: median, 15th to 85th percentile and 5th to 95th percentile, as in figure 1 of Ioffe & Szegedy 2015.",
  height: 220,
  draw(context, box, input, theme) {
    const series = SIDES.map((side) => layerOf(input, side));
    const percentiles = series.map(({ values }) => values.map((value) => percentilesOf(value, input.unit)));
    const axis = rangeOf(percentiles.flat(2));
    for (const [side, half] of halves(box).entries()) {
      const xAxis = { low: 0, high: lastStep(input), label: "step" };
      const plot = new Plot(context, half, theme, xAxis, axis, `${input.names[side]}: ${where(input)}`);
      const { steps } = series[side]!;
      if (steps.length === 0) emptyNote(context, plot.inner, theme, "not measured yet");
      const at = (level: number): number[] => percentiles[side]!.map((each) => each[level]!);
      const color = theme.networks[side]!;
      plot.band(steps, at(0), at(4), color, 0.18);
      plot.band(steps, at(1), at(3), color, 0.28);
      plot.line(steps, at(2), color, 2);
    }
  },
  table: (input) => {
    const columns = LEVELS.map((level) => `percentile ${100 * level}`);
    const head = [
      "step",
      ...input.names.flatMap((name) => columns.map((column) => `${column}, ${name}, ${where(input)}`)),
    ];
    return mergeSeries([layerOf(input, 0), layerOf(input, 1)], head, (value) => percentilesOf(value, input.unit));
  },
};

export const ridgeline: Figure = {
  id: "ridgeline",
  title: "Distribution of hidden values over time",
  caption: "The density of these values over all units of the layer, from the first step (back) to the latest (front).",
  height: 260,
  draw(context, box, input, theme) {
    const chosen = SIDES.map((side) => evenly(layerOf(input, side), RIDGES));
    const axis = rangeOf(chosen.flatMap(({ values }) => values.flatMap(({ low, high }) => [low, high])));
    for (const [side, half] of halves(box).entries()) {
      const { steps, values } = chosen[side]!;
      const names = steps.map((step, i): readonly [number, string] => [
        i,
        i % 3 === 0 || i === steps.length - 1 ? String(step) : "",
      ]);
      const yAxis: Axis = { low: Math.max(5, steps.length) - 0.7, high: -2.6, names };
      const title = `${input.names[side]}: layer ${input.layer + 1}`;
      const plot = new Plot(context, half, theme, { ...axis, label: "value" }, yAxis, title);
      if (steps.length === 0) emptyNote(context, plot.inner, theme, "not measured yet");
      const tallest = Math.max(...values.map(peakOf));
      for (const [i, value] of values.entries()) drawRidge(plot, i, value, tallest, theme.networks[side]!);
    }
  },
  table: (input) => {
    const head = ["step", "network", "low", "high", ...Array.from({ length: CELLS }, (_, i) => `count ${i + 1}`)];
    return [
      head,
      ...SIDES.flatMap((side) => {
        const { steps, values } = layerOf(input, side);
        return steps.map((step, i) => [step, input.names[side], values[i]!.low, values[i]!.high, ...values[i]!.counts]);
      }),
    ];
  },
};

/** Selects at most `count` evenly spaced measurements, including the first and the last. */
function evenly<T>({ steps, values }: Series<T>, count: number): Series<T> {
  const chosen = Math.min(count, steps.length);
  const at = Array.from({ length: chosen }, (_, i) => Math.round((i * (steps.length - 1)) / Math.max(1, chosen - 1)));
  return { steps: at.map((i) => steps[i]!), values: at.map((i) => values[i]!) };
}

/** Returns the density in each bin of the histogram. */
function densities({ low, high, counts }: Distribution): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / all / ((high - low) / counts.length));
}

function peakOf(value: Distribution): number {
  return Math.max(...densities(value));
}

function drawRidge(plot: Plot, row: number, value: Distribution, tallest: number, color: string): void {
  const { context, theme } = plot;
  const cell = (value.high - value.low) / value.counts.length;
  // The square root keeps the flat ridge of a wide distribution visible next to the peak of a narrow one.
  const points = densities(value).map((density, i): readonly [number, number] => [
    plot.x(value.low + (i + 0.5) * cell),
    plot.y(row - 2.6 * Math.sqrt(density / tallest)),
  ]);
  const base = plot.y(row);
  // A path in an SVG has one color, so one path hides what is behind and another one adds the color.
  for (const [fill, alpha] of [
    [theme.paper, 1],
    [color, 0.35],
  ] as const) {
    context.beginPath();
    context.moveTo(plot.x(value.low), base);
    for (const [x, y] of points) context.lineTo(x, y);
    context.lineTo(plot.x(value.high), base);
    context.closePath();
    context.globalAlpha = alpha;
    context.fillStyle = fill;
    context.fill();
  }
  context.globalAlpha = 1;
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.strokeStyle = color;
  context.lineWidth = 1.2;
  context.stroke();
}

export const running: Figure = {
  id: "running",
  title: "Running and batch statistics",
  caption:
    "One dot per unit of the selected layer: the running statistics, used at inference, and the statistics of the latest batch. On the diagonal they are equal.",
  height: 220,
  draw(context, box, input, theme) {
    const found = SIDES.map((side) => input.history.sides[side]!.running.find(({ layer }) => layer === input.layer));
    const [left, right] = halves(box);
    for (const [title, place, pick] of [
      ["mean", left, (each: Statistics) => [each.runningMean, each.batchMean]],
      ["spread", right, (each: Statistics) => [each.runningSpread, each.batchSpread]],
    ] as const) {
      const pairs = found.map((each) => each && pick(each));
      const all = pairs.flatMap((pair) => pair?.flat() ?? []).filter(Number.isFinite);
      if (all.length === 0) {
        emptyNote(context, place, theme, "neither network has running statistics");
        continue;
      }
      const axis = { low: Math.min(...all, 0), high: Math.max(...all, 0.1) };
      const plot = new Plot(context, place, theme, { ...axis, label: `running ${title}` }, { ...axis, label: "batch" });
      plot.line([axis.low, axis.high], [axis.low, axis.high], theme.soft, 1);
      for (const side of SIDES) {
        const pair = pairs[side];
        if (pair) plot.dots(pair[0]!, pair[1]!, theme.networks[side]);
      }
    }
  },
  table: ({ history, names }) => [
    ["network", "layer", "unit", "running mean", "batch mean", "running spread", "batch spread", "spread measure"],
    ...SIDES.flatMap((side) =>
      history.sides[side]!.running.flatMap((each) =>
        each.runningMean.map((mean, unit) => [
          names[side],
          each.layer + 1,
          unit + 1,
          mean,
          each.batchMean[unit]!,
          each.runningSpread[unit]!,
          each.batchSpread[unit]!,
          each.spread,
        ]),
      ),
    ),
  ],
};

type Statistics = FigureInput["history"]["sides"][number]["running"][number];
