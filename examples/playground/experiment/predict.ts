/** Predictions on the test data and over the plane, with running statistics or, as if the mode had been forgotten, with batch statistics. */
import { loadStateDict, stateDict, Tensor } from "batchnorm";
import { accuracyOf } from "../../data/digits.js";
import type { Samples } from "./data.js";
import type { Network } from "./network.js";
import { GRID, PLANE, UNIT_GRID } from "./scales.js";

const GRID_POINTS: Tensor = (() => {
  const places = Array.from({ length: GRID }, (_, i) => PLANE * ((2 * i + 1) / GRID - 1));
  return Tensor.from(places.flatMap((y) => places.map((x) => [x, -y])));
})();

/** Every second point of every second row. */
const COARSE_POINTS: readonly number[] = Array.from(
  { length: UNIT_GRID * UNIT_GRID },
  (_, i) => 2 * Math.floor(i / UNIT_GRID) * GRID + 2 * (i % UNIT_GRID),
);

/** Returns the share of samples classified correctly: all at once in inference mode, or batch by batch with batch statistics. */
export function accuracyFor({ model }: Network, { inputs, labels }: Samples, batchSize: number | null): number {
  if (batchSize === null) return accuracyOf(model.forward(inputs, { mode: "inference" }).output, labels);
  let right = 0;
  for (const rows of batchRows(labels.length, batchSize)) {
    const { output } = model.forward(inputs.rows(rows), { mode: "probe" });
    right +=
      rows.length *
      accuracyOf(
        output,
        rows.map((row) => labels[row]!),
      );
  }
  return right / labels.length;
}

/** Returns consecutive rows in batches; a single leftover row is added to the last batch. */
export function batchRows(count: number, size: number): number[][] {
  const batches: number[][] = [];
  for (let start = 0; start < count; start += size) {
    const end = count - (start + size) === 1 ? count : Math.min(start + size, count);
    batches.push(Array.from({ length: end - start }, (_, i) => start + i));
    if (end === count) break;
  }
  return batches;
}

/**
 * Copies the weights of `network` to `frozen`, and sets its running statistics to the statistics of one batch. At inference,
 * `frozen` then predicts any point as `network` would within that batch. It must have momentum 1 and biased variance.
 */
export function freezeStatistics(network: Network, frozen: Network, inputs: Tensor): void {
  loadStateDict(frozen.model, stateDict(network.model));
  frozen.model.forward(inputs, { mode: "train" });
}

/** The outputs of a network over the plane. */
export interface Plane {
  /** The probability of class 1 at each grid point, scaled to 0 to 255, row by row from the upper left. */
  readonly probabilities: Uint8Array;
  /** The value of each hidden unit on the coarser grid, scaled from its smallest (0) to its largest (255), one unit after another. */
  readonly units: Uint8Array;
}

/** Evaluates a network in inference mode at every grid point. */
export function planeOf({ model, hidden }: Network): Plane {
  const seen = new Map<string, Tensor>();
  const { output } = model.forward(GRID_POINTS, {
    mode: "inference",
    observe: (path, tensor) => seen.set(path, tensor),
  });
  const probabilities = new Uint8Array(GRID * GRID);
  for (let i = 0; i < probabilities.length; i++) {
    probabilities[i] = 255 / (1 + Math.exp(output.data[2 * i]! - output.data[2 * i + 1]!));
  }
  const layers = hidden.map(({ activation }) => seen.get(String(activation))!);
  const width = layers[0]!.shape[1]!;
  const size = UNIT_GRID * UNIT_GRID;
  const units = new Uint8Array(layers.length * width * size);
  const values = new Float64Array(size);
  for (const [layer, { data }] of layers.entries()) {
    for (let unit = 0; unit < width; unit++) {
      for (let i = 0; i < size; i++) values[i] = data[COARSE_POINTS[i]! * width + unit]!;
      spread(values, units.subarray((layer * width + unit) * size, (layer * width + unit + 1) * size));
    }
  }
  return { probabilities, units };
}

/** Scales values to 0..255. */
function spread(values: Float64Array, into: Uint8Array): void {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const range = high - low;
  for (let i = 0; i < values.length; i++) into[i] = range > 0 ? (255 * (values[i]! - low)) / range : 128;
}

/** Predictions of a network for some images. */
export interface Guesses {
  /** The predicted class of each image; `probabilities` has the network's confidence. */
  readonly classes: readonly number[];
  readonly probabilities: readonly number[];
  /** As in `Plane`, but per class: the mean value of each unit over the images of a class. */
  readonly units: Uint8Array;
}

/** Evaluates a network in inference mode on images: the predictions for the first ones, and the responses of all units. */
export function guessesOf({ model, hidden }: Network, { inputs, labels }: Samples, first: number): Guesses {
  const seen = new Map<string, Tensor>();
  const { output } = model.forward(inputs, { mode: "inference", observe: (path, tensor) => seen.set(path, tensor) });
  const outputs = output.shape[1]!;
  const rows = Array.from({ length: first }, (_, row) => output.data.slice(row * outputs, (row + 1) * outputs));
  const classes = rows.map((row) => row.indexOf(Math.max(...row)));
  const probabilities = rows.map((row) => {
    const top = Math.max(...row);
    return 1 / Array.from(row).reduce((sum, logit) => sum + Math.exp(logit - top), 0);
  });
  const counts = new Float64Array(outputs);
  for (const label of labels) counts[label]!++;
  const layers = hidden.map(({ activation }) => seen.get(String(activation))!);
  const width = layers[0]!.shape[1]!;
  const units = new Uint8Array(layers.length * width * outputs);
  for (const [layer, { data }] of layers.entries()) {
    const means = new Float64Array(width * outputs);
    for (const [row, label] of labels.entries()) {
      for (let unit = 0; unit < width; unit++)
        means[unit * outputs + label]! += data[row * width + unit]! / counts[label]!;
    }
    for (let unit = 0; unit < width; unit++) {
      const at = (layer * width + unit) * outputs;
      spread(means.subarray(unit * outputs, (unit + 1) * outputs), units.subarray(at, at + outputs));
    }
  }
  return { classes, probabilities, units };
}
