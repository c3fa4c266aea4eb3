/** Findings about values: where NaN and Infinity first appear, and how the spread of the rows changes from layer to layer. */

import { show } from "../../core/errors.js";
import { exp, log } from "../../core/math.js";
import type { Layer } from "../../layers/contract.js";
import { isFiniteTensor, type ObservedLayer } from "../observe.js";
import { countedPart, type CountedPart } from "../row-masks.js";
import { parametersByPath, statisticsByPath } from "../tree.js";
import { digits, type Finding } from "./finding.js";

/** Returns findings about parameters and statistics that are not finite, or below their smallest valid value. */
export function badNumbers(model: Layer): Finding[] {
  const found: Finding[] = [];
  const check = (path: string, values: ArrayLike<number>, least: number, cure: string): void => {
    const evidence = badValuesText(values, least);
    if (evidence !== undefined) found.push({ kind: "not finite", severity: "error", path, evidence, cure });
  };
  for (const [path, { value }] of parametersByPath(model)) {
    const cure = "load an earlier state, and continue with a lower learning rate";
    check(path, value.data, -Infinity, cure);
  }
  for (const [path, { values, least }] of statisticsByPath(model)) {
    check(path, values, least, "recalibrate(model, batches), or load an earlier state");
  }
  return found;
}

/** Returns findings about layers that turn finite values into infinite ones or NaN, except layers with bad parameters. */
export function whereNotFinite(
  input: CountedPart,
  observed: readonly ObservedLayer[],
  bad: readonly Finding[],
  axis: number,
): Finding[] {
  const found: Finding[] = [];
  const add = (path: string, { tensor: { data, shape }, rowOf }: CountedPart, what: string, cure: string): void => {
    const width = data.length / shape[0]!;
    const first = rowOf(Math.floor(data.findIndex((value) => !Number.isFinite(value)) / width));
    const evidence = `${what} ${badValuesText(data)!}, in row ${first}`;
    found.push({ kind: "not finite", severity: "error", path, evidence, cure });
  };
  if (!isFiniteTensor(input.tensor)) add("", input, "in the input,", "check the data: missing values, division by 0");
  const paths = bad.map(({ path }) => path.slice(0, Math.max(0, path.lastIndexOf("."))));
  for (const { path, input: entered, output, rowWeights } of observed) {
    const [before, after] = [entered, output].map((values) => countedPart(values, rowWeights, axis));
    if (paths.includes(path) || isFiniteTensor(after!.tensor) || !isFiniteTensor(before!.tensor)) continue;
    let largest = 0;
    for (const value of before!.tensor.data) largest = Math.max(largest, Math.abs(value));
    const cure = `scale its input, which is as large as ${show(largest)}, or lower the learning rate`;
    add(path, after!, "in its output,", cure);
  }
  return found;
}

/** Describes bad values, as in "3 of 12 values are not finite; the first is NaN at index 4"; undefined if there are none. */
function badValuesText(values: ArrayLike<number>, least = -Infinity): string | undefined {
  const list = Array.from(values);
  const isBad = (value: number): boolean => !Number.isFinite(value) || value < least;
  const count = list.filter(isBad).length;
  if (count === 0) return undefined;
  const first = list.findIndex(isBad);
  const what = least === 0 ? "not finite or below 0" : "not finite";
  return `${count} of ${list.length} values ${count === 1 ? "is" : "are"} ${what}; the first is ${show(list[first])} at index ${first}`;
}

/** The spread of the rows before and after a layer: the square root of their mean variance, or null if it is not finite. */
export interface LayerSignal {
  /** The path of the layer. */
  readonly path: string;
  /** The spread at the input. */
  readonly entering: number | null;
  /** The spread at the output. */
  readonly leaving: number | null;
}

const FEWEST_LAYERS = 3;
const LARGEST_GROWTH = 1000;

/** Returns the spread of the rows at each layer. */
export function signalByDepth(observed: readonly ObservedLayer[], axis: number): LayerSignal[] {
  return observed.map(({ path, input, output, rowWeights }) => {
    const [entering, leaving] = [input, output].map((values) => spread(countedPart(values, rowWeights, axis)));
    return { path, entering: entering!, leaving: leaving! };
  });
}

/** Returns a finding if a layer reduces the spread to 0, or if it grows or shrinks strongly with depth. */
export function signalFindings(observed: readonly ObservedLayer[], signal: readonly LayerSignal[]): Finding[] {
  const end = signal.find(({ entering, leaving }) => entering !== null && entering > 0 && leaving === 0);
  if (end !== undefined) {
    const evidence = "its output is the same for all rows, so later layers cannot tell them apart";
    const cure = "check its weights (all 0?), and whether the features before it are dead";
    return [{ kind: "vanishing signal", severity: "warning", path: end.path, evidence, cure }];
  }
  return growthByDepth(
    signal.filter((_, i) => observed[i]!.layer.parameters.some(({ role }) => role === "weight")),
    signal.at(-1)?.leaving ?? null,
  );
}

/**
 * Measures the growth from each layer with weights to the next, including all layers in between. A batch norm that undoes the
 * growth of the layer before it then has no effect. Uses the median, because the first and last layers may change the scale on
 * purpose.
 */
function growthByDepth(layers: readonly LayerSignal[], last: number | null): Finding[] {
  const spreads = [...layers.map(({ entering }) => entering), last];
  if (layers.length < FEWEST_LAYERS || !spreads.every((value) => value !== null && value > 0)) return [];
  const growth = layers.map((_, i) => spreads[i + 1]! / spreads[i]!).sort((a, b) => a - b);
  const middle = growth.length / 2;
  const median = (growth[Math.floor(middle)]! + growth[Math.ceil(middle) - 1]!) / 2;
  const total = exp(layers.length * log(median));
  if (total < LARGEST_GROWTH && total > 1 / LARGEST_GROWTH) return [];
  const grows = total > 1;
  const far = layers.find((_, i) => {
    const ratio = spreads[i + 1]! / spreads[0]!;
    return grows ? ratio >= LARGEST_GROWTH : ratio <= 1 / LARGEST_GROWTH;
  });
  const change = grows ? `grows by a factor of ${digits(median)}` : `shrinks by a factor of ${digits(1 / median)}`;
  const evidence = `the spread of the rows ${change} per layer (median of ${layers.length} layers with weights), from ${digits(spreads[0]!)} to ${digits(last!)}`;
  const cure = 'add batch norm after these layers, or initialize them with initial: "he" (ReLU) or "glorot"';
  const kind = grows ? "exploding signal" : "vanishing signal";
  return [{ kind, severity: "warning", path: (far ?? layers.at(-1)!).path, evidence, cure }];
}

/** Computes the weighted spread of the rows. */
function spread({ tensor: { data, shape }, weights }: CountedPart): number | null {
  const rows = shape[0]!;
  const width = data.length / rows;
  const weightOf = (row: number): number => weights?.[row] ?? 1;
  const total = weights?.reduce((sum, weight) => sum + weight, 0) ?? rows;
  let sum = 0;
  for (let j = 0; j < width; j++) {
    // Relative to the first row, which gives exactly 0 for equal rows.
    let mean = 0;
    for (let i = 0; i < rows; i++) mean += (weightOf(i) * (data[i * width + j]! - data[j]!)) / total;
    for (let i = 0; i < rows; i++) sum += weightOf(i) * (data[i * width + j]! - data[j]! - mean) ** 2;
  }
  const result = Math.sqrt(sum / (total * width));
  return Number.isFinite(result) ? result : null;
}
