/** Study: helpers shared by most claims. */
import type { CurvePoint } from "../shared/chart.js";
import { median, spreadOf } from "../shared/spread.js";
import type { Curve, Panel, PanelAxis, Series, Study } from "./claim.js";
import type { BatchStatistics } from "./measure/evaluations.js";
import type { OutputShift, OutputShiftLook } from "./measure/output-shift.js";
import { BAND, type Look, type Trained, type Training } from "./measure/train.js";
import { CHANCE } from "./measure/training.js";
import type { Moved } from "./measure/watcher.js";
import {
  type MlpSpec,
  type Network,
  type NetworkSpec,
  nameOf,
  type VggSpec,
  WATCHED_CONVOLUTIONS,
} from "./networks.js";
import { overSteps } from "./panels.js";
import { type Condition, judgeEach, type Part, type Rule } from "./verdicts.js";

/** Calls `work` for each seed, in parallel; the results are in the order of the seeds. */
export function eachSeed<T>(study: Study, work: (seed: number) => Promise<T>): Promise<T[]> {
  return Promise.all(study.seeds.map(work));
}

/** Runs each network for one seed. */
export async function trainEach<Name extends Curve, Run>(
  networks: readonly Name[],
  run: (network: Name) => Promise<Run>,
): Promise<Record<Name, Run>> {
  const runs = await Promise.all(networks.map(async (network) => [network, await run(network)] as const));
  return Object.fromEntries(runs) as Record<Name, Run>;
}

/** The two networks that most claims compare. */
export const PAIR = ["plain", "batch norm"] as const;
export const BATCH_SIZE = 64;
/** Distances along the gradient, in learning rates. */
export const DISTANCES: readonly number[] = [0.01, 0.1, ...BAND];

/** Probes every 20 steps. */
const LOOKS: readonly number[] = Array.from({ length: 30 }, (_, i) => 20 * i);
/** More probes at the start, where the loss may fall within a few steps. */
const CLOSE_LOOKS: readonly number[] = [4, 8, 12, 16, ...LOOKS].sort((a, b) => a - b);
/** Probes for figures 4a and 4b of Santurkar et al. 2018. */
export const BAND_LOOKS = { at: CLOSE_LOOKS, distances: BAND } as const;

/** A deep network in all of its variants. */
export interface DeepNetwork {
  /** As in "8x48 ReLU" or "VGG-13/8". */
  readonly name: string;
  /** Whether it is the one of the primary condition. */
  readonly main: boolean;
  /** Ends the name of a place, as in " with 16 layers"; empty for the main network. */
  readonly suffix: string;
  readonly spec: (network: Network) => NetworkSpec;
}

/** Returns the deep networks to compare: MLPs of width 48 with these numbers of hidden layers, the main one first, or the VGG. */
export function deepNetworks({ column, vgg }: Study, depths: readonly number[]): DeepNetwork[] {
  const made = (main: boolean, suffix: string, spec: (network: Network) => NetworkSpec): DeepNetwork => ({
    ...{ name: nameOf(spec("plain")), main, suffix, spec },
  });
  if (column === "VGG") return [made(true, "", (network) => ({ network, vgg }))];
  return depths.map((hidden, i) =>
    made(i === 0, i === 0 ? "" : ` with ${hidden} layers`, (network) => relu(hidden, 48, network)),
  );
}

/** Returns the number of training steps: `mlp`, or 600 on VGG. */
export function stepsOn(study: Study, mlp: number): number {
  return study.steps(study.column === "MLP" ? mlp : study.extent === "quick" ? 200 : 600);
}

/**
 * Returns the run shared by claims 0, 2 and 5 to 9. All of them request it with the same input, so it is trained only
 * once, with as many steps and probes as the most demanding claim needs.
 */
export function probedRun(study: Study, spec: NetworkSpec, learningRate: number, seed: number): Promise<Trained> {
  if ("vgg" in spec) return probedVgg(study, spec, learningRate, seed);
  const { network, hidden } = spec;
  const quick = study.extent === "quick";
  const pair = (network === "plain" || network === "batch norm") && learningRate === 0.1;
  const noisy = network === "plain + noise" || network === "noisy batch norm";
  const calibrated = network === "plain, calibrated";
  // Only claims 0 and 9 use the others.
  const other = !pair && !noisy && !calibrated;
  return study.ask("train", {
    network: spec,
    learningRate,
    batchSize: BATCH_SIZE,
    seed,
    steps: study.steps(other ? 300 : quick && !(pair && hidden === 8) ? 250 : 400),
    testEvery: noisy || calibrated || hidden === 16 ? undefined : 20,
    landscape: pair
      ? pairLooks(hidden, quick)
      : other
        ? { at: LOOKS, distances: network[0] === "l" ? BAND : [1] }
        : undefined,
    shift: calibrated ? undefined : { every: 20, floor: pair && hidden === 8 },
    covariateShift: pair && !(quick && hidden === 16) ? { every: 10, until: 100 } : undefined,
    noiseAtInference: network === "noisy batch norm",
  });
}

/**
 * The same on a VGG, at one learning rate. To save time, the shift of the hidden values is measured every 40 steps instead of 20,
 * and internal covariate shift on the watched layers only.
 */
function probedVgg(study: Study, spec: VggSpec, learningRate: number, seed: number): Promise<Trained> {
  const pair = spec.network === "plain" || spec.network === "batch norm";
  const noisy = spec.network === "plain + noise" || spec.network === "noisy batch norm";
  return study.ask("train", {
    network: spec,
    learningRate,
    batchSize: BATCH_SIZE,
    seed,
    steps: stepsOn(study, 0),
    landscape: pair ? { at: CLOSE_LOOKS, distances: DISTANCES } : noisy ? undefined : { at: LOOKS, distances: BAND },
    shift: { every: 40, floor: false },
    covariateShift: pair ? { every: 10, until: 100, layers: WATCHED_CONVOLUTIONS } : undefined,
    outputShift: pair ? outputShiftLooks(study, spec.network) : undefined,
  });
}

/** Returns what claim 19 measures on a network, in the order of `outputShiftLooks`. On a VGG, the run is the shared one. */
export async function outputShiftRun(study: Study, spec: NetworkSpec, seed: number): Promise<readonly OutputShift[]> {
  if ("vgg" in spec) return (await probedVgg(study, spec, 0.1, seed)).outputShift;
  const outputShift = outputShiftLooks(study, spec.network);
  const setup = { network: spec, learningRate: 0.1, batchSize: BATCH_SIZE, seed, steps: study.steps(300), outputShift };
  return (await study.ask("train", setup)).outputShift;
}

/** Whether claim 19 looks for the sharpest directions, which takes minutes on a VGG. */
export function hasSpectrum({ column, extent }: Study): boolean {
  return extent === "full" || (extent === "all" && column === "MLP");
}

/**
 * At the end, with the statistics of the batch, and for batch norm also with constant ones. On an MLP, unless
 * the study is a quick one, batch norm is also measured after 60 steps, first in the list.
 */
function outputShiftLooks(study: Study, network: Network): OutputShiftLook[] {
  const step = stepsOn(study, 300);
  if (network === "batch norm after ReLU") return [{ step, constant: true }];
  const end = { step, profile: true, lanczosSteps: hasSpectrum(study) ? study.steps(60) : 0 };
  if (network === "plain") return [end];
  const early = { step: study.steps(60) };
  const isWhole = study.column === "MLP" && study.extent !== "quick";
  const first = isWhole ? [early, { ...early, constant: true }] : [];
  return [...first, end, { ...end, constant: true }];
}

/** The first 200 or 300 steps for claim 6; for claim 5 all steps of 8x48, with more probes at the start. */
function pairLooks(hidden: number, quick: boolean): Training["landscape"] {
  if (hidden === 8) return { at: CLOSE_LOOKS, distances: DISTANCES };
  return { at: LOOKS.filter((step) => step < (quick ? 200 : 300)), distances: DISTANCES };
}

/** Returns the run shared by claims 1 and 2. */
export function sigmoidRun(
  study: Study,
  network: Network,
  setup: {
    readonly learningRate: number;
    readonly initialStd: number | undefined;
    readonly seed: number;
    readonly steps: number;
  },
): Promise<Trained> {
  const { learningRate, initialStd, seed, steps } = setup;
  return study.ask("train", {
    network: { network, hidden: 3, width: 100, activation: "sigmoid", initialStd },
    learningRate,
    batchSize: 60,
    seed,
    steps,
    testEvery: 10,
    percentiles: { every: 10 * Math.ceil(steps / 700) },
    shift:
      study.extent !== "quick" && learningRate === 0.5 && network !== "plain, calibrated"
        ? { every: 20 * Math.ceil(steps / 700), floor: true }
        : undefined,
  });
}

/** Returns the run shared by claims 16 and 24: a learning rate proportional to the batch size, and 25,600 images at most. */
export function batchSizeRun(
  study: Study,
  network: Network,
  batchSize: number,
  seed: number,
): Promise<BatchStatistics> {
  const steps = study.steps(Math.min(3000, 25_600 / batchSize));
  return study.ask("batchStatistics", { network, seed, batchSize, learningRate: (0.1 * batchSize) / 64, steps });
}

/** Returns the ReLU network of most claims. */
export function relu(hidden: number, width: number, network: Network): MlpSpec {
  return { network, hidden, width, activation: "ReLU" };
}

/** Returns the test accuracy after a number of steps. */
export function testAt({ tests }: Trained, step: number): number {
  return (tests.find((test) => test.step >= step) ?? tests.at(-1)!).accuracy;
}

/** Returns the mean accuracy on the last 50 training batches, or chance if the run diverged. */
export function trainingAccuracy({ accuracies, divergedAt }: Trained, steps: number): number {
  if (divergedAt !== null && divergedAt < steps) return CHANCE;
  return meanOf(accuracies.slice(Math.max(0, steps - 50), steps));
}

/** Returns the probes taken every 20 steps: evenly spaced, so that their median represents the whole run. */
export function evenLooks({ looks }: Trained, steps: number): Look[] {
  return looks.filter(({ step }) => step < steps && step % 20 === 0);
}

/** Returns the median over these probes; a diverged run counts as `worst` at every probe it did not reach. */
export function overLooks(run: Trained, steps: number, figure: (look: Look) => number, worst: number): number {
  const seen = evenLooks(run, steps).map(figure);
  const missing = run.divergedAt === null ? 0 : Math.ceil(steps / 20) - seen.length;
  return median([...seen, ...Array.from({ length: missing }, () => worst)]);
}

/** Returns the median shift over the recorded steps. */
export function overMoved(run: Trained, steps: number, figure: keyof Omit<Moved, "step">): number {
  const moved = run.moved.filter(({ step }) => step <= steps);
  return median(moved.map((each) => each[figure]));
}

/** Applies a rule to plain/BN: a number of the network without batch norm, divided by that of the network with it. */
export function judgeRatio<Run>(
  rule: Rule,
  setting: string,
  seeds: readonly Readonly<Record<"plain" | "batch norm", Run>>[],
  figure: (run: Run) => number,
  part: Part,
): Condition {
  return judgeEach(rule, setting, seeds, (runs) => figure(runs.plain) / figure(runs["batch norm"]), part);
}

/** Returns the loss at each probe, with the range of the loss around it as a band: medians over the seeds. */
export function lossBand(runs: readonly Trained[]): CurvePoint[] {
  const steps = [...new Set(runs.flatMap(({ looks }) => looks.map(({ step }) => step)))].sort((a, b) => a - b);
  return steps.map((step) => {
    const looks = runs.flatMap((run) => run.looks.filter((look) => look.step === step));
    return {
      x: step,
      y: median(looks.map(({ loss }) => loss)),
      low: median(looks.map(({ low }) => low)),
      high: median(looks.map(({ high }) => high)),
    };
  });
}

/** Combines the points of several seeds into one line with a band: median, minimum and maximum at each x. */
export function lineOf(seeds: readonly (readonly { readonly x: number; readonly y: number }[])[]): CurvePoint[] {
  const at = new Map<number, number[]>();
  for (const { x, y } of seeds.flat()) at.set(x, [...(at.get(x) ?? []), y]);
  return [...at]
    .sort(([a], [b]) => a - b)
    .filter(([, values]) => values.every((value) => !Number.isNaN(value)))
    .map(([x, values]) => {
      const { median: y, min: low, max: high } = spreadOf(values);
      return { x, y, low, high };
    });
}

/** Returns one line per network from the runs of all seeds. */
export function linesOf<Name extends Curve, Run>(
  networks: readonly Name[],
  seeds: readonly Record<Name, Run>[],
  points: (run: Run) => readonly { readonly x: number; readonly y: number }[],
): Series[] {
  return networks.map((network) => ({ network, points: lineOf(seeds.map((runs) => points(runs[network]))) }));
}

/** Returns a panel over training: one line per network, with its band over the seeds. */
export function overTraining<Name extends Curve, Run>(
  title: string,
  steps: number,
  y: PanelAxis,
  networks: readonly Name[],
  seeds: readonly Record<Name, Run>[],
  points: (run: Run) => readonly { readonly x: number; readonly y: number }[],
): Panel {
  return overSteps(title, steps, y, linesOf(networks, seeds, points));
}

/** Returns the test accuracy at every measurement. */
export function testPoints({ tests }: Trained, steps = Infinity): { x: number; y: number }[] {
  return tests.filter((test) => test.step <= steps).map((test) => ({ x: test.step, y: test.accuracy }));
}

/** Returns the step shift in standard deviations at every measurement. */
export function shiftPoints({ moved }: Trained, steps: number): { x: number; y: number }[] {
  return moved.filter(({ step }) => step <= steps).map((each) => ({ x: each.step, y: each.stepRelative }));
}

/** Returns the training accuracy in windows of twenty steps, with chance after divergence. */
export function accuracyPoints({ accuracies }: Pick<Trained, "accuracies">, steps: number): { x: number; y: number }[] {
  const shown = Array.from({ length: steps }, (_, step) => accuracies[step] ?? CHANCE);
  return Array.from({ length: Math.ceil(steps / 20) }, (_, i) => {
    const window = shown.slice(20 * i, 20 * i + 20);
    return { x: 20 * i + window.length / 2, y: meanOf(window) };
  });
}

/** Returns a point without a band. */
export function dot(x: number, y: number): CurvePoint {
  return { x, y, low: y, high: y };
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Returns the largest learning rate that reaches an accuracy of 0.9, or a third of the smallest one if none does. */
export function largestRate(rates: readonly number[], accuracies: readonly number[]): number {
  return rates.findLast((_, i) => accuracies[i]! >= 0.9) ?? rates[0]! / 3;
}
