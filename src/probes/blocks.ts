/** Blocks: what moves together when internal covariate shift is measured, in the order of the forward pass. */

import { complaint, ShapeError, show } from "../core/errors.js";
import type { Group } from "../objective/objective.js";
import { expectGroups } from "./groups.js";
import type { Stretch } from "./stretches.js";

/** Some parameters that move together. */
export interface Block {
  /** The path of its first layer. */
  readonly name: string;
  readonly groups: readonly Group[];
}

/**
 * How parameters are put into blocks.
 *
 * - `"layer"`: a weight with all that follows it up to the next weight: a Dense together with the norm behind it
 * - `"module"`: the parameters of one module, so that the gamma and beta of a norm are a block of their own
 * - a list of blocks, each a list of names of groups
 */
export type BlockRule = "layer" | "module" | readonly (readonly string[])[];

/** Puts each group into exactly one block. The groups must cover the point, in the order of the forward pass. */
export function blocksOf(who: string, groups: unknown, rule: BlockRule, length: number): Block[] {
  const named = expectGroups(who, groups, length);
  const covered = named.reduce((sum, { start, end }) => sum + end - start, 0);
  if (covered !== length) {
    throw new ShapeError(complaint(who, `groups that cover the point's ${length} coordinates`, `${covered}`));
  }
  if (rule === "layer") return splitBefore(named, (group) => group.role === "weight");
  if (rule === "module") return splitBefore(named, (group, last) => moduleOf(group) !== moduleOf(last));
  return givenBlocks(who, named, rule);
}

/** The stretches that are measured inside a block: its matrices, those with their biases, everything. Null where it has none. */
export function measuredGroups(block: Block): {
  readonly weight: readonly Stretch[] | null;
  readonly linear: readonly Stretch[] | null;
  readonly all: readonly Stretch[];
} {
  const some = (...roles: readonly Group["role"][]): readonly Group[] | null => {
    const found = block.groups.filter((group) => roles.includes(group.role));
    return found.length === 0 ? null : found;
  };
  return { weight: some("weight"), linear: some("weight", "bias"), all: block.groups };
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

/** "1" for "1.gamma"; a name without a path is a module of its own. */
function moduleOf(group: Group): string {
  const dot = group.name.lastIndexOf(".");
  return dot < 0 ? group.name : group.name.slice(0, dot);
}

function givenBlocks(who: string, groups: readonly Group[], lists: unknown): Block[] {
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
