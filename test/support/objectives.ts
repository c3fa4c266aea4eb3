/** Objectives whose answers are known: written by hand, in plain loops, so that no part of the library checks itself. */
import type { Group, Objective } from "../../src/objective/objective.js";
import { Random } from "../../src/core/random.js";

/** L(x) = x'Hx/2 + b'x, for a symmetric H. Its Hessian is H everywhere. */
export function quadratic(h: readonly (readonly number[])[], b: readonly number[] = h.map(() => 0)): Objective {
  return (x) => {
    const gradient = Float64Array.from(h, (row, i) => row.reduce((sum, value, j) => sum + value * x[j]!, b[i]!));
    const loss = gradient.reduce((sum, slope, i) => sum + (x[i]! * (slope + b[i]!)) / 2, 0);
    return { loss, gradient };
  };
}

/** The quadratic with a diagonal Hessian. */
export function bowl(...eigenvalues: number[]): Objective {
  return quadratic(eigenvalues.map((value, i) => eigenvalues.map((_, j) => (i === j ? value : 0))));
}

/** The quadratic whose Hessian has these eigenvalues, in a random basis. */
export function turnedBowl(eigenvalues: readonly number[], seed: number): Objective {
  return quadratic(turnedMatrix(eigenvalues, seed));
}

/** A symmetric matrix with the given eigenvalues: a diagonal one, reflected in five random directions. */
export function turnedMatrix(eigenvalues: readonly number[], seed: number): number[][] {
  const random = new Random(seed);
  let matrix = eigenvalues.map((value, i) => eigenvalues.map((_, j) => (i === j ? value : 0)));
  for (let turn = 0; turn < 5; turn++) {
    const v = eigenvalues.map(() => random.normal());
    const square = v.reduce((sum, value) => sum + value * value, 0);
    const reflection = v.map((a, i) => v.map((b, j) => (i === j ? 1 : 0) - (2 * a * b) / square));
    matrix = product(product(reflection, matrix), reflection);
  }
  return matrix.map((row, i) => row.map((value, j) => (value + matrix[j]![i]!) / 2));
}

function product(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number[][] {
  return a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)));
}

/** L(x) = c'x: the gradient never changes. */
export function linear(...c: number[]): Objective {
  return (x) => ({ loss: c.reduce((sum, slope, i) => sum + slope * x[i]!, 0), gradient: Float64Array.from(c) });
}

/** L(x) = sum |x_i|: a kink at 0 and no curvature elsewhere. */
export const absoluteValue: Objective = (x) => ({
  loss: x.reduce((sum, value) => sum + Math.abs(value), 0),
  gradient: x.map(Math.sign),
});

/** L(x) = x^2/2 up to |x| = 10; beyond it the loss is `lost` and the gradient NaN, like a model that has diverged. */
export function cliff(lost: number): Objective {
  return (x) =>
    x.every((value) => Math.abs(value) <= 10)
      ? { loss: x.reduce((sum, value) => sum + (value * value) / 2, 0), gradient: x.slice() }
      : { loss: lost, gradient: x.map(() => NaN) };
}

/** A model as an objective, with the point that it starts from and the names of its parameters. */
export interface HandMadeModel {
  readonly objective: Objective;
  readonly point: Float64Array;
  readonly groups: readonly Group[];
}

/** Groups that lie one behind the other. */
export function groupsOf(
  ...parts: readonly (readonly [name: string, role: Group["role"], shape: readonly number[]])[]
): Group[] {
  let start = 0;
  return parts.map(([name, role, shape]) => {
    const end = start + shape.reduce((size, each) => size * each, 1);
    const group = { name, role, shape, start, end };
    start = end;
    return group;
  });
}

/**
 * f(X) = X W w with the mean of squares against (1, 0): two linear layers, worked out by hand.
 * X = [[1,2],[3,1]], W = identity, w = (1,-1). L = 4, the gradient of W is [[4,-4],[-2,2]], that of w (4,-2).
 */
export function twoLinearLayers(): HandMadeModel {
  const x = [
    [1, 2],
    [3, 1],
  ];
  const targets = [1, 0];
  return {
    groups: groupsOf(["0.weight", "weight", [2, 2]], ["1.weight", "weight", [2, 1]]),
    point: Float64Array.of(1, 0, 0, 1, 1, -1),
    objective: ([w00, w01, w10, w11, v0, v1]) => {
      let loss = 0;
      const gradient = new Float64Array(6);
      for (let i = 0; i < 2; i++) {
        const [a, b] = x[i] as [number, number];
        const h0 = a * w00! + b * w10!;
        const h1 = a * w01! + b * w11!;
        const error = h0 * v0! + h1 * v1! - targets[i]!;
        loss += (error * error) / 2;
        gradient[0]! += error * v0! * a;
        gradient[1]! += error * v1! * a;
        gradient[2]! += error * v0! * b;
        gradient[3]! += error * v1! * b;
        gradient[4]! += error * h0;
        gradient[5]! += error * h1;
      }
      return { loss, gradient };
    },
  };
}

/**
 * L(w) = (w_1 w_2 ... w_k - 1)^2 / 2: a deep linear network of one unit a layer. The gradient of layer i is (p - 1) p / w_i,
 * with p the product.
 */
export function linearChain(...weights: number[]): HandMadeModel {
  return {
    groups: groupsOf(...weights.map((_, i) => [`${i}.weight`, "weight", [1, 1]] as const)),
    point: Float64Array.from(weights),
    objective: (w) => {
      const p = w.reduce((product, value) => product * value, 1);
      return { loss: (p - 1) ** 2 / 2, gradient: w.map((value) => ((p - 1) * p) / value) };
    },
  };
}
