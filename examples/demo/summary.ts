/** Summary: what the runs of all seeds say together. */
import { median, type Spread, spreadOf } from "../shared/spread.js";
import { type Condition, CONDITIONS, DISTANCES, MILESTONES, type Network, NETWORKS } from "./experiment.js";
import { betaProfile, gradientChangeBand, lossBand } from "./landscape.js";
import type { Run } from "./train.js";

/** One network at one condition, over all seeds. */
export interface NetworkSummary extends Condition {
  readonly network: Network;
  readonly seeds: number;
  /** After how many steps each diverged run stopped; empty when none did. */
  readonly diverged: readonly number[];
  /** At the milestones; a diverged run keeps the accuracy that it stopped with. */
  readonly accuracies: readonly { readonly step: number; readonly accuracy: Spread }[];
  /** How far the values of each hidden layer went: in front of the activation function raw, behind it relative. */
  readonly layers: readonly { readonly preActivation: Spread; readonly output: Spread }[];
  /** Of each run the median over its looks, of the width of the loss band. */
  readonly lossRange: Spread;
  /** Of each run the median over its looks, of the upper edge of the band of the relative gradient change. */
  readonly gradientChange: Spread;
  /** Of each run the median over its looks, of beta times the learning rate at each distance. */
  readonly betaProfile: readonly { readonly distance: number; readonly beta: Spread }[];
}

/** One summary for each network, in the order of the experiment. */
export function summarize(runs: readonly Run[]): NetworkSummary[] {
  return CONDITIONS.flatMap((condition) =>
    NETWORKS.map((network) => summarizeNetwork(condition, network, runsOf(runs, condition, network))),
  );
}

/** The runs of one network at one condition, seed after seed. */
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

/** The milestones within a run, and its end. */
function milestonesOf(steps: number): number[] {
  return [...MILESTONES.filter((step) => step < steps), steps];
}

function accuracyAt({ accuracies }: Run, step: number): number {
  return accuracies.findLast((measured) => measured.step <= step)!.accuracy;
}

/** The values of a run that diverged went further than the last record before it can tell. */
function distanceOf({ divergedAt }: Run, recorded: number): number {
  return divergedAt === null ? recorded : Infinity;
}
