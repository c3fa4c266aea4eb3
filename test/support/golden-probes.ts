/** The networks of `golden/probes.json` as objectives of this library, with what PyTorch found there. */
import { modelObjective, softmaxCrossEntropy } from "batchnorm";
import type { Group, Objective } from "../../src/objective/objective.js";
import {
  buildNetwork,
  type GoldenLayer,
  type GoldenTensor,
  load,
  numbersOf,
  readCases,
  tensorOf,
} from "../golden/golden.js";

/** What PyTorch says of a block and a group in it. */
export interface GoldenShift {
  readonly difference: number;
  readonly relativeDifference: number;
  readonly cosine: number;
  readonly normG: number;
  readonly normGPrime: number;
}

interface GoldenProbes {
  readonly id: string;
  readonly layers: readonly GoldenLayer[];
  readonly mode: "probe" | "inference";
  readonly state: Readonly<Record<string, GoldenTensor | number>>;
  readonly input: GoldenTensor;
  readonly labels: GoldenTensor;
  readonly loss: number;
  readonly internalCovariateShift: readonly {
    readonly learningRate: number;
    readonly blocks: readonly {
      readonly name: string;
      readonly lossPrime: number;
      readonly groups: Readonly<Record<string, GoldenShift>>;
    }[];
  }[];
  readonly alongTheGradient: {
    readonly learningRate: number;
    readonly profile: readonly Readonly<Record<string, number>>[];
  } & Readonly<Record<string, number>>;
  readonly curvature: {
    readonly eigenvalues: GoldenTensor;
    readonly trace: number;
    readonly hessianGradient: GoldenTensor;
    readonly rayleighQuotient: number;
  };
}

/** A golden network, ready to be probed. */
export interface GoldenNetwork {
  readonly id: string;
  readonly objective: Objective;
  readonly point: Float64Array;
  readonly groups: readonly Group[];
  readonly golden: GoldenProbes;
}

export const goldenNetworks: readonly GoldenNetwork[] = (readCases("probes.json") as readonly GoldenProbes[]).map(
  (golden) => {
    const model = buildNetwork(golden.layers);
    load(model, golden.state);
    const batch = { input: tensorOf(golden.input), target: numbersOf(golden.labels) };
    const { objective, point, groups } = modelObjective(model, batch, softmaxCrossEntropy, { mode: golden.mode });
    return { id: golden.id, objective, point, groups, golden };
  },
);
