/** Every probe of an objective: what `test/probes/every-probe.test.ts` runs over. */
import { Random } from "batchnorm";
import {
  alongGradient,
  curvature,
  curvatureByLayer,
  gradientNorms,
  hessianTrace,
  hessianVectorProduct,
  internalCovariateShift,
  lipschitzAlongTrajectory,
  lipschitzFromPairs,
  lossPlane,
  lossSlice,
  type ProbeReport,
  spectralDensity,
} from "batchnorm/probes";
import type { Group, Objective, ProbeOptions } from "../../src/objective/objective.js";

/** A probe of an objective, with options that make it go through all that it does. */
export interface Probe {
  readonly name: string;
  readonly run: (
    objective: Objective,
    point: Float64Array,
    groups: readonly Group[],
    options?: ProbeOptions,
  ) => Promise<ProbeReport>;
  /** Whether it goes far enough to leave a finite loss behind. */
  readonly goesFar: boolean;
  /** Whether it needs losses alone. */
  readonly lossesAlone?: boolean;
}

const ones = (point: Float64Array): Float64Array => new Float64Array(point.length).fill(1);
const seeded = (): Random => new Random(11);

export const probes: readonly Probe[] = [
  {
    name: "alongGradient",
    goesFar: true,
    run: (objective, point, _, options) => alongGradient(objective, point, { ...options, stepSizes: [0.1, 1, 30] }),
  },
  {
    name: "internalCovariateShift",
    goesFar: true,
    run: (objective, point, groups, options) =>
      internalCovariateShift(objective, point, { ...options, groups, learningRate: 30, blocks: "module" }),
  },
  {
    name: "lipschitzFromPairs",
    goesFar: true,
    run: (objective, point, _, options) =>
      lipschitzFromPairs(objective, point, { ...options, count: 4, minRadius: 30, maxRadius: 40, random: seeded() }),
  },
  {
    name: "lipschitzAlongTrajectory",
    goesFar: true,
    run: (objective, point, _, options) =>
      lipschitzAlongTrajectory(
        objective,
        [point, point.map((value) => value + 1), point.map((value) => value + 30)],
        options,
      ),
  },
  {
    name: "curvature",
    goesFar: false,
    run: (objective, point, _, options) => curvature(objective, point, { ...options, random: seeded(), steps: 2 }),
  },
  {
    name: "curvatureByLayer",
    goesFar: false,
    run: (objective, point, groups, options) =>
      curvatureByLayer(objective, point, { ...options, groups, random: seeded(), steps: 2, iterations: 1 }),
  },
  {
    name: "spectralDensity",
    goesFar: false,
    run: (objective, point, _, options) =>
      spectralDensity(objective, point, { ...options, random: seeded(), steps: 2, starts: 2 }),
  },
  {
    name: "hessianTrace",
    goesFar: false,
    run: (objective, point, _, options) => hessianTrace(objective, point, { ...options, random: seeded(), count: 3 }),
  },
  {
    name: "hessianVectorProduct",
    goesFar: false,
    run: (objective, point, _, options) => hessianVectorProduct(objective, point, { ...options, vector: ones(point) }),
  },
  {
    name: "gradientNorms",
    goesFar: false,
    run: (objective, point, groups, options) => gradientNorms(objective, point, { ...options, groups }),
  },
  {
    name: "lossSlice",
    goesFar: true,
    lossesAlone: true,
    run: (objective, point, _, options) =>
      lossSlice(objective, point, { ...options, direction: ones(point), coefficients: [-1, 0, 100] }),
  },
  {
    name: "lossPlane",
    goesFar: true,
    lossesAlone: true,
    run: (objective, point, _, options) =>
      lossPlane(objective, point, {
        ...options,
        directions: [ones(point), point],
        coefficients: [
          [0, 30],
          [0, 1],
        ],
      }),
  },
];
