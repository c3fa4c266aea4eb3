/** Figure: the interface of every chart on the page. */
import type { History, Series } from "../page/history.js";
import type { Box, Context, Theme } from "./plot.js";

/** The input of a figure. */
export interface FigureInput {
  readonly history: History;
  /** The names of the left and right network. */
  readonly names: readonly [string, string];
  /** The selected hidden layer. */
  readonly layer: number;
  /** The selected unit, or null for all units of the layer. */
  readonly unit: number | null;
  /** The number of classes. */
  readonly classes: number;
}

/** The rows of a table; the first one is the header. */
export type Table = readonly (readonly (string | number | null)[])[];

export interface Figure {
  readonly id: string;
  readonly title: string;
  /** How to read it. */
  readonly caption: string;
  readonly height: number;
  readonly draw: (context: Context, box: Box, input: FigureInput, theme: Theme) => void;
  readonly table: (input: FigureInput) => Table;
}

export const SIDES = [0, 1] as const;

/** Splits a box into two, side by side. */
export function halves({ left, top, width, height }: Box): readonly [Box, Box] {
  const half = (width - 8) / 2;
  return [
    { left, top, width: half, height },
    { left: left + half + 8, top, width: half, height },
  ];
}

/** Returns the last step on the axis: at least 100. */
export function lastStep({ history }: FigureInput): number {
  return Math.max(100, history.step);
}

/** Merges two series into one table, with one row per step. */
export function mergeSeries<T>(
  [left, right]: readonly [Series<T>, Series<T>],
  head: readonly string[],
  cells: (value: T) => readonly (number | null)[],
): Table {
  const steps = [...new Set([...left.steps, ...right.steps])].sort((a, b) => a - b);
  const none = new Array<null>((head.length - 1) / 2).fill(null);
  const at = (series: Series<T>, step: number): readonly (number | null)[] => {
    const index = series.steps.indexOf(step);
    return index < 0 ? none : cells(series.values[index]!);
  };
  return [head, ...steps.map((step) => [step, ...at(left, step), ...at(right, step)])];
}
