/** The experiment: which networks are trained on images, and how. All of its constants are here. */
import { type Network, NETWORKS } from "../demo/experiment.js";

export const LEARNING_RATE = 0.1;
export const BATCH_SIZE = 64;
export const STEPS = 600;

/** Steps between measurements of the test accuracy. */
export const TEST_EVERY = 20;
/** Test images used during training. At its end, all are used. */
export const TEST_IMAGES = 1000;
/** Steps between probes of the loss landscape. */
export const PROBE_EVERY = 20;
/** The steps at which the table shows the test accuracy. */
export const MILESTONES: readonly number[] = [20, 100, 200, 400, 600];
/** A run stops as diverged if its batch loss exceeds this or is not finite. Uniform guessing has loss ln 10 = 2.3. */
export const DIVERGED_LOSS = 1000;

export const ARCHITECTURES = ["vgg", "resnet"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** Names of the architectures. "/8" is the number of channels in the first layers: an eighth of a VGG's, half of a ResNet-20's. */
export const NAMES: Readonly<Record<Architecture, string>> = { vgg: "VGG-13/8", resnet: "ResNet-20/8" };

/** Returns the jobs for some architectures: each without and with batch norm. */
export function planJobs(architectures: readonly Architecture[], seed: number, steps: number): Job[] {
  return architectures.flatMap((architecture) =>
    NETWORKS.map((network): Job => ({ architecture, network, seed, steps })),
  );
}

/** One network to train. The seed fixes the initial weights and the batches, which are the same with and without batch norm. */
export interface Job {
  readonly architecture: Architecture;
  readonly network: Network;
  readonly seed: number;
  readonly steps: number;
}
