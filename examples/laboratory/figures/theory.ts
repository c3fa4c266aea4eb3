/** Figures for theorem 4.1 and for networks at initialization. */
import * as Plot from "@observablehq/plot";
import {
  BatchNorm,
  Dense,
  type Layer,
  modelObjective,
  plainKernels,
  Random,
  ReLU,
  Sequential,
  softmaxCrossEntropy,
  Tensor,
} from "batchnorm";
import { gradientNorms, signalPropagation, theorem41 } from "batchnorm/probes";
import { type Network, NETWORKS } from "../../demo/experiment.js";
import { drawChart } from "../../shared/chart.js";
import { curvePanel, type Figure, legend, level, type Series } from "./draw.js";

const kernels = plainKernels;

/** Draws what batch norm removes from the gradient of each unit, and the bound with both constants. */
export function theoremFigure(): Figure {
  const random = new Random(6);
  const features = 12;
  const norm = new BatchNorm({ features, epsilon: 0, dtype: "float64" });
  const input = Tensor.normal([32, features], { random, dtype: "float64" });
  // A gradient with a component along the mean and the normalized values that grows with the unit.
  const { output } = norm.forward(input, { mode: "probe", kernels });
  const gradOutput = Tensor.normal([32, features], { random, dtype: "float64" });
  for (let i = 0; i < gradOutput.size; i++) {
    const unit = (i % features) / features;
    gradOutput.data[i]! += unit * (0.8 + output.data[i]!);
  }
  const report = theorem41(input, gradOutput, { epsilon: 0 });
  const parts = report.features.flatMap(({ scale, mean, projection }, unit) => [
    { unit, part: (scale - mean - projection!) / scale, color: "var(--batch-norm)" },
    { unit, part: mean / scale, color: "var(--plain)" },
    { unit, part: projection! / scale, color: "var(--soft)" },
  ]);
  const stacked = drawChart("what batch norm removes from the gradient of each unit", {
    x: { label: "unit →", tickFormat: String },
    y: { label: "↑ share of ||gz||²", domain: [0, 1], grid: true, ticks: 5 },
    marks: [
      Plot.barY(parts, Plot.stackY({ x: "unit", y: "part", fill: "color", order: null })),
      legend("y direction", "var(--soft)"),
      legend("mean", "var(--plain)", 1),
      legend("remaining", "var(--batch-norm)", 2),
    ],
  });
  const ratios = report.features.map(({ lhs, rhs, rhsPrinted }, unit) => ({
    unit,
    right: rhs! / lhs!,
    printed: rhsPrinted! / lhs!,
  }));
  const bounds = drawChart("right side / left side", {
    x: { label: "unit →", type: "linear", ticks: 6 },
    y: { label: "↑ right side / left side", grid: true, ticks: 5, domain: [-8, 2] },
    marks: [
      ...level(1, "a bound is at least 1"),
      Plot.dot(ratios, { x: "unit", y: "right", fill: "var(--batch-norm)", r: 4 }),
      Plot.dot(ratios, { x: "unit", y: "printed", fill: "var(--plain)", r: 4, clip: true }),
      legend("with 1/m", "var(--batch-norm)"),
      legend("with 1/√m", "var(--plain)", 1),
    ],
  });
  const off = Math.max(...ratios.map(({ right }) => Math.abs(right - 1)));
  const violated = ratios.filter(({ printed }) => printed < 1).length;
  return {
    name: "theorem41",
    panels: [
      { title: "what batch norm removes from the gradient", svg: stacked },
      { title: "the bound with each constant", svg: bounds },
    ],
    numbers: [
      `with 1/m: right side / left side = 1 up to ${off.toExponential(0)}; with 1/sqrt(m), it is too small in ${violated} of ${features} units`,
    ],
  };
}

const WIDTH = 128;
const ROWS = 64;

/** Draws the effective rank and the gradient norm by layer in random ReLU networks. */
export async function depthFigure(): Promise<Figure> {
  const depth = 30;
  const ranks: Series[] = [];
  const energies: Series[] = [];
  const numbers: string[] = [];
  for (const network of NETWORKS) {
    const model = randomNetwork(network, depth);
    const random = new Random(8);
    const input = Tensor.normal([ROWS, WIDTH], { random });
    const labels = Array.from({ length: ROWS }, () => random.integer(10));
    const [layers, found]: [number[], number[]] = [[], []];
    let cosine = NaN;
    model.forward(input, {
      mode: "probe",
      kernels,
      observe: (path, output) => {
        if (!(model.children.get(path) instanceof Dense) || output.shape[1] !== WIDTH) return;
        const { effectiveRank, meanAbsoluteCosine } = signalPropagation(output);
        layers.push(layers.length + 1);
        found.push(effectiveRank!);
        cosine = meanAbsoluteCosine!;
      },
    });
    ranks.push({ network, x: layers, y: found });
    const { objective, point, groups } = modelObjective(model, { input, target: labels }, softmaxCrossEntropy, {
      mode: "probe",
      kernels,
    });
    const report = await gradientNorms(objective, point, { groups });
    const weights = report.groups.filter((group) => group.role === "weight").slice(0, -1);
    energies.push({ network, x: weights.map((_, l) => l + 1), y: weights.map((group) => group.energy) });
    numbers.push(
      `${network}: effective rank ${found[0]!.toFixed(1)} in layer 1, ${found.at(-1)!.toFixed(1)} in layer ${depth}, ` +
        `mean |cosine| there ${cosine.toFixed(3)}; energy grows by ${report.growth!.toFixed(2)} per layer toward the input`,
    );
  }
  const x = "layer";
  return {
    name: "depth",
    panels: [
      curvePanel(ranks, {
        title: "directions spanned by 64 samples",
        x,
        y: "effective rank",
        axis: { type: "log", domain: [0.8, 64] },
      }),
      curvePanel(energies, {
        title: "weight gradient by layer",
        x,
        y: "||dL/dW||²",
        axis: { type: "log", domain: [0.1, 2e5] },
      }),
    ],
    numbers,
  };
}

function randomNetwork(network: Network, depth: number): Sequential {
  const random = new Random(1);
  const layers: Layer[] = [];
  for (let i = 0; i < depth; i++) {
    const initial = { initial: "he", random: random.fork(`layer ${i}`) } as const;
    layers.push(new Dense({ inputs: WIDTH, outputs: WIDTH, bias: network === "plain", ...initial }));
    if (network === "batch norm") layers.push(new BatchNorm({ features: WIDTH }));
    layers.push(new ReLU());
  }
  layers.push(new Dense({ inputs: WIDTH, outputs: 10, random: random.fork("output") }));
  return new Sequential(layers);
}
