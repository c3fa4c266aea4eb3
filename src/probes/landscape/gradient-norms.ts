/** Gradient norms: the size of the gradient of each parameter, and how it grows from layer to layer. */

import { exp, log } from "../../core/math.js";
import { type ProbeRules, readProbeOptions } from "../../objective/evaluate.js";
import type { Group, Objective, ProbeOptions } from "../../objective/objective.js";
import { norm } from "../../objective/vector.js";
import { expectParameterGroups } from "../shared/arguments.js";
import type { ProbeReport, Reasons } from "../shared/report.js";
import { ProbeRun } from "../shared/run.js";

/** Options for `gradientNorms`. */
export interface GradientNormsOptions extends ProbeOptions {
  /** The parameters by name, in the order of the forward pass. */
  readonly groups: readonly Group[];
}

const gradientNormsRules = { groups: { kind: "any" } } as const satisfies ProbeRules<GradientNormsOptions>;

/** The gradient of one parameter. */
export interface GradientNormOfGroup {
  readonly name: string;
  readonly role: Group["role"];
  /** ||dL/dW||. */
  readonly norm: number;
  /** ||dL/dW||^2, the energy of the gradient. */
  readonly energy: number;
}

/** The report of `gradientNorms`. */
export interface GradientNormsReport extends ProbeReport {
  readonly probe: "gradientNorms";
  readonly loss: number;
  /** ||g|| of the whole gradient. */
  readonly gradNorm: number;
  readonly groups: readonly GradientNormOfGroup[];
  /** The factor by which the energy of the weight gradients grows per layer towards the input. Above 1, gradients explode. */
  readonly growth: number | null;
  /** The reason for each null above, by name. */
  readonly reasons: Reasons;
}

/**
 * Measures the norm of the gradient with respect to each parameter, and how the gradients of the weights grow with depth.
 *
 *     energy_l = ||dL/dW_l||^2        growth = exp(-slope of ln energy_l over l)
 *
 * The growth is a least-squares fit over the weights. The first two and the last two are excluded, because layers at the ends
 * have different shapes and neighbors.
 *
 * - **Cost**: one evaluation
 * - **Source**: Yang, Pennington, Rao, Sohl-Dickstein & Schoenholz 2019, who found 1.47 per layer with batch norm and ReLU at
 *   initialization
 *
 * @throws {TypeError | RangeError | ShapeError} if groups or point are invalid, or loss or gradient is not finite
 * @example
 * const bowl: Objective = (p) => ({ loss: 0.5 * (p[0]! ** 2 + 9 * p[1]! ** 2), gradient: Float64Array.of(p[0]!, 9 * p[1]!) });
 * const groups: Group[] = [
 *   { name: "0.weight", role: "weight", shape: [1, 1], start: 0, end: 1 },
 *   { name: "0.bias", role: "bias", shape: [1], start: 1, end: 2 },
 * ];
 * const report = await gradientNorms(bowl, Float64Array.of(3, 1), { groups });
 * report.groups.map((group) => group.norm); // => [3, 9]
 */
export async function gradientNorms(
  objective: Objective,
  point: Float64Array,
  options: GradientNormsOptions,
): Promise<GradientNormsReport> {
  const who = "gradientNorms";
  const read = readProbeOptions(who, options, gradientNormsRules);
  const run = new ProbeRun(who, objective, point, read, 1);
  const groups = expectParameterGroups(who, read.groups, point.length);
  const { loss, gradient } = await run.finiteAt(run.point);
  const norms = groups.map(({ name, role, start, end }) => {
    const size = norm(gradient.subarray(start, end));
    return { name, role, norm: size, energy: size ** 2 };
  });
  const weights = norms.filter((group) => group.role === "weight");
  const growth = growthOf(weights.slice(2, -2).map((group) => group.energy));
  return {
    ...run.describe(who, { gradNorm: "exact", groups: "exact", growth: "estimate" }),
    loss,
    gradNorm: norm(gradient),
    groups: norms,
    growth,
    reasons:
      growth === null ? { growth: "fewer than 2 weights lie between the two at each end, or one has no gradient" } : {},
  };
}

/** Returns exp(-slope) of the least-squares line through ln energy. */
function growthOf(energies: readonly number[]): number | null {
  if (energies.length < 2 || energies.some((energy) => energy === 0)) return null;
  const middle = (energies.length - 1) / 2;
  let [rise, run] = [0, 0];
  energies.forEach((energy, l) => {
    rise += (l - middle) * log(energy);
    run += (l - middle) ** 2;
  });
  return exp(-rise / run);
}
