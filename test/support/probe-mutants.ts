/**
 * The two probes of gradients once more, in a few plain lines, each with one mistake that was found in published
 * reproductions. The tests must tell every one of them from the right probe.
 */
import type { Evaluation, Group, Objective } from "../../src/objective/objective.js";

const FAULTS_ALONG = [
  "none",
  "another batch at the step",
  "no division by the distance",
  "division by the step size alone",
  "absolute value of the cosine",
  "steps of unit length instead of multiples of the gradient",
  "each step from the last point instead of from x",
  "change of the norm instead of norm of the change",
  "sum of both gradients instead of their difference",
  "the last parameter alone",
] as const;
export type FaultAlong = (typeof FAULTS_ALONG)[number];
export const faultsAlong: readonly FaultAlong[] = FAULTS_ALONG.slice(1);

export interface StepAlong {
  readonly loss: number;
  readonly gradientChange: number;
  readonly gradientCosine: number;
  readonly beta: number;
  readonly gain: number;
}

/** The profile along the gradient, with a fault. `other` is the same network on another batch. */
export async function profileWith(
  fault: FaultAlong,
  objective: Objective,
  other: Objective,
  point: Float64Array,
  stepSizes: readonly number[],
): Promise<StepAlong[]> {
  const { loss, gradient: g } = await objective(point);
  const profile: StepAlong[] = [];
  let from = point;
  for (const stepSize of stepSizes) {
    const factor =
      fault === "steps of unit length instead of multiples of the gradient" ? stepSize / size(g) : stepSize;
    const y = from.map((value, i) => value - factor * g[i]!);
    if (fault === "each step from the last point instead of from x") from = y;
    const there = await (fault === "another batch at the step" ? other : objective)(y);
    const change = changeWith(fault, g, there.gradient);
    const cosine = inner(g, there.gradient) / (size(g) * size(there.gradient));
    const distance =
      fault === "no division by the distance"
        ? 1
        : fault === "division by the step size alone"
          ? stepSize
          : stepSize * size(g);
    profile.push({
      loss: there.loss,
      gradientChange: change,
      gradientCosine: fault === "absolute value of the cosine" ? Math.abs(cosine) : cosine,
      beta: change / distance,
      gain: (loss - there.loss) / (stepSize * size(g) ** 2),
    });
  }
  return profile;
}

function changeWith(fault: FaultAlong, before: Float64Array, after: Float64Array): number {
  if (fault === "change of the norm instead of norm of the change") return Math.abs(size(after) - size(before));
  if (fault === "the last parameter alone") return Math.abs(after.at(-1)! - before.at(-1)!);
  const sign = fault === "sum of both gradients instead of their difference" ? 1 : -1;
  return size(after.map((value, i) => value + sign * before[i]!));
}

const FAULTS_SHIFT = [
  "none",
  "another batch after the move",
  "the measured layer moved too",
  "the layers above moved too",
  "nothing but the layer directly below moved",
  "absolute value of the cosine",
  "relative to the gradient at the other point",
  "sum of both gradients instead of their difference",
] as const;
export type FaultShift = (typeof FAULTS_SHIFT)[number];
export const faultsShift: readonly FaultShift[] = FAULTS_SHIFT.slice(1);

export interface LayerShift {
  readonly difference: number;
  readonly relativeDifference: number;
  readonly cosine: number;
}

/** Internal covariate shift of a network with one group a layer, with a fault. */
export async function shiftWith(
  fault: FaultShift,
  objective: Objective,
  other: Objective,
  point: Float64Array,
  groups: readonly Group[],
  learningRate: number,
): Promise<LayerShift[]> {
  const before = await objective(point);
  const shifts: LayerShift[] = [];
  for (const [i, { start, end }] of groups.entries()) {
    const moves = (k: number): boolean => {
      const layer = groups.findIndex((group) => k < group.end);
      if (fault === "the measured layer moved too") return layer <= i;
      if (fault === "the layers above moved too") return layer !== i;
      if (fault === "nothing but the layer directly below moved") return layer === i - 1;
      return layer < i;
    };
    const mixed = point.map((value, k) => (moves(k) ? value - learningRate * before.gradient[k]! : value));
    const after: Evaluation = await (fault === "another batch after the move" ? other : objective)(mixed);
    const g = before.gradient.subarray(start, end);
    const gPrime = after.gradient.subarray(start, end);
    const sign = fault === "sum of both gradients instead of their difference" ? 1 : -1;
    const difference = size(g.map((value, k) => value + sign * gPrime[k]!));
    const cosine = inner(g, gPrime) / (size(g) * size(gPrime));
    shifts.push({
      difference,
      relativeDifference: difference / size(fault === "relative to the gradient at the other point" ? gPrime : g),
      cosine: fault === "absolute value of the cosine" ? Math.abs(cosine) : cosine,
    });
  }
  return shifts;
}

function inner(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function size(a: Float64Array): number {
  return Math.sqrt(inner(a, a));
}
