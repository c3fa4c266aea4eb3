/** Optimizer steps on one parameter, in place. */

import { expectAdam, expectSGD } from "../checks.js";
import type { AdamArguments, SGDArguments } from "../types.js";

/**
 * Takes one step of stochastic gradient descent.
 *
 * This is the plain kernel, written for reading; `defaultKernels().sgd` is the fast one.
 *
 * ```
 * g = gradient + weightDecay values
 * v = momentum v + g                                 (momentum > 0)
 * values -= learningRate (g | v | g + momentum v)    (no momentum | momentum | Nesterov)
 * ```
 *
 * - **Source**: Sutskever et al. 2013, in PyTorch's form: the velocity does not contain the learning rate
 */
export function sgd(args: SGDArguments): void {
  expectSGD("sgd", args);
  const { values, gradient, velocity, learningRate, momentum, nesterov, weightDecay } = args;
  for (let i = 0; i < values.length; i++) {
    let step = gradient[i]! + weightDecay * values[i]!;
    if (velocity !== undefined) {
      const v = momentum * velocity[i]! + step;
      velocity[i] = v;
      step = nesterov ? step + momentum * v : v;
    }
    values[i]! -= learningRate * step;
  }
}

/**
 * Takes one step of Adam, or of AdamW if the decay is decoupled.
 *
 * This is the plain kernel, written for reading; `defaultKernels().adam` is the fast one.
 *
 * ```
 * g = gradient (+ weightDecay values: Adam)      values *= 1 - learningRate weightDecay (AdamW)
 * m = beta1 m + (1 - beta1) g                    v = beta2 v + (1 - beta2) g²
 * values -= learningRate (m / correction1) / (sqrt(v / correction2) + epsilon)
 * ```
 *
 * - **Source**: Kingma & Ba 2015, algorithm 1 (arXiv:1412.6980); Loshchilov & Hutter 2019 (arXiv:1711.05101)
 */
export function adam(args: AdamArguments): void {
  expectAdam("adam", args);
  const { values, gradient, firstMoment, secondMoment, learningRate, beta1, beta2, correction1, correction2 } = args;
  const { epsilon, weightDecay, decoupled } = args;
  const keep = decoupled ? 1 - learningRate * weightDecay : 1;
  const added = decoupled ? 0 : weightDecay;
  for (let i = 0; i < values.length; i++) {
    const g = gradient[i]! + added * values[i]!;
    const m = beta1 * firstMoment[i]! + (1 - beta1) * g;
    const v = beta2 * secondMoment[i]! + (1 - beta2) * g * g;
    firstMoment[i] = m;
    secondMoment[i] = v;
    values[i] = keep * values[i]! - (learningRate * (m / correction1)) / (Math.sqrt(v / correction2) + epsilon);
  }
}
