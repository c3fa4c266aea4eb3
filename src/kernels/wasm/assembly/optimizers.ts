/** Optimizer steps on one parameter, in place. */

import { endOf } from "./vectors";

/**
 * g = gradient + weightDecay values; v = momentum v + g; values -= learningRate (g | v | g + momentum v), where velocity 0
 * means that there is none.
 */
export function sgd<T>(
  values: usize,
  gradient: usize,
  velocity: usize,
  length: i32,
  learningRate: T,
  momentum: T,
  nesterov: bool,
  weightDecay: T,
): void {
  const lr = v128.splat<T>(learningRate);
  const mu = v128.splat<T>(momentum);
  const decay = v128.splat<T>(weightDecay);
  for (const end = endOf<T>(values, length); values < end; values += 16, gradient += 16) {
    const x = v128.load(values);
    let step = v128.add<T>(v128.load(gradient), v128.mul<T>(decay, x));
    if (velocity != 0) {
      const v = v128.add<T>(v128.mul<T>(mu, v128.load(velocity)), step);
      v128.store(velocity, v);
      step = nesterov ? v128.add<T>(step, v128.mul<T>(mu, v)) : v;
      velocity += 16;
    }
    v128.store(values, v128.sub<T>(x, v128.mul<T>(lr, step)));
  }
}

/**
 * g = gradient + added values; m = beta1 m + rest1 g; v = beta2 v + rest2 g²;
 * values = keep values - rate m / (sqrt(v scale) + epsilon)
 */
export function adam<T>(
  values: usize,
  gradient: usize,
  firstMoment: usize,
  secondMoment: usize,
  length: i32,
  beta1: T,
  rest1: T,
  beta2: T,
  rest2: T,
  rate: T,
  scale: T,
  epsilon: T,
  added: T,
  keep: T,
): void {
  const b1 = v128.splat<T>(beta1);
  const r1 = v128.splat<T>(rest1);
  const b2 = v128.splat<T>(beta2);
  const r2 = v128.splat<T>(rest2);
  const lr = v128.splat<T>(rate);
  const s = v128.splat<T>(scale);
  const eps = v128.splat<T>(epsilon);
  const add = v128.splat<T>(added);
  const k = v128.splat<T>(keep);
  const end = endOf<T>(values, length);
  for (; values < end; values += 16, gradient += 16, firstMoment += 16, secondMoment += 16) {
    const x = v128.load(values);
    const g = v128.add<T>(v128.load(gradient), v128.mul<T>(add, x));
    const m = v128.add<T>(v128.mul<T>(b1, v128.load(firstMoment)), v128.mul<T>(r1, g));
    const v = v128.add<T>(v128.mul<T>(b2, v128.load(secondMoment)), v128.mul<T>(v128.mul<T>(r2, g), g));
    v128.store(firstMoment, m);
    v128.store(secondMoment, v);
    const step = v128.div<T>(v128.mul<T>(lr, m), v128.add<T>(v128.sqrt<T>(v128.mul<T>(v, s)), eps));
    v128.store(values, v128.sub<T>(v128.mul<T>(k, x), step));
  }
}
