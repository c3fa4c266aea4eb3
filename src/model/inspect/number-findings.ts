/** Findings about numbers that are none: where NaN and Infinity begin. */

import { show } from "../../core/errors.js";
import type { Layer } from "../../layers/contract.js";
import { parametersByPath, statisticsByPath } from "../tree.js";
import type { Tensor } from "../../core/tensor.js";
import type { Finding } from "./finding.js";
import { isFiniteTensor, type Place } from "../places.js";

/** Parameters and statistics that are not finite, or below what they can be. */
export function badNumbers(model: Layer): Finding[] {
  const found: Finding[] = [];
  const check = (path: string, values: ArrayLike<number>, least: number, cure: string): void => {
    const evidence = textOf(values, least);
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
export function whereNotFinite(input: Tensor, places: readonly Place[], bad: readonly Finding[]): Finding[] {
  const found: Finding[] = [];
  const add = (path: string, { data, shape }: Tensor, what: string, cure: string): void => {
    const row = data.length / shape[0]!;
    const first = Math.floor(data.findIndex((value) => !Number.isFinite(value)) / row);
    const evidence = `${what} ${textOf(data)!}, in row ${first}`;
    found.push({ kind: "not finite", severity: "error", path, evidence, cure });
  };
  if (!isFiniteTensor(input)) add("", input, "in the input,", "check the data: missing values, division by 0");
  const paths = bad.map(({ path }) => path.slice(0, Math.max(0, path.lastIndexOf("."))));
  for (const { path, input: entered, output } of places) {
    if (paths.includes(path) || isFiniteTensor(output) || !isFiniteTensor(entered)) continue;
    let largest = 0;
    for (const value of entered.data) largest = Math.max(largest, Math.abs(value));
    const cure = `scale what enters it, which is as large as ${show(largest)}, or lower the learning rate`;
    add(path, output, "in its output,", cure);
  }
  return found;
}

/** "3 of 12 values are not finite, the first is NaN at place 4"; undefined where all are, and none is below the least. */
function textOf(values: ArrayLike<number>, least = -Infinity): string | undefined {
  const list = Array.from(values);
  const isBad = (value: number): boolean => !Number.isFinite(value) || value < least;
  const count = list.filter(isBad).length;
  if (count === 0) return undefined;
  const first = list.findIndex(isBad);
  const what = least === 0 ? "not finite or below 0" : "not finite";
  return `${count} of ${list.length} values ${count === 1 ? "is" : "are"} ${what}, the first is ${show(list[first])} at place ${first}`;
}
