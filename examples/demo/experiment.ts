/** The experiment: which networks are trained, and how. All of its constants are here. */

export const HIDDEN_LAYERS = 3;
export const WIDTH = 64;
export const BATCH_SIZE = 64;

/** Steps between measurements of the test accuracy. */
export const TEST_EVERY = 10;
/** Steps between probes of the hidden values and the loss landscape. */
export const PROBE_EVERY = 20;
/** Number of training images used for probing. They are always the same, because values differ between images anyway. */
export const PROBE_IMAGES = 256;
/** Distances probed along the gradient, in learning rates. */
export const DISTANCES: readonly number[] = [0.01, 0.1, 0.5, 1, 2, 4];
/** The distances over which the bands extend, as in figure 4 of Santurkar et al. 2018. */
export const BAND: readonly number[] = [0.5, 1, 2, 4];
/** The steps at which the table shows the test accuracy. */
export const MILESTONES: readonly number[] = [50, 200, 600];
/** VGG-13/8 trains for this share of the steps, because one of its steps takes much longer. */
export const IMAGE_STEPS_SHARE = 1 / 4;
/** A run stops as diverged if its batch loss exceeds this or is not finite. Uniform guessing has loss ln 10 = 2.3. */
export const DIVERGED_LOSS = 1000;

export type Activation = "sigmoid" | "ReLU";
export type Network = "plain" | "batch norm";
export const NETWORKS: readonly Network[] = ["plain", "batch norm"];

/** A setting in which the two networks are compared. */
export interface Condition {
  readonly activation: Activation;
  readonly learningRate: number;
}

export const CONDITIONS: readonly Condition[] = [
  { activation: "sigmoid", learningRate: 0.1 },
  { activation: "sigmoid", learningRate: 2 },
  { activation: "ReLU", learningRate: 0.1 },
  { activation: "ReLU", learningRate: 2 },
];

/** One network to train. The seed fixes the split, initial weights and batches, which are the same for both networks. */
export interface Job extends Condition {
  readonly network: Network;
  readonly seed: number;
  readonly steps: number;
}

/** Returns all networks to train, seed by seed. */
export function planJobs(seeds: number, steps: number): Job[] {
  return Array.from({ length: seeds }, (_, index) => index + 1).flatMap((seed) =>
    CONDITIONS.flatMap((condition) => NETWORKS.map((network) => ({ ...condition, network, seed, steps }))),
  );
}

/** Returns the name of a condition, as in "sigmoid, learning rate 0.1". */
export function nameOf({ activation, learningRate }: Condition): string {
  return `${activation}, learning rate ${learningRate}`;
}
