/** One unit of one BatchNorm layer, number by number: how its output and input gradient are computed for one batch. */
import { BatchNorm, type Forward, softmaxCrossEntropy } from "batchnorm";
import type { Samples } from "./data.js";
import type { Network } from "./network.js";

/** The values of one row of the batch. */
export interface UnitRow {
  readonly x: number;
  readonly xhat: number;
  readonly y: number;
  readonly dy: number;
  /** The three terms of dx, without the factor gamma rstd: dy, - mean(dy), - xhat mean(dy xhat). */
  readonly ownTerm: number;
  readonly meanTerm: number;
  readonly xhatTerm: number;
  readonly dx: number;
  /** dx from the library's backward pass. */
  readonly libraryDx: number;
}

/** The numbers of one unit. */
export interface UnitNumbers {
  readonly rows: readonly UnitRow[];
  readonly mean: number;
  readonly variance: number;
  readonly epsilon: number;
  readonly rstd: number;
  readonly gamma: number;
  readonly beta: number;
  readonly dgamma: number;
  readonly dbeta: number;
  /** The largest difference between dx and the library's dx over the batch; `largestDx` is the largest dx. */
  readonly largestDifference: number;
  readonly largestDx: number;
}

/** Computes the forward and backward pass of one unit of a BatchNorm layer on one batch; null if the hidden layer has no BatchNorm. */
export function unitNumbers(
  { model, hidden }: Network,
  { inputs, labels }: Samples,
  layer: number,
  unit: number,
): UnitNumbers | null {
  const place = hidden[layer]?.norm;
  const norm = place === undefined ? undefined : model.children.get(String(place));
  if (place === undefined || !(norm instanceof BatchNorm)) return null;

  // Runs the model child by child, to record what enters and leaves the BatchNorm layer.
  const forwards: Forward[] = [];
  let values = inputs;
  let entered = inputs;
  for (const [name, child] of model.children) {
    if (name === String(place)) entered = values;
    const forward = child.forward(values, { mode: "probe" });
    values = forward.output;
    forwards.push(forward);
  }
  let gradient = softmaxCrossEntropy(values, labels).gradOutput;
  for (let i = forwards.length - 1; i > place; i--) gradient = forwards[i]!.backward(gradient).gradInput;
  const output = forwards[place]!.output;
  const dxOfLibrary = forwards[place]!.backward(gradient).gradInput;

  const count = labels.length;
  const column = (data: ArrayLike<number>): number[] =>
    Array.from({ length: count }, (_, n) => data[n * norm.features + unit]!);
  const mean = (of: readonly number[]): number => of.reduce((sum, value) => sum + value, 0) / count;
  const [x, y, dy, libraryDx] = [entered, output, gradient, dxOfLibrary].map(({ data }) => column(data)) as [
    number[],
    number[],
    number[],
    number[],
  ];
  const mu = mean(x);
  const variance = mean(x.map((value) => (value - mu) ** 2));
  const rstd = 1 / Math.sqrt(variance + norm.epsilon);
  const gamma = norm.gamma!.value.at(unit);
  const beta = norm.beta!.value.at(unit);
  const xhat = x.map((value) => (value - mu) * rstd);
  const meanDy = mean(dy);
  const meanDyXhat = mean(dy.map((value, n) => value * xhat[n]!));
  const rows = x.map((value, n): UnitRow => {
    const terms = { ownTerm: dy[n]!, meanTerm: -meanDy, xhatTerm: -xhat[n]! * meanDyXhat };
    const dx = gamma * rstd * (terms.ownTerm + terms.meanTerm + terms.xhatTerm);
    return { x: value, xhat: xhat[n]!, y: y[n]!, dy: dy[n]!, ...terms, dx, libraryDx: libraryDx[n]! };
  });
  return {
    rows,
    mean: mu,
    variance,
    epsilon: norm.epsilon,
    rstd,
    gamma,
    beta,
    dgamma: meanDyXhat * count,
    dbeta: meanDy * count,
    largestDifference: Math.max(...rows.map((row) => Math.abs(row.dx - row.libraryDx))),
    largestDx: Math.max(...rows.map((row) => Math.abs(row.dx))),
  };
}
