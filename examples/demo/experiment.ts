/** The experiment: which networks are trained, and how. All of its numbers stand here. */

export const HIDDEN_LAYERS = 3;
export const WIDTH = 64;
export const BATCH_SIZE = 64;

/** Test accuracy is measured each time that many steps are done. */
export const TEST_EVERY = 10;
/** Hidden values and the loss landscape are measured each time that many steps are done. */
export const PROBE_EVERY = 20;
/** On the same images of the training set each time: values seen on different images would differ even if nothing moved. */
export const PROBE_IMAGES = 256;
/** How far the probe looks along the gradient, in learning rates. */
export const DISTANCES: readonly number[] = [0.01, 0.1, 0.5, 1, 2, 4];
/** The distances whose minimum and maximum make the bands: those of Santurkar et al. 2018, figure 4. */
export const BAND: readonly number[] = [0.5, 1, 2, 4];
/** The steps whose test accuracy goes into the table. */
export const MILESTONES: readonly number[] = [50, 200, 600];
/** A batch loss above this, or none that is finite, ends a run as diverged; a uniform guess has ln 10 = 2.3. */
export const DIVERGED_LOSS = 1000;

export type Activation = "sigmoid" | "ReLU";
export type Network = "plain" | "batch norm";
export const NETWORKS: readonly Network[] = ["plain", "batch norm"];

/** What the two networks of a comparison share. */
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

/** One network to train. The seed fixes split, initial weights and batches: the same for every network. */
export interface Job extends Condition {
  readonly network: Network;
  readonly seed: number;
  readonly steps: number;
}

/** All networks to train, seed after seed. */
export function planJobs(seeds: number, steps: number): Job[] {
  return Array.from({ length: seeds }, (_, index) => index + 1).flatMap((seed) =>
    CONDITIONS.flatMap((condition) => NETWORKS.map((network) => ({ ...condition, network, seed, steps }))),
  );
}

/** As in "sigmoid, learning rate 0.1". */
export function nameOf({ activation, learningRate }: Condition): string {
  return `${activation}, learning rate ${learningRate}`;
}
