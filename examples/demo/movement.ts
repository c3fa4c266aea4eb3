/** Movement: how much the values of a hidden layer have changed since step 0. */
import type { ActivationRecord } from "batchnorm/probes";

/** The 15th, 50th and 85th percentiles of one unit over the probe images, as in figure 1 of Ioffe & Szegedy 2015. */
export interface UnitPercentiles {
  readonly unit: number;
  readonly steps: readonly number[];
  /** percentiles[i] belongs to steps[i]. */
  readonly percentiles: readonly (readonly number[])[];
}

/** How much the values of one layer have changed. */
export interface Movement {
  /** Each unit's largest change since step 0, not normalized, averaged over the units. */
  readonly raw: number;
  /** The largest change in standard deviations of the unit (the root of the mean of both variances), averaged over the units. */
  readonly relative: number;
  /** The unit with the median change. */
  readonly typicalUnit: UnitPercentiles;
}

/** Computes the change of a layer's values from its records; the first record is the reference. */
export function movementOf(records: readonly ActivationRecord[]): Movement {
  const states = records.map(statesOf);
  const start = states[0]!;
  const furthest = (distance: (from: UnitState, to: UnitState) => number): number[] =>
    start.map((from, unit) => Math.max(...states.map((state) => distance(from, state[unit]!))));
  const raw = furthest(distanceBetween);
  const relative = furthest((from, to) => {
    const distance = distanceBetween(from, to);
    return distance === 0 ? 0 : distance / Math.sqrt((from.variance + to.variance) / 2);
  });
  const unit = middleOf(raw);
  const steps = records.map(({ step }) => step);
  const percentiles = states.map((state) => state[unit]!.percentiles);
  return { raw: meanOf(raw), relative: meanOf(relative), typicalUnit: { unit, steps, percentiles } };
}

interface UnitState {
  readonly percentiles: readonly number[];
  readonly variance: number;
}

/** Returns the state of every unit in a record. A null, here NaN, means that a value was not finite. */
function statesOf({ features }: ActivationRecord): UnitState[] {
  const { quantiles, variance } = features!;
  return variance.map((value, unit) => ({
    percentiles: quantiles.map((level) => level[unit] ?? NaN),
    variance: value ?? NaN,
  }));
}

/** Returns the mean change of the three percentiles. */
function distanceBetween(from: UnitState, to: UnitState): number {
  return meanOf(from.percentiles.map((percentile, i) => Math.abs(to.percentiles[i]! - percentile)));
}

function middleOf(distances: readonly number[]): number {
  const order = distances.map((_, unit) => unit).sort((a, b) => distances[a]! - distances[b]!);
  return order[Math.floor((order.length - 1) / 2)]!;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
