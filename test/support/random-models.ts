/** Random models for property tests: any depth, nesting, layers and options, all decided by one seed. */
import {
  AveragePool2d,
  BatchNorm,
  Conv2d,
  Dense,
  Flatten,
  GlobalAveragePool,
  type Layer,
  LeakyReLU,
  MaxPool2d,
  Random,
  ReLU,
  Residual,
  Sequential,
  Tanh,
  type Tensor,
} from "batchnorm";
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
  // A stream of its own: the other models stay as they are.
  const extra = random.fork("images and branches");
  const images = extra.uniform() < 0.3 ? randomConvolutions(extra) : undefined;
  const inputs = 1 + random.integer(4);
  let features = images?.features ?? inputs;
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
      else if (depth < 2) layers.push(extra.uniform() < 0.5 ? branches(depth + 1) : row(depth + 1));
    }
    if (layers.length === 0) layers.push(norm());
    return new Sequential(layers);
  };
  /** A Residual around a row, with a projection if that changes the number of features. */
  const branches = (depth: number): Layer => {
    const entered = features;
    const body = row(depth);
    if (features === entered) return new Residual({ body });
    return new Residual({
      body,
      projection: new Dense({ inputs: entered, outputs: features, random: extra, dtype: "float64" }),
    });
  };
  // At least one batch norm, with a Dense before it.
  const model = new Sequential([...(images?.layers ?? []), row(0), dense(), norm(), row(0)]);
  const shape = images?.shape ?? [inputs];
  const input = (rows: number): Tensor => ordinary([rows, ...shape], random);
  return { model: settle(model, [9, ...shape], random), input, random };
}

/** Layers from images to rows of features. */
interface Convolutions {
  /** The shape of an image. */
  readonly shape: readonly number[];
  readonly layers: readonly Layer[];
  readonly features: number;
}

/** One or two convolutions with everything that may be around them, then Flatten or an average over all pixels. */
function randomConvolutions(random: Random): Convolutions {
  const chance = (share: number): boolean => random.uniform() < share;
  const shape = [1 + random.integer(2), 3 + random.integer(3), 3 + random.integer(3)];
  let [channels, height, width] = shape as [number, number, number];
  const conv = (outputs: number, options: { size: number; stride: number; padding: number | "same" }): Conv2d =>
    new Conv2d({ inputs: channels, outputs, ...options, bias: chance(0.5), random, dtype: "float64" });
  const norm = (): Layer => new BatchNorm({ features: channels, axis: chance(0.5) ? 1 : -3, dtype: "float64" });
  const layers: Layer[] = chance(0.3) ? [norm()] : [];
  for (let count = 1 + random.integer(2); count > 0; count--) {
    const outputs = 1 + random.integer(3);
    const size = Math.min(height, width, 1 + random.integer(3));
    const stride = 1 + random.integer(2);
    // A window of one pixel over zeros has the same output for every batch: a feature that does not vary.
    const padding = chance(0.4) ? "same" : size > 1 ? random.integer(2) : 0;
    const layer = conv(outputs, { size, stride, padding });
    const length = (pixels: number): number =>
      padding === "same" ? Math.ceil(pixels / stride) : Math.floor((pixels + 2 * padding - size) / stride) + 1;
    [channels, height, width] = [outputs, length(height), length(width)];
    layers.push(layer);
    if (chance(0.7)) layers.push(norm());
    if (chance(0.6)) layers.push(chance(0.5) ? new ReLU() : new Tanh());
    if (chance(0.4)) {
      const body = new Sequential([conv(channels, { size: 3, stride: 1, padding: "same" }), norm(), new Tanh()]);
      layers.push(new Residual({ body }));
    }
    if (chance(0.5) && Math.min(height, width) >= 2) {
      const options = { size: 2, padding: random.integer(2) };
      layers.push(chance(0.5) ? new MaxPool2d(options) : new AveragePool2d(options));
      [height, width] = [height, width].map((pixels) => Math.floor((pixels + 2 * options.padding - 2) / 2) + 1) as [
        number,
        number,
      ];
      if (chance(0.3)) layers.push(norm());
    }
  }
  if (chance(0.5)) return { shape, layers: [...layers, new GlobalAveragePool()], features: channels };
  return { shape, layers: [...layers, new Flatten()], features: channels * height * width };
}
