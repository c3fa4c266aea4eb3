/** Watcher: how far hidden values move while a network trains, on the same images all the time. */
import { ShiftOverTraining, type ShiftRecord } from "batchnorm/probes";
import type { Digits } from "../../data/digits.js";
import type { Trainee } from "./training.js";

/** How far hidden values moved: means over the units of the watched layers. */
export interface Moved {
  readonly step: number;
  readonly stepRaw: number;
  readonly stepRelative: number;
  readonly totalRaw: number;
  readonly totalRelative: number;
  /** Between two sets of images at the same parameters: what fresh data would show anyway. Infinite when not asked for. */
  readonly floorRaw: number;
  readonly floorRelative: number;
}

/** So many images everything inside a network is looked at with. */
export const PROBE_IMAGES = 256;
/** So many layers are watched, evenly spaced up to the last. */
const WATCHED = 4;
/** Follows the values that the watched layers give to the next ones, on the same images all the time. */
export class Watcher {
  readonly #trainee: Trainee;
  readonly #shift: ShiftOverTraining;
  readonly #images: Digits;
  readonly #others: Digits | undefined;

  constructor(trainee: Trainee, floor: boolean) {
    const { hidden } = trainee;
    const count = Math.min(WATCHED, hidden.length);
    const paths = Array.from({ length: count }, (_, i) => hidden[Math.ceil(((i + 1) * hidden.length) / count) - 1]!);
    this.#trainee = trainee;
    this.#shift = new ShiftOverTraining({
      places: Object.fromEntries(paths.map(({ layerInput }) => [layerInput, "layerInput"] as const)),
    });
    this.#images = trainee.probe(PROBE_IMAGES);
    this.#others = floor ? trainee.probe(PROBE_IMAGES, PROBE_IMAGES) : undefined;
    this.#look(this.#images, this.#shift.start());
  }

  before(step: number): void {
    this.#look(this.#images, this.#shift.before(step));
  }

  after(step: number): void {
    this.#look(this.#images, this.#shift.after(step));
    if (this.#others !== undefined) this.#look(this.#others, this.#shift.secondBatch(step));
  }

  moved(): Moved[] {
    const { records } = this.#shift.report();
    return [...new Set(records.map(({ step }) => step))].map((step) => {
      const here = records.filter((record) => record.step === step);
      const mean = (
        of: "stepShift" | "totalShift" | "secondBatchFloor",
        unit: keyof NonNullable<ShiftRecord["stepShift"]>,
      ): number =>
        meanOf(here.map((record) => (record[of]?.[unit] as { mean: number | null } | undefined)?.mean ?? Infinity));
      return {
        step,
        stepRaw: mean("stepShift", "wasserstein1"),
        stepRelative: mean("stepShift", "wasserstein1Relative"),
        totalRaw: mean("totalShift", "wasserstein1"),
        totalRelative: mean("totalShift", "wasserstein1Relative"),
        floorRaw: mean("secondBatchFloor", "wasserstein1"),
        floorRelative: mean("secondBatchFloor", "wasserstein1Relative"),
      };
    });
  }

  #look({ images }: Digits, observe: ReturnType<ShiftOverTraining["start"]>): void {
    this.#trainee.model.forward(images, { mode: "probe", observe });
  }
}

/** The mean of what is defined. */
export function meanOf(values: readonly (number | null)[]): number {
  const defined = values.filter((value) => value !== null);
  return defined.reduce((sum, value) => sum + value, 0) / defined.length;
}
