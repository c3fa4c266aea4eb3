/** sampleVariance: the share of the signal that varies with the input, by depth, in a network at initialization. */
import { Random, Tensor } from "batchnorm";
import { buildNetwork } from "../networks.js";

export interface SampleVarianceSetup {
  readonly network: "plain" | "batch norm";
  readonly seed: number;
  readonly layers: number;
  readonly width: number;
  readonly inputs: number;
}

export interface SampleVariance {
  /** The share before the activation of each layer. */
  readonly before: readonly number[];
  /** The share after the activation of each layer. */
  readonly after: readonly number[];
}

export function sampleVariance({ network, seed, layers, width, inputs }: SampleVarianceSetup): Promise<SampleVariance> {
  const random = new Random(seed);
  const spec = { network, hidden: layers, width, activation: "ReLU" } as const;
  const { model, hidden } = buildNetwork(spec, [width], 10, random.fork("weights"));
  const shares = new Map<string, number>();
  model.forward(Tensor.normal([inputs, width], { random: random.fork("inputs") }), {
    mode: "probe",
    observe: (path, output) => {
      const { moment, variance } = meanMoments(output);
      shares.set(path, variance / moment);
    },
  });
  return Promise.resolve({
    before: hidden.map(({ preActivation }) => shares.get(preActivation)!),
    after: hidden.map(({ layerInput }) => shares.get(layerInput)!),
  });
}

/** Returns the second moment and the variance of the units over the rows, each averaged over the units. */
export function meanMoments({ data, shape }: Tensor): { readonly moment: number; readonly variance: number } {
  const [rows, units] = shape as [number, number];
  let [squares, squaredMeans] = [0, 0];
  for (let unit = 0; unit < units; unit++) {
    let sum = 0;
    for (let i = unit; i < data.length; i += units) {
      sum += data[i]!;
      squares += data[i]! ** 2;
    }
    squaredMeans += (sum / rows) ** 2;
  }
  const moment = squares / (rows * units);
  return { moment, variance: moment - squaredMeans / units };
}

/** Returns the share after the activation of each layer that theory predicts for infinite width: 1 - c. */
export function predictedShares(layers: number): number[] {
  const shares: number[] = [];
  // The cosine between the hidden values of two independent inputs: 0 for the inputs themselves.
  let c = 0;
  for (let layer = 0; layer < layers; layer++) {
    c = (Math.sqrt(1 - c * c) + c * (Math.PI - Math.acos(c))) / Math.PI;
    shares.push(1 - c);
  }
  return shares;
}
