/** Findings about values: where NaN and Infinity begin, and how far apart the rows of a batch are, layer after layer. */

import { show } from "../../core/errors.js";
import { exp, log } from "../../core/math.js";
import type { Tensor } from "../../core/tensor.js";
import type { Layer } from "../../layers/contract.js";
import { isFiniteTensor, type ObservedLayer } from "../observe.js";
import { parametersByPath, statisticsByPath } from "../tree.js";
import { digits, type Finding } from "./finding.js";

/** Parameters and statistics that are not finite, or below what they can be. */
export function badNumbers(model: Layer): Finding[] {
  const found: Finding[] = [];
  const check = (path: string, values: ArrayLike<number>, least: number, cure: string): void => {
    const evidence = badValuesText(values, least);
    if (evidence !== undefined) found.push({ kind: "not finite", severity: "error", path, evidence, cure });
  };
  for (const [path, { value }] of parametersByPath(model)) {
    const cure = "load an earlier state, and train on with a lower learning rate";
    check(path, value.data, -Infinity, cure);
  }
  for (const [path, { values, least }] of statisticsByPath(model)) {
    check(path, values, least, "recalibrate(model, batches), or load an earlier state");
  }
  return found;
}

/** Where values that are not finite come out of finite ones, layers apart whose own numbers are bad. */
export function whereNotFinite(input: Tensor, observed: readonly ObservedLayer[], bad: readonly Finding[]): Finding[] {
  const found: Finding[] = [];
  const add = (path: string, { data, shape }: Tensor, what: string, cure: string): void => {
    const row = data.length / shape[0]!;
    const first = Math.floor(data.findIndex((value) => !Number.isFinite(value)) / row);
    const evidence = `${what} ${badValuesText(data)!}, in row ${first}`;
    found.push({ kind: "not finite", severity: "error", path, evidence, cure });
  };
  if (!isFiniteTensor(input)) add("", input, "in the input,", "check the data: missing values, division by 0");
  const paths = bad.map(({ path }) => path.slice(0, Math.max(0, path.lastIndexOf("."))));
  for (const { path, input: entered, output } of observed) {
    if (paths.includes(path) || isFiniteTensor(output) || !isFiniteTensor(entered)) continue;
    let largest = 0;
    for (const value of entered.data) largest = Math.max(largest, Math.abs(value));
    const cure = `scale what enters it, which is as large as ${show(largest)}, or lower the learning rate`;
    add(path, output, "in its output,", cure);
  }
  return found;
}

/** "3 of 12 values are not finite, the first is NaN at place 4"; undefined where all are, and none is below the least. */
function badValuesText(values: ArrayLike<number>, least = -Infinity): string | undefined {
  const list = Array.from(values);
  const isBad = (value: number): boolean => !Number.isFinite(value) || value < least;
  const count = list.filter(isBad).length;
  if (count === 0) return undefined;
  const first = list.findIndex(isBad);
  const what = least === 0 ? "not finite or below 0" : "not finite";
  return `${count} of ${list.length} values ${count === 1 ? "is" : "are"} ${what}, the first is ${show(list[first])} at place ${first}`;
}

/** How far apart the rows are at one layer: the root of the mean variance from row to row; null where not finite. */
export interface LayerSignal {
  readonly path: string;
  readonly entering: number | null;
  readonly leaving: number | null;
}

const FEWEST_LAYERS = 3;
const LARGEST_GROWTH = 1000;

/** Returns the signal at each layer. */
export function signalByDepth(observed: readonly ObservedLayer[]): LayerSignal[] {
  return observed.map(({ path, input, output }) => ({ path, entering: spread(input), leaving: spread(output) }));
}

/** A signal that dies at once, or grows or shrinks by depth. */
export function signalFindings(observed: readonly ObservedLayer[], signal: readonly LayerSignal[]): Finding[] {
  const end = signal.find(({ entering, leaving }) => entering !== null && entering > 0 && leaving === 0);
  if (end !== undefined) {
    const evidence = "all rows come out of it the same: what follows cannot tell them apart";
    const cure = "look at its weights (all 0?), and for dead features in front of it";
    return [{ kind: "vanishing signal", severity: "warning", path: end.path, evidence, cure }];
  }
  return growthByDepth(
    signal.filter((_, i) => observed[i]!.layer.parameters.some(({ role }) => role === "weight")),
    signal.at(-1)?.leaving ?? null,
  );
}

/**
 * From layer with weights to layer with weights, what stands between included: so batch norm, which undoes the growth of the
 * layer in front, is not taken for a jump. The median, as the first and last layers may well change the scale on purpose.
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
  const factor = grows ? `grow apart ${digits(median)}-fold` : `come closer ${digits(1 / median)}-fold`;
  const evidence = `the rows ${factor} a layer (median of ${layers.length} layers with weights), from ${digits(spreads[0]!)} to ${digits(last!)}`;
  const cure = 'put batch norm behind these layers, or start them with initial: "he" (ReLU) or "glorot"';
  const kind = grows ? "exploding signal" : "vanishing signal";
  return [{ kind, severity: "warning", path: (far ?? layers.at(-1)!).path, evidence, cure }];
}

function spread({ data, shape }: Tensor): number | null {
  const rows = shape[0]!;
  const width = data.length / rows;
  let sum = 0;
  for (let j = 0; j < width; j++) {
    // Relative to the first row: rows that are the same give exactly 0.
    let mean = 0;
    for (let i = 0; i < rows; i++) mean += (data[i * width + j]! - data[j]!) / rows;
    for (let i = 0; i < rows; i++) sum += (data[i * width + j]! - data[j]! - mean) ** 2;
  }
  const result = Math.sqrt(sum / data.length);
  return Number.isFinite(result) ? result : null;
}
