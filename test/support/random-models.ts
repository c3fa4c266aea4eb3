/** Random models for property tests: any depth, nesting, layers and options, all decided by one seed. */
import { BatchNorm, Dense, type Layer, LeakyReLU, Random, ReLU, Sequential, Tanh, type Tensor } from "batchnorm";
import { BatchRenorm, GhostBatchNorm } from "batchnorm/variants";
import { ordinary, settle } from "./samples.js";

/** A model, away from its initial values, and what fits it. */
export interface RandomModel {
  readonly model: Sequential;
  /** A new input of that many rows. */
  readonly input: (rows: number) => Tensor;
  readonly random: Random;
}

/** The same seed gives the same model. All in double precision. */
export function randomModel(seed: number): RandomModel {
  const random = new Random(seed);
  const inputs = 1 + random.integer(4);
  let features = inputs;
  const chance = (share: number): boolean => random.uniform() < share;
  const dense = (): Layer => {
    const outputs = 1 + random.integer(5);
    const layer = new Dense({ inputs: features, outputs, bias: chance(0.6), random, dtype: "float64" });
    features = outputs;
    return layer;
  };
  const norm = (): Layer => {
    const options = {
      features,
      axis: chance(0.5) ? 1 : -1,
      epsilon: chance(0.3) ? 0.1 : 1e-5,
      momentum: chance(0.2) ? null : 0.3,
      scale: chance(0.8),
      center: chance(0.8),
      varianceEstimator: chance(0.5) ? "biased" : "unbiased",
      dtype: "float64",
    } as const;
    const kind = random.uniform();
    if (kind < 0.1) return new GhostBatchNorm({ ...options, groupSize: 3 });
    return kind < 0.2 ? new BatchRenorm(options) : new BatchNorm(options);
  };
  const activation = (): Layer => [new ReLU(), new Tanh(), new LeakyReLU({ slope: 0.2 })][random.integer(3)]!;
  const row = (depth: number): Sequential => {
    const layers: Layer[] = [];
    const length = 1 + random.integer(5);
    for (let i = 0; i < length; i++) {
      const kind = random.uniform();
      if (kind < 0.3) layers.push(dense());
      else if (kind < 0.65) layers.push(norm());
      else if (kind < 0.85) layers.push(activation());
      else if (depth < 2) layers.push(row(depth + 1));
    }
    if (layers.length === 0) layers.push(norm());
    return new Sequential(layers);
  };
  // At least one batch norm, with a Dense before it.
  const model = new Sequential([row(0), dense(), norm(), row(0)]);
  const input = (rows: number): Tensor => ordinary([rows, inputs], random);
  return { model: settle(model, [9, inputs], random), input, random };
}
