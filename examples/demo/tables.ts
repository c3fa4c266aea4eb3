/** Tables of numbers, for both the terminal and the page. */
import { formatAccuracy, formatFigure } from "../shared/format.js";
import type { Spread } from "../shared/spread.js";
import { DISTANCES, nameOf, type Network } from "./experiment.js";
import type { NetworkSummary } from "./summary.js";

/** A table with two rows per condition: plain and batch norm. */
export interface Table {
  readonly title: string;
  /** The column headings. */
  readonly head: readonly string[];
  /** The heading of the notes. */
  readonly noteHead: string;
  readonly rows: readonly Row[];
}

/** One network. */
export interface Row {
  readonly condition: string;
  readonly network: Network;
  readonly cells: readonly string[];
  /** A note on the row; usually empty. */
  readonly note: string;
}

/** Tabulates the test accuracy at the milestones, and its range over the seeds at the end. */
export function accuracyTable(summaries: readonly NetworkSummary[]): Table {
  const { accuracies, seeds } = summaries[0]!;
  return {
    title: `Test accuracy, ${overSeeds(seeds)}`,
    head: accuracies.map(({ step }) => `step ${step}`),
    noteHead: seeds === 1 ? "" : "final range",
    rows: summaries.map((summary) =>
      rowOf(
        summary,
        summary.accuracies.map(({ accuracy }) => formatAccuracy(accuracy.median)),
        [finalRange(summary), divergence(summary)].filter((part) => part !== "").join("; "),
      ),
    ),
  };
}

/** Tabulates how much the hidden values changed. */
export function movementTable(summaries: readonly NetworkSummary[]): Table {
  const { layers, seeds } = summaries[0]!;
  return {
    title: `Change in hidden values: input (raw) and output (in standard deviations) of each activation, ${overSeeds(seeds)}`,
    head: [...layers.map((_, i) => `input ${i + 1}`), ...layers.map((_, i) => `output ${i + 1}`)],
    noteHead: "",
    rows: summaries.map((summary) =>
      rowOf(
        summary,
        mediansOf([
          ...summary.layers.map(({ preActivation }) => preActivation),
          ...summary.layers.map(({ output }) => output),
        ]),
        divergence(summary),
      ),
    ),
  };
}

/** Tabulates the probes along the gradient. */
export function landscapeTable(summaries: readonly NetworkSummary[]): Table {
  return {
    title: `Along the gradient: range of the loss and largest relative change of the gradient over 0.5 to 4 lr, and beta x lr at each distance`,
    head: ["loss", "gradient", ...DISTANCES.map((distance) => `${distance} lr`)],
    noteHead: "",
    rows: summaries.map((summary) => {
      const { lossRange, gradientChange, betaProfile, diverged } = summary;
      const cells = mediansOf([lossRange, gradientChange, ...betaProfile.map(({ beta }) => beta)]);
      return rowOf(summary, cells, diverged.length === 0 ? "" : "until divergence");
    }),
  };
}

function rowOf(summary: NetworkSummary, cells: readonly string[], note: string): Row {
  return { condition: nameOf(summary), network: summary.network, cells, note };
}

function mediansOf(spreads: readonly Spread[]): string[] {
  return spreads.map(({ median }) => formatFigure(median));
}

function overSeeds(seeds: number): string {
  return seeds === 1 ? "1 seed" : `median of ${seeds} seeds`;
}

function finalRange({ accuracies, seeds }: NetworkSummary): string {
  const { min, max } = accuracies.at(-1)!.accuracy;
  return seeds === 1 ? "" : `${formatAccuracy(min)} to ${formatAccuracy(max)}`;
}

function divergence({ diverged, seeds }: NetworkSummary): string {
  if (diverged.length === 0) return "";
  return `${diverged.length} of ${seeds} diverged, after ${diverged.join(" and ")} steps`;
}
