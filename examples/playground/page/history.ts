/** The history of a run on the page: everything that the worker has sent since step 0. */
import type { StepRecord } from "../experiment/experiment.js";
import { isStuck } from "../experiment/stuck.js";
import type { Distribution, Landscape, LayerShift, RunningAgainstBatch } from "../experiment/measure.js";

/** Measurements at a number of steps. */
export interface Series<T> {
  readonly steps: number[];
  readonly values: T[];
}

/** The history of one network. */
export interface Side {
  /** losses[i] is the loss on the batch of step i; the list ends where the network diverges. */
  readonly losses: number[];
  readonly accuracies: Series<number>;
  readonly distributions: Series<readonly (Distribution | null)[]>;
  readonly landscapes: Series<Landscape>;
  readonly shifts: Series<readonly LayerShift[]>;
  /** The latest measurement. */
  running: readonly RunningAgainstBatch[];
}

function newSide(): Side {
  const series = <T>(): Series<T> => ({ steps: [], values: [] });
  return {
    losses: [],
    accuracies: series(),
    distributions: series(),
    landscapes: series(),
    shifts: series(),
    running: [],
  };
}

/** The history of both networks. */
export class History {
  readonly sides: readonly Side[] = [newSide(), newSide()];
  divergedAt: readonly (number | null)[] = [null, null];
  step = 0;

  /** Returns, for each network, whether it is stuck. */
  stuck(classes: number): readonly boolean[] {
    return this.sides.map(
      ({ losses, shifts }, i) => this.divergedAt[i] === null && isStuck(losses, shifts.values.at(-1), classes),
    );
  }

  /** Adds the results of one step. */
  add(record: StepRecord): void {
    for (const [i, side] of this.sides.entries()) {
      const put = <T>(series: Series<T>, values: readonly (T | null)[] | undefined): void => {
        const value = values?.[i] ?? null;
        if (value === null) return;
        series.steps.push(record.step);
        series.values.push(value);
      };
      const loss = record.losses[i] ?? null;
      if (loss !== null) side.losses.push(loss);
      put(side.accuracies, record.accuracies);
      put(side.distributions, record.distributions);
      put(side.landscapes, record.landscapes);
      put(side.shifts, record.shifts);
      if (record.running) side.running = record.running[i]!;
    }
  }
}
