/** Times contestants on the same work: round by round, one after the other, so that a slow moment of the machine hits all. */
import { Bench } from "tinybench";

/** A work for one contestant; it gives what it computed. */
export type Run = () => ArrayLike<number>;

/** The median of the rounds' medians, in milliseconds. */
export interface Timing {
  readonly contestant: string;
  readonly milliseconds: number;
}

/** How long to measure. */
export interface Effort {
  readonly rounds: number;
  /** Milliseconds for each contestant in each round. */
  readonly time: number;
}

/** Requires that all contestants compute the same, then times them. */
export function measure(work: string, runs: ReadonlyMap<string, Run>, tolerance: number, effort: Effort): Timing[] {
  compare(work, runs, tolerance);
  const medians = new Map([...runs.keys()].map((contestant): [string, number[]] => [contestant, []]));
  for (let round = 0; round < effort.rounds; round++) {
    const bench = new Bench({ time: effort.time, iterations: 2, warmup: round === 0, warmupTime: effort.time });
    for (const [contestant, run] of runs) bench.add(contestant, run);
    bench.runSync();
    for (const { name, result } of bench.tasks) {
      if (result.state !== "completed") throw new Error(`${work}: ${name} ended as ${result.state}`);
      medians.get(name)!.push(result.latency.p50);
    }
  }
  return [...medians].map(([contestant, values]) => ({ contestant, milliseconds: median(values) }));
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function compare(work: string, runs: ReadonlyMap<string, Run>, tolerance: number): void {
  const results = [...runs].map(([contestant, run]) => ({ contestant, values: Float64Array.from(run()) }));
  const first = results[0]!;
  const scale = first.values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  for (const { contestant, values } of results) {
    const off = values.reduce((largest, value, i) => Math.max(largest, Math.abs(value - first.values[i]!)), 0);
    if (values.length !== first.values.length || !(off <= tolerance * scale)) {
      throw new Error(`${work}: ${contestant} differs from ${first.contestant} by ${off / scale} of the largest value`);
    }
  }
}
