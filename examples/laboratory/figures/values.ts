/** Figures for the probes of hidden values: distributions, distances between samples, and shift. */
import * as Plot from "@observablehq/plot";
import { Random } from "batchnorm";
import {
  ActivationRecorder,
  compareHistograms,
  compareSamples,
  histogramOf,
  maximumMeanDiscrepancy,
  mmdTest,
  permutationTest,
  type Samples,
  ShiftOverTraining,
  type ShiftRecord,
} from "batchnorm/probes";
import { NETWORKS } from "../../demo/experiment.js";
import { drawChart } from "../../shared/chart.js";
import type { Panel } from "../../demo/report/figures.js";
import { colorOf, curvePanel, type Figure, legend, level } from "./draw.js";
import { formatTick } from "../../shared/chart.js";
import { build, lastHidden, look, others, train, watched } from "./train.js";

const SIGMOID = { activation: "sigmoid", depth: 3, width: 64 } as const;

/** Draws the percentiles of one hidden unit over training. */
export async function recorderFigure(): Promise<Figure> {
  const panels: Panel[] = [];
  const numbers: string[] = [];
  for (const network of NETWORKS) {
    const model = build({ network, ...SIGMOID });
    const path = lastHidden(model).preActivation;
    const recorder = new ActivationRecorder({ paths: [path] });
    look(model, watched, recorder.at(0)!);
    await train(model, 1, 300, {
      after: (step) => {
        if (step % 10 === 0) look(model, watched, recorder.at(step)!);
      },
    });
    const points = recorder.records.map(({ step, features }) => {
      const [low, y, high] = features!.quantiles.map((level) => level[0]!) as [number, number, number];
      return { step, low, y, high };
    });
    const at = (step: number): string => points.find((point) => point.step === step)!.y.toFixed(1);
    numbers.push(`${network}: median of unit 0 at steps 0, 100, 200, 300: ${[0, 100, 200, 300].map(at).join(", ")}`);
    const svg = drawChart(`percentiles of one unit: ${network}`, {
      x: { label: "steps →", ticks: 4 },
      y: { label: "↑ pre-activation of unit 0", domain: [-3, 3], grid: true, ticks: 5 },
      marks: [
        Plot.areaY(points, { x: "step", y1: "low", y2: "high", fill: colorOf(network), fillOpacity: 0.25, clip: true }),
        Plot.lineY(points, { x: "step", y: "y", stroke: colorOf(network), strokeWidth: 2, clip: true }),
        legend("median", colorOf(network)),
        legend("15–85%", colorOf(network), 1),
      ],
    });
    panels.push({ title: `${network}, third hidden layer`, svg });
  }
  return { name: "recorder", panels, numbers };
}

/** Draws the distribution functions and histograms of two samples. */
export function distancesFigure(): Figure {
  const random = new Random(4);
  const a = Array.from({ length: 60 }, () => random.normal());
  const b = Array.from({ length: 60 }, () => random.normal(0.8, 1.4));
  const edges = Array.from({ length: 11 }, (_, k) => k - 5);
  const found = compareSamples(a, b);
  const onEdges = compareHistograms(histogramOf(a, edges), histogramOf(b, edges));
  const values = [...a, ...b].sort((x, y) => x - y);
  const part = (sample: readonly number[], z: number): number => sample.filter((x) => x <= z).length / sample.length;
  const steps = values.map((z) => ({ z, f: part(a, z), g: part(b, z) }));
  const [first, second] = ["var(--plain)", "var(--batch-norm)"];
  const functions = drawChart("distribution functions of two samples", {
    x: { label: "value →" },
    y: { label: "↑ share of values ≤ x", domain: [0, 1], grid: true, ticks: 5 },
    marks: [
      Plot.areaY(steps, { x: "z", y1: "f", y2: "g", curve: "step-after", fill: "var(--soft)", fillOpacity: 0.35 }),
      Plot.lineY(steps, { x: "z", y: "f", curve: "step-after", stroke: first, strokeWidth: 2 }),
      Plot.lineY(steps, { x: "z", y: "g", curve: "step-after", stroke: second, strokeWidth: 2 }),
      legend("F: earlier", first),
      legend("G: later", second, 1),
      legend("gray: W1", "var(--soft)", 2),
    ],
  });
  const cells = edges.slice(0, -1).flatMap((edge, k) => [
    { from: edge + 0.08, to: edge + 0.5, share: histogramOf(a, edges).counts[k]! / 60, color: first },
    { from: edge + 0.5, to: edge + 0.92, share: histogramOf(b, edges).counts[k]! / 60, color: second },
  ]);
  const histograms = drawChart("histograms of two samples with the same bins", {
    x: { label: "value →" },
    y: { label: "↑ share of values per bin", domain: [0, 0.5], grid: true, ticks: 5 },
    marks: [
      Plot.rect(cells, { x1: "from", x2: "to", y1: 0, y2: "share", fill: "color" }),
      Plot.ruleY([0], { stroke: "currentColor" }),
      legend("earlier", first),
      legend("later", second, 1),
    ],
  });
  return {
    name: "distances",
    panels: [
      { title: "the area between F and G", svg: functions },
      { title: "the same samples as histograms", svg: histograms },
    ],
    numbers: [
      `wasserstein1 ${found.wasserstein1.toFixed(2)}, relative ${found.wasserstein1Relative!.toFixed(2)}, ` +
        `kolmogorovSmirnov ${found.kolmogorovSmirnov.toFixed(2)}, energyDistance ${found.energyDistance.toFixed(2)}, ` +
        `klGaussAB ${found.klGaussAB!.toFixed(2)}`,
      `jensenShannonDivergence ${onEdges.jensenShannonDivergence.toFixed(3)} nats, psi ${String(onEdges.psi)}, ` +
        `psiFloored ${onEdges.psiFloored.toFixed(2)}, of which from the floor ${onEdges.psiFromFloor.toFixed(2)}`,
    ],
  };
}

/** Draws two samples that no single feature can distinguish: independent and correlated normal values. */
export async function mmdFigure(): Promise<Figure> {
  const random = new Random(2);
  const sample = (correlation: number): Samples => {
    const data = Array.from({ length: 150 }, () => {
      const [u, v] = [random.normal(), random.normal()];
      return [u, correlation * u + Math.sqrt(1 - correlation ** 2) * v];
    });
    return { shape: [150, 2], data: data.flat() };
  };
  const [a, b] = [sample(0), sample(0.9)];
  const { mmd, bandwidth } = maximumMeanDiscrepancy(a, b);
  const { pValue } = await mmdTest(a, b, { permutations: 999, random: new Random(3) });
  const alone = await permutationTest(a, b, { permutations: 999, random: new Random(3) });
  const panels = [a, b].map(({ data }, i) => {
    const points = Array.from({ length: 150 }, (_, row) => [data[2 * row]!, data[2 * row + 1]!] as const);
    const title = ["independent features", "features with correlation 0.9"][i]!;
    const svg = drawChart(`two features of a sample: ${title}`, {
      x: { label: "feature 0 →", domain: [-3, 3] },
      y: { label: "↑ feature 1", domain: [-3, 3], grid: true, ticks: 5 },
      marks: [
        Plot.dot(points, {
          x: "0",
          y: "1",
          r: 2.5,
          fill: ["var(--plain)", "var(--batch-norm)"][i]!,
          fillOpacity: 0.7,
          clip: true,
        }),
      ],
    });
    return { title, svg };
  });
  const p = alone.pValues.map((value) => value.toFixed(2)).join(" and ");
  const numbers = [
    `mmd ${mmd.toFixed(2)} at bandwidth ${bandwidth!.toFixed(2)}, p ${pValue.toFixed(3)}; each feature alone: p ${p}`,
  ];
  return { name: "mmd", panels, numbers };
}

/** Draws the p-value of a test that assumes independent rows, on independent rows and on paired ones. */
export async function permutationFigure(): Promise<Figure> {
  const shifts = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5];
  const rows = 256;
  const repeats = 9;
  const medians = { independent: [] as number[], paired: [] as number[] };
  for (const shift of shifts) {
    const found = { independent: [] as number[], paired: [] as number[] };
    for (let repeat = 0; repeat < repeats; repeat++) {
      const random = new Random(100 + repeat);
      const column = (values: number[]): Samples => ({ shape: [rows, 1], data: values });
      const draw = (): number[] => Array.from({ length: rows }, () => random.normal());
      const [a, fresh] = [draw(), draw()];
      const p = async (b: number[]): Promise<number> =>
        (await permutationTest(column(a), column(b), { permutations: 199, random })).pValues[0]!;
      found.independent.push(await p(fresh.map((value) => value + shift)));
      found.paired.push(await p(a.map((value) => value + shift)));
    }
    for (const kind of ["independent", "paired"] as const) {
      medians[kind].push(found[kind].sort((x, y) => x - y)[(repeats - 1) / 2]!);
    }
  }
  const points = shifts.map((shift, i) => ({ shift, fresh: medians.independent[i]!, same: medians.paired[i]! }));
  const [fresh, same] = ["var(--batch-norm)", "var(--plain)"];
  const svg = drawChart("p-value by size of the shift", {
    x: { label: "shift (standard deviations) →", ticks: 5 },
    y: {
      label: "↑ median p-value",
      type: "log",
      domain: [0.004, 1.2],
      grid: true,
      ticks: [0.01, 0.1, 1],
      tickFormat: formatTick,
    },
    marks: [
      ...level(0.05, "0.05"),
      Plot.lineY(points, { x: "shift", y: "fresh", stroke: fresh, strokeWidth: 2, marker: "dot" }),
      Plot.lineY(points, { x: "shift", y: "same", stroke: same, strokeWidth: 2, marker: "dot" }),
      legend("other rows", fresh),
      legend("same rows", same, 1),
    ],
  });
  const list = (values: readonly number[]): string => values.map((value) => value.toFixed(3)).join(", ");
  return {
    name: "permutation",
    panels: [{ title: "256 rows, one feature, shifted by a constant", svg }],
    numbers: [
      `shifts ${shifts.join(", ")}`,
      `other rows: median p ${list(medians.independent)}`,
      `the same rows: median p ${list(medians.paired)}`,
    ],
  };
}

/** Draws how much the values of a layer shift in one step and in total, with the floor. */
export async function shiftFigure(): Promise<Figure> {
  const records = new Map<string, readonly ShiftRecord[]>();
  for (const network of NETWORKS) {
    const model = build({ network, ...SIGMOID });
    const shift = new ShiftOverTraining({ places: { [lastHidden(model).output]: "layerInput" } });
    look(model, watched, shift.start());
    const watch = (step: number): boolean => step % 10 === 0 || step === 1;
    await train(model, 1, 300, {
      before: (step) => {
        if (watch(step)) look(model, watched, shift.before(step));
      },
      after: (step) => {
        if (!watch(step)) return;
        look(model, watched, shift.after(step));
        look(model, others, shift.secondBatch(step));
      },
    });
    records.set(network, shift.report().records);
  }
  const medianOf = (record: ShiftRecord, name: "stepShift" | "totalShift" | "secondBatchFloor"): number =>
    record[name]!.wasserstein1Relative.median!;
  const series = (name: "stepShift" | "totalShift") =>
    NETWORKS.map((network) => ({
      network,
      x: records.get(network)!.map(({ step }) => step),
      y: records.get(network)!.map((record) => medianOf(record, name)),
    }));
  const floors = NETWORKS.map((network) => medianOf(records.get(network)!.at(-1)!, "secondBatchFloor"));
  const y = "median shift (standard deviations)";
  const axis = { type: "log", domain: [0.01, 100] } as const;
  const raw = NETWORKS.map((network) => records.get(network)!.at(-1)!.totalShift!.wasserstein1.median!.toFixed(2));
  const figure = (name: "stepShift" | "totalShift"): string =>
    series(name)
      .map(({ network, y: values }) => `${network} ${values.at(-1)!.toPrecision(2)}`)
      .join(", ");
  return {
    name: "shift",
    panels: [
      curvePanel(series("totalShift"), {
        title: "total shift",
        x: "steps",
        y,
        axis,
        marks: level(floors[1]!, "floor: another batch"),
      }),
      curvePanel(series("stepShift"), { title: "step shift", x: "steps", y, axis }),
    ],
    numbers: [
      `step 300: total shift ${figure("totalShift")} stds; raw ${NETWORKS.map((network, i) => `${network} ${raw[i]!}`).join(", ")}`,
      `step 300: step shift ${figure("stepShift")} stds; floor ${NETWORKS.map((network, i) => `${network} ${floors[i]!.toPrecision(2)}`).join(", ")}`,
    ],
  };
}
