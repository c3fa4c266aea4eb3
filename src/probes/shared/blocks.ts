/** Blocks: the parameters of a point, grouped by layer, by module or by a list. */

import { complaint, ShapeError, show } from "../../core/errors.js";
import type { Group } from "../../objective/objective.js";
import { expectParameterGroups } from "./arguments.js";

/** Parameters that are treated together. */
export interface Block {
  /** The path of its first layer. */
  readonly name: string;
  readonly groups: readonly Group[];
}

/**
 * How parameters are grouped into blocks.
 *
 * - `"layer"`: a weight and all parameters up to the next weight, for example a Dense layer with the BatchNorm after it
 * - `"module"`: the parameters of one module, so gamma and beta of a BatchNorm are a separate block
 * - a list of blocks, each of which is a list of group names
 */
export type BlockRule = "layer" | "module" | readonly (readonly string[])[];

/** Returns the name of a rule for a report. */
export function blocksBy(rule: BlockRule): "layer" | "module" | "given" {
  return typeof rule === "string" ? rule : "given";
}

/** Assigns each group to exactly one block. The groups must cover the point, in the order of the forward pass. */
export function blocksOf(who: string, groups: unknown, rule: BlockRule, length: number): Block[] {
  const named = expectParameterGroups(who, groups, length);
  const covered = named.reduce((sum, { start, end }) => sum + end - start, 0);
  if (covered !== length) {
    throw new ShapeError(complaint(who, `groups that cover the point's ${length} coordinates`, `${covered}`));
  }
  if (rule === "layer") return splitBefore(named, (group) => group.role === "weight");
  if (rule === "module") return splitBefore(named, (group, last) => moduleOf(group) !== moduleOf(last));
  return namedBlocks(who, named, rule);
}

function splitBefore(groups: readonly Group[], begins: (group: Group, last: Group) => boolean): Block[] {
  const blocks: Group[][] = [];
  for (const group of groups) {
    const block = blocks.at(-1);
    if (block === undefined || begins(group, block.at(-1)!)) blocks.push([group]);
    else block.push(group);
  }
  return blocks.map((members) => ({ name: moduleOf(members[0]!), groups: members }));
}

/** Returns "1" for "1.gamma". A name without a path is its own module. */
function moduleOf(group: Group): string {
  const dot = group.name.lastIndexOf(".");
  return dot < 0 ? group.name : group.name.slice(0, dot);
}

function namedBlocks(who: string, groups: readonly Group[], lists: unknown): Block[] {
  const words = '"layer", "module" or lists of names of groups';
  if (!Array.isArray(lists) || !lists.every(Array.isArray)) {
    throw new TypeError(complaint(who, `blocks to be ${words}`, show(lists)));
  }
  const byName = new Map(groups.map((group) => [group.name, group]));
  const blocks = (lists as unknown[][]).map((names, i) => {
    if (names.length === 0) throw new RangeError(complaint(who, `blocks[${i}] to name at least 1 group`, "0"));
    const members = names.map((name) => {
      const group = byName.get(name as string);
      byName.delete(name as string);
      if (group !== undefined) return group;
      throw new RangeError(complaint(who, "blocks that name each group once", `${show(name)} in blocks[${i}]`));
    });
    return { name: moduleOf(members[0]!), groups: members };
  });
  const [left] = byName.keys();
  if (left !== undefined) throw new RangeError(complaint(who, "each group in a block", `${show(left)} in none`));
  return blocks;
}
