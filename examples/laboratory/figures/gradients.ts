/** Figures for the gradient probes: internal covariate shift, along the gradient, Lipschitz quotients. */
import * as Plot from "@observablehq/plot";
import { Random } from "batchnorm";
import { alongGradient, internalCovariateShift, lipschitzFromPairs, stepSizesAround } from "batchnorm/probes";
import { NETWORKS } from "../../demo/experiment.js";
import { drawChart } from "../../shared/chart.js";
import type { Panel } from "../../demo/report/figures.js";
import { colorOf, curvePanel, type Figure, legend, level, type Series } from "./draw.js";
import { formatTick } from "../../shared/chart.js";
import { build, objectiveOf, train } from "./train.js";

export const DEEP = { activation: "ReLU", depth: 8, width: 48 } as const;
const LEARNING_RATE = 0.1;

/** Draws the cosine of the middle layer's gradients at two learning rates. */
export async function covariateShiftFigure(): Promise<Figure> {
  const panels: Panel[] = [];
  const numbers: string[] = [];
  for (const learningRate of [0.01, 0.1]) {
    const series: Series[] = [];
    for (const network of NETWORKS) {
      const model = build({ network, ...DEEP });
      const [x, y, relative]: [number[], number[], number[]] = [[], [], []];
      await train(model, learningRate, 100, {
        before: async (step, batch) => {
          if (step % 4 !== 1) return;
          const { objective, point, groups } = objectiveOf(model, batch);
          const { blocks } = await internalCovariateShift(objective, point, { groups, learningRate });
          const { cosine, relativeDifference } = blocks[4]!.weight!;
          x.push(step);
          y.push(cosine!);
          relative.push(relativeDifference!);
        },
      });
      series.push({ network, x, y });
      const early = (values: number[]): string =>
        values
          .slice(0, 13)
          .sort((a, b) => a - b)[6]!
          .toFixed(2);
      numbers.push(
        `learning rate ${learningRate}, ${network}: steps 1 to 49, median cosine ${early([...y])}, relative difference ${early([...relative])}`,
      );
    }
    panels.push(
      curvePanel(series, {
        title: `layer 5 of 8, learning rate ${learningRate}`,
        x: "steps",
        y: "cosine between G and G′",
        axis: { type: "linear", domain: [-0.5, 1.05] },
        marks: level(0, ""),
      }),
    );
  }
  return { name: "covariate-shift", panels, numbers };
}

/** Draws the profile along the gradient after 30 steps. */
export async function alongGradientFigure(): Promise<Figure> {
  const multiples = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4];
  const [gains, betas]: [Series[], Series[]] = [[], []];
  const numbers: string[] = [];
  for (const network of NETWORKS) {
    const model = build({ network, ...DEEP });
    await train(model, LEARNING_RATE, 31, {
      before: async (step, batch) => {
        if (step < 31) return;
        const { objective, point } = objectiveOf(model, batch);
        const stepSizes = stepSizesAround(LEARNING_RATE, multiples);
        const report = await alongGradient(objective, point, { stepSizes });
        gains.push({ network, x: multiples, y: report.profile.map(({ gain }) => gain!) });
        betas.push({ network, x: multiples, y: report.profile.map(({ beta }) => beta! * LEARNING_RATE) });
        const at = (multiple: number): string => {
          const { gain, beta } = report.profile[multiples.indexOf(multiple)]!;
          return `${multiple} lr: gain ${gain!.toFixed(2)}, beta lr ${(beta! * LEARNING_RATE).toFixed(1)}`;
        };
        numbers.push(`${network}, loss ${report.loss.toFixed(2)}, ${[0.01, 1, 4].map(at).join("; ")}`);
      },
    });
  }
  const x = "distance (learning rates)";
  return {
    name: "along-gradient",
    panels: [
      curvePanel(gains, {
        title: "actual / predicted decrease",
        x,
        y: "gain",
        logX: true,
        axis: { type: "linear", domain: [-0.5, 1.05] },
        marks: level(0, ""),
      }),
      curvePanel(betas, {
        title: "beta at each distance",
        x,
        y: "beta × learning rate",
        logX: true,
        axis: { type: "log", domain: [0.1, 20] },
      }),
    ],
    numbers,
  };
}

/** Draws gradient quotients of random pairs by relative distance. */
export async function lipschitzFigure(): Promise<Figure> {
  const dots: { network: (typeof NETWORKS)[number]; x: number; y: number }[] = [];
  const numbers: string[] = [];
  for (const network of NETWORKS) {
    const model = build({ network, ...DEEP });
    await train(model, LEARNING_RATE, 31, {
      before: async (step, batch) => {
        if (step < 31) return;
        const { objective, point } = objectiveOf(model, batch);
        const size = Math.sqrt(point.reduce((sum, value) => sum + value * value, 0));
        const radii = { minRadius: 1e-4 * size, maxRadius: size };
        const report = await lipschitzFromPairs(objective, point, { ...radii, count: 120, random: new Random(7) });
        dots.push(...report.pairs.map((pair) => ({ network, x: pair.relativeDistance!, y: pair.gradientQuotient })));
        const { median, maximum } = report.gradient;
        numbers.push(
          `${network}: gradient quotients, median ${median!.toPrecision(2)}, maximum ${maximum!.toPrecision(3)}`,
        );
      },
    });
  }
  const svg = drawChart("gradient quotients of random pairs", {
    x: { label: "distance / ||x|| →", type: "log", ticks: [1e-4, 0.001, 0.01, 0.1, 1], tickFormat: formatTick },
    y: {
      label: "↑ ||g(u) − g(v)|| / ||u − v||",
      type: "log",
      domain: [0.1, 30],
      grid: true,
      ticks: [0.1, 0.3, 1, 3, 10, 30],
      tickFormat: formatTick,
    },
    marks: [
      ...NETWORKS.map((network) =>
        Plot.dot(
          dots.filter((dot) => dot.network === network),
          { x: "x", y: "y", r: 2, clip: true, fill: colorOf(network), fillOpacity: 0.8 },
        ),
      ),
      ...NETWORKS.map((network, i) => legend(network, colorOf(network), i)),
    ],
  });
  return { name: "lipschitz", panels: [{ title: "120 random directions per network", svg }], numbers };
}
