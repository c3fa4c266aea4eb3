/** The measurements: what a worker thread can be asked for. */
import type { Source } from "../data.js";
import { edge } from "./edge.js";
import { train } from "./train.js";

const MEASUREMENTS = { train, edge };

export type Measurements = typeof MEASUREMENTS;

/** A measurement to make. */
export interface Job {
  readonly name: keyof Measurements;
  readonly input: unknown;
}

type Measurement = (input: unknown, source: Source, onStep: (done: number) => void) => Promise<unknown>;

/** Makes it; `onStep` is told how many steps are done. */
export function measure({ name, input }: Job, source: Source, onStep: (done: number) => void): Promise<unknown> {
  // Who asks is held to the input of each name by the type `Ask`.
  return (MEASUREMENTS[name] as Measurement)(input, source, onStep);
}
