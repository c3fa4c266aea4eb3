/** Percentiles of the input of a typical unit in the last hidden layer, as in figure 1 of Ioffe & Szegedy 2015. */
import * as Plot from "@observablehq/plot";
import { drawChart } from "../../shared/chart.js";
import { CONDITIONS, nameOf, NETWORKS } from "../experiment.js";
import type { UnitPercentiles } from "../movement.js";
import { runsOf } from "../summary.js";
import type { Run } from "../train.js";
import { type Panel, stepsAxis } from "./figures.js";
import { COLORS } from "./style.js";

/** Draws the first seed, without and with batch norm side by side. */
export function percentileFigure(runs: readonly Run[]): Panel[] {
  return CONDITIONS.map((condition) => {
    const shown = NETWORKS.map((network) => runsOf(runs, condition, network)[0]!);
    const drawn = shown.filter(({ divergedAt }) => divergedAt === null);
    const values = drawn.flatMap((run) => unitOf(run).percentiles.flat());
    const [least, most] = [Math.min(...values), Math.max(...values)];
    // Padding, so that the lowest label does not overlap the axis.
    const room = 0.06 * (most - least);
    const domain = [least - room, most + room];
    const svg = drawChart(`Percentiles of the input of a typical unit: ${nameOf(condition)}`, {
      marginRight: 36,
      marginTop: 40,
      fx: { axis: null, domain: NETWORKS, padding: 0.2 },
      x: { ...stepsAxis(runs), ticks: 3 },
      y: { label: "↑ input of the activation", domain, grid: true, ticks: 5 },
      marks: [
        ...shown.map(nameMark),
        ...shown.filter((run) => !drawn.includes(run)).map(divergedMark),
        ...drawn.flatMap((run) => [...bandMarks(run), percentageMark(run, room)]),
      ],
    });
    return { title: nameOf(condition), svg };
  });
}

function unitOf({ layers }: Run): UnitPercentiles {
  return layers.at(-1)!.preActivation.typicalUnit;
}

function bandMarks(run: Run): Plot.Markish[] {
  const { steps, percentiles } = unitOf(run);
  const color = COLORS[run.network];
  const place = { fx: () => run.network, x: steps };
  const level = (index: number): number[] => percentiles.map((values) => values[index]!);
  const [low, middle, high] = [level(0), level(1), level(2)];
  return [
    Plot.areaY(steps, { ...place, y1: low, y2: high, fill: color, fillOpacity: 0.2 }),
    Plot.lineY(steps, { ...place, y: low, stroke: color, strokeWidth: 1 }),
    Plot.lineY(steps, { ...place, y: high, stroke: color, strokeWidth: 1 }),
    Plot.lineY(steps, { ...place, y: middle, stroke: color, strokeWidth: 2 }),
  ];
}

/** Returns the name of the network above its half of the chart. */
function nameMark({ network }: Run): Plot.Markish {
  const style = { fill: COLORS[network], fontWeight: 600 };
  return Plot.text([network], { ...style, fx: [network], frameAnchor: "top", lineAnchor: "bottom", dy: -6 });
}

/** Returns the text shown in place of a diverged run. */
function divergedMark({ network, divergedAt }: Run): Plot.Markish {
  const text = `diverged\nafter ${divergedAt} steps`;
  return Plot.text([text], { fx: [network], frameAnchor: "middle", fill: COLORS[network] });
}

/** Returns the labels "15%", "50%" and "85%" at the ends of the curves, without those that would overlap. */
function percentageMark(run: Run, closest: number): Plot.Markish {
  const { steps, percentiles } = unitOf(run);
  const [low, middle, high] = percentiles.at(-1)!;
  const ends = [{ y: middle!, text: "50%" }];
  if (middle! - low! > closest) ends.push({ y: low!, text: "15%" });
  if (high! - middle! > closest) ends.push({ y: high!, text: "85%" });
  const style = { fill: COLORS[run.network], fontSize: 10, textAnchor: "start", dx: 4 } as const;
  return Plot.text(ends, { ...style, fx: () => run.network, x: () => steps.at(-1)!, y: "y", text: "text" });
}
