/** Watcher: measures how much hidden values shift during training, always on the same images. */
import { compareSamples, type Samples } from "batchnorm/probes";
import type { Digits } from "../../data/digits.js";
import type { Trainee } from "./training.js";

/** Shift of the hidden values: means over the units of the watched layers. */
export interface Moved {
  readonly step: number;
  readonly stepRaw: number;
  readonly stepRelative: number;
  readonly totalRaw: number;
  readonly totalRelative: number;
  /** Distance between two sets of images at the same parameters. Infinite if not requested. */
  readonly floorRaw: number;
  readonly floorRelative: number;
}

/** Number of images used to probe a network. */
export const PROBE_IMAGES = 256;

/** The values of each unit of each watched layer. */
type Values = readonly (readonly Float64Array[])[];

/** Records the values that the watched layers pass to the next ones. */
export class Watcher {
  /** One entry for each watched step. */
  readonly moved: Moved[] = [];
  readonly #trainee: Trainee;
  readonly #paths: ReadonlySet<string>;
  readonly #images: Digits;
  readonly #others: Digits | undefined;
  readonly #start: Values;
  #before: Values;

  constructor(trainee: Trainee, floor: boolean) {
    this.#trainee = trainee;
    this.#paths = new Set(trainee.watched.map(({ layerInput }) => layerInput));
    this.#images = trainee.probe(PROBE_IMAGES);
    this.#others = floor ? trainee.probe(PROBE_IMAGES, PROBE_IMAGES) : undefined;
    this.#start = this.#before = this.#valuesOn(this.#images);
  }

  /** Called just before the update of a step. */
  before(): void {
    this.#before = this.#valuesOn(this.#images);
  }

  /** Called just after the update. */
  after(step: number): void {
    const now = this.#valuesOn(this.#images);
    const inStep = distanceBetween(this.#before, now);
    const total = distanceBetween(this.#start, now);
    const floor = this.#others === undefined ? UNKNOWN : distanceBetween(now, this.#valuesOn(this.#others));
    this.moved.push({
      step,
      stepRaw: inStep.raw,
      stepRelative: inStep.relative,
      totalRaw: total.raw,
      totalRelative: total.relative,
      floorRaw: floor.raw,
      floorRelative: floor.relative,
    });
  }

  #valuesOn({ images }: Digits): Values {
    const seen: Float64Array[][] = [];
    this.#trainee.model.forward(images, {
      mode: "probe",
      observe: (path, output) => {
        if (this.#paths.has(path)) seen.push(columnsOf(output));
      },
    });
    return seen;
  }
}

interface Distance {
  readonly raw: number;
  /** Shift in standard deviations of the unit. */
  readonly relative: number;
}

const UNKNOWN: Distance = { raw: Infinity, relative: Infinity };

/** Computes the 1-Wasserstein distance of each unit, averaged over the units of a layer, then over the layers. */
function distanceBetween(a: Values, b: Values): Distance {
  const layers = a.map((units, layer) => {
    const others = b[layer]!;
    // A network about to diverge has no defined distance.
    if (![...units, ...others].every((values) => values.every(Number.isFinite))) return UNKNOWN;
    const found = units.map((values, unit) => compareSamples(values, others[unit]!));
    const relative = found.map((each) => each.wasserstein1Relative);
    return {
      raw: meanOf(found.map((each) => each.wasserstein1)),
      relative: relative.every((each) => each === null) ? Infinity : meanOf(relative),
    };
  });
  return { raw: meanOf(layers.map(({ raw }) => raw)), relative: meanOf(layers.map(({ relative }) => relative)) };
}

/** Returns the values of each unit over the rows, and of each channel over the rows and places. */
export function columnsOf({ data, shape }: Samples): Float64Array[] {
  const [rows, units, ...image] = shape as [number, number, ...number[]];
  const places = image.reduce((product, size) => product * size, 1);
  return Array.from({ length: units }, (_, unit) => {
    const column = new Float64Array(rows * places);
    for (let row = 0; row < rows; row++) {
      const start = (row * units + unit) * places;
      for (let place = 0; place < places; place++) column[row * places + place] = data[start + place]!;
    }
    return column;
  });
}

/** Returns the mean of the values that are not null. */
export function meanOf(values: readonly (number | null)[]): number {
  const defined = values.filter((value) => value !== null);
  return defined.reduce((sum, value) => sum + value, 0) / defined.length;
}
