/** Blocks: parts of a network for `internalCovariateShift`, so that only some layers are measured. */
import type { Group } from "batchnorm";

/** Blocks in the order of the forward pass, and which of them are the chosen layers. */
export interface Blocks {
  readonly blocks: readonly (readonly string[])[];
  readonly places: readonly number[];
}

/** Makes each chosen layer a block, and all layers between two of them another. Layers have weights and are counted from 0. */
export function blocksAround(groups: readonly Group[], layers: readonly number[]): Blocks {
  const names = groups.map(({ name }) => name);
  const starts = groups.flatMap(({ role }, i) => (role === "weight" ? [i] : []));
  const blocks: string[][] = [];
  const places: number[] = [];
  let end = 0;
  for (const layer of layers) {
    const start = starts[layer]!;
    if (start > end) blocks.push(names.slice(end, start));
    end = starts[layer + 1] ?? names.length;
    places.push(blocks.push(names.slice(start, end)) - 1);
  }
  if (end < names.length) blocks.push(names.slice(end));
  return { blocks, places };
}
