/** Summary: combines the runs of all seeds. */
import { median, type Spread, spreadOf } from "../shared/spread.js";
import { type Condition, CONDITIONS, DISTANCES, MILESTONES, type Network, NETWORKS } from "./experiment.js";
import { betaProfile, gradientChangeBand, lossBand } from "./landscape.js";
import type { Run } from "./train.js";

/** One network in one condition, over all seeds. */
export interface NetworkSummary extends Condition {
  readonly network: Network;
  readonly seeds: number;
  /** The number of steps after which each diverged run stopped; empty if none did. */
  readonly diverged: readonly number[];
  /** Accuracy at the milestones; a diverged run keeps its last accuracy. */
  readonly accuracies: readonly { readonly step: number; readonly accuracy: Spread }[];
  /** Change in each hidden layer: raw before the activation, in standard deviations after it. */
  readonly layers: readonly { readonly preActivation: Spread; readonly output: Spread }[];
  /** The width of the loss band: median over the probes of each run. */
  readonly lossRange: Spread;
  /** The upper edge of the band of the relative gradient change: median over the probes of each run. */
  readonly gradientChange: Spread;
  /** beta times the learning rate at each distance: median over the probes of each run. */
  readonly betaProfile: readonly { readonly distance: number; readonly beta: Spread }[];
}

/** Summarizes each network, in the order of the experiment. */
export function summarize(runs: readonly Run[]): NetworkSummary[] {
  return CONDITIONS.flatMap((condition) =>
    NETWORKS.map((network) => summarizeNetwork(condition, network, runsOf(runs, condition, network))),
  );
}

/** Returns the runs of one network in one condition, by seed. */
export function runsOf(runs: readonly Run[], { activation, learningRate }: Condition, network: Network): Run[] {
  return runs.filter(
    (run) => run.activation === activation && run.learningRate === learningRate && run.network === network,
  );
}

function summarizeNetwork(condition: Condition, network: Network, runs: readonly Run[]): NetworkSummary {
  const over = (figure: (run: Run) => number): Spread => spreadOf(runs.map(figure));
  const { steps, layers } = runs[0]!;
  return {
    ...condition,
    network,
    seeds: runs.length,
    diverged: runs.flatMap(({ divergedAt }) => divergedAt ?? []),
    accuracies: milestonesOf(steps).map((step) => ({ step, accuracy: over((run) => accuracyAt(run, step)) })),
    layers: layers.map((_, i) => ({
      preActivation: over((run) => distanceOf(run, run.layers[i]!.preActivation.raw)),
      output: over((run) => distanceOf(run, run.layers[i]!.output.relative)),
    })),
    lossRange: over(({ looks }) => median(looks.map(lossBand).map(({ low, high }) => high - low))),
    gradientChange: over(({ looks }) => median(looks.map((look) => gradientChangeBand(look).high))),
    betaProfile: DISTANCES.map((distance, i) => ({
      distance,
      beta: over(({ looks, learningRate }) => median(looks.map((look) => betaProfile(look, learningRate)[i]!))),
    })),
  };
}

/** Returns the milestones within a run, and its last step. */
function milestonesOf(steps: number): number[] {
  return [...MILESTONES.filter((step) => step < steps), steps];
}

function accuracyAt({ accuracies }: Run, step: number): number {
  return accuracies.findLast((measured) => measured.step <= step)!.accuracy;
}

/** Returns the recorded change, or infinity for a diverged run, whose values kept changing after the last record. */
function distanceOf({ divergedAt }: Run, recorded: number): number {
  return divergedAt === null ? recorded : Infinity;
}
