/** Figures for the curvature probes: edge of stability, spectra, slices. */
import * as Plot from "@observablehq/plot";
import {
  BatchNorm,
  Dense,
  type Layer,
  meanSquaredError,
  modelObjective,
  type ModelObjective,
  plainKernels,
  Random,
  Sequential,
  Tanh,
  Tensor,
} from "batchnorm";
import { curvature, filterNormalizedDirection, hessianTrace, lossSlice, spectralDensity } from "batchnorm/probes";
import { pickDigits } from "../../data/digits.js";
import { type Network, NETWORKS } from "../../demo/experiment.js";
import { drawChart } from "../../shared/chart.js";
import type { Panel } from "../../demo/report/figures.js";
import { colorOf, curvePanel, type Figure, legend, level, type Series } from "./draw.js";
import { formatTick } from "../../shared/chart.js";
import { DEEP } from "./gradients.js";
import { build, digits, objectiveOf, train } from "./train.js";

/** Returns a 64-32-32-10 tanh network on the squared error of 200 digits, a loss on which sharpness rises. */
function smallTanhNetwork(network: Network): ModelObjective {
  const random = new Random(1);
  const layers: Layer[] = [];
  for (const [i, inputs] of [64, 32].entries()) {
    const bias = network === "plain";
    layers.push(new Dense({ inputs, outputs: 32, bias, random: random.fork(`layer ${i}`) }));
    if (network === "batch norm") layers.push(new BatchNorm({ features: 32 }));
    layers.push(new Tanh());
  }
  layers.push(new Dense({ inputs: 32, outputs: 10, random: random.fork("output") }));
  const { images, labels } = pickDigits(
    digits,
    Array.from({ length: 200 }, (_, i) => i),
  );
  const target = Tensor.zeros([200, 10]);
  for (const [row, label] of labels.entries()) target.data[row * 10 + label] = 1;
  const batch = { input: images, target };
  return modelObjective(new Sequential(layers), batch, meanSquaredError, { mode: "probe", kernels: plainKernels });
}

/** Draws sharpness times learning rate under full-batch gradient descent. */
export async function edgeFigure(): Promise<Figure> {
  const panels: Panel[] = [];
  const numbers: string[] = [];
  for (const learningRate of [0.5, 2]) {
    const series: Series[] = [];
    for (const network of NETWORKS) {
      const { objective, point } = smallTanhNetwork(network);
      const [x, y]: [number[], number[]] = [[], []];
      let at = point;
      for (let step = 0; step <= 800; step++) {
        const { loss, gradient } = await objective(at);
        if (!(loss < 100)) {
          numbers.push(`learning rate ${learningRate}, ${network}: diverged, loss above 100 after ${step} steps`);
          break;
        }
        if (step % 20 === 0) {
          const options = { random: new Random(2), steps: 12, learningRate };
          x.push(step);
          y.push((await curvature(objective, at, options)).sharpnessTimesLearningRate!);
        }
        if (step === 800) {
          const late = y.slice(-10);
          const range = `${Math.min(...late).toFixed(2)} to ${Math.max(...late).toFixed(2)}`;
          numbers.push(
            `learning rate ${learningRate}, ${network}: at first ${y[0]!.toFixed(2)}, steps 620 to 800 ${range}, loss ${loss.toFixed(4)}`,
          );
        }
        at = at.map((value, i) => value - learningRate * gradient[i]!);
      }
      if (x.length > 1) series.push({ network, x, y });
    }
    panels.push(
      curvePanel(series, {
        title: `learning rate ${learningRate}${series.length < 2 ? ": the plain network diverges" : ""}`,
        x: "steps",
        y: "sharpness × learning rate",
        axis: { type: "linear", domain: [0, 4] },
        marks: level(2, "2: the edge of stability"),
      }),
    );
  }
  return { name: "edge-of-stability", panels, numbers };
}

/** Draws the density of the Hessian's eigenvalues after 30 steps; prints the trace with its error. */
export async function spectrumFigure(): Promise<Figure> {
  const panels: Panel[] = [];
  const numbers: string[] = [];
  for (const network of NETWORKS) {
    const model = build({ network, ...DEEP });
    await train(model, 0.1, 31, {
      before: async (step, batch) => {
        if (step < 31) return;
        const { objective, point } = objectiveOf(model, batch);
        const { eigenvalues, density } = await spectralDensity(objective, point, {
          random: new Random(3),
          steps: 40,
          starts: 2,
        });
        const { trace, standardError } = await hessianTrace(objective, point, { random: new Random(4), count: 20 });
        const { largest, smallest, gradientShare } = await curvature(objective, point, {
          random: new Random(5),
          steps: 40,
        });
        numbers.push(
          `${network}: largest ${largest.value.toFixed(1)}, smallest ${smallest.value.toFixed(1)}, ` +
            `trace ${trace.toFixed(0)} ± ${standardError!.toFixed(0)}, gradient in the span of the sharpest 10: ` +
            gradientShare![9]!.toFixed(2),
        );
        const far = await curvature(objective, point, { random: new Random(5), steps: 40, differenceStep: 2e-4 });
        numbers.push(
          `${network}, with a difference step of 2e-4: largest ${far.largest.value.toFixed(1)}, ` +
            `residual ${far.largest.residual.toFixed(1)}, asymmetry ${far.asymmetry.toFixed(1)}`,
        );
        const points = eigenvalues.map((eigenvalue, i) => ({ eigenvalue, density: Math.max(density[i]!, 1e-7) }));
        const svg = drawChart(`density of the Hessian's eigenvalues: ${network}`, {
          x: { label: "eigenvalue →", ticks: 5 },
          y: {
            label: "↑ density",
            type: "log",
            domain: [1e-6, 10],
            grid: true,
            ticks: [1e-6, 1e-4, 0.01, 1],
            tickFormat: formatTick,
          },
          marks: [
            Plot.areaY(points, {
              x: "eigenvalue",
              y1: 1e-6,
              y2: "density",
              fill: colorOf(network),
              fillOpacity: 0.3,
              clip: true,
            }),
            Plot.lineY(points, { x: "eigenvalue", y: "density", stroke: colorOf(network), clip: true }),
          ],
        });
        panels.push({ title: `${network}, after 30 steps`, svg });
      },
    });
  }
  return { name: "spectrum", panels, numbers };
}

/** Draws the loss along three filter-normalized directions. */
export async function sliceFigure(): Promise<Figure> {
  const coefficients = Array.from({ length: 41 }, (_, i) => (i - 20) / 20);
  const panels: Panel[] = [];
  const numbers: string[] = [];
  for (const network of NETWORKS) {
    const model = build({ network, ...DEEP });
    await train(model, 0.1, 100);
    const batch = pickDigits(
      digits,
      Array.from({ length: 256 }, (_, i) => i),
    );
    const { objective, point, groups } = objectiveOf(model, batch);
    const lines: { s: number; loss: number; seed: number }[] = [];
    for (const seed of [1, 2, 3]) {
      const direction = filterNormalizedDirection(point, groups, { random: new Random(seed) });
      const { loss } = await lossSlice(objective, point, { direction, coefficients });
      lines.push(...loss.map((value, i) => ({ s: coefficients[i]!, loss: value, seed })));
    }
    const at = (s: number): string =>
      lines
        .filter((point) => point.s === s)
        .map(({ loss }) => loss.toFixed(2))
        .join(", ");
    numbers.push(`${network}: loss ${at(0).split(",")[0]!} at the point; at s = 0.5: ${at(0.5)}; at s = 1: ${at(1)}`);
    const svg = drawChart(`loss along random directions: ${network}`, {
      x: { label: "s →", ticks: 5 },
      y: { label: "↑ L(x + s d)", domain: [0, 8], grid: true, ticks: 5 },
      marks: [
        Plot.lineY(lines, { x: "s", y: "loss", z: "seed", stroke: colorOf(network), strokeWidth: 1.5, clip: true }),
        legend("3 directions", colorOf(network)),
      ],
    });
    panels.push({ title: `${network}, after 100 steps`, svg });
  }
  return { name: "slice", panels, numbers };
}
