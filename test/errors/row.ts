/** What the files of this folder share: the form of a row, and small things to be wrong about. */
import { Dense, Parameter, Random, Tensor } from "../../src/index.js";

/** What a call refuses, in the form of `expectRefusal`. */
export type Row = readonly [refusal: `${"Shape" | "Range" | "Type"}Error: ${string}`, work: () => unknown];

/** Passes off one thing as another, as a caller in plain JavaScript can. */
export const as = (value: unknown): never => value as never;

export const random = (): Random => new Random(1);
export const tensor = (...shape: number[]): Tensor => Tensor.normal(shape, { random: random() });
export const pass = { mode: "probe" } as const;
export const dense = (): Dense => new Dense({ inputs: 3, outputs: 2, random: random() });
export const gamma = (): Parameter => new Parameter("gamma", "scale", Tensor.filled([3], 1));
