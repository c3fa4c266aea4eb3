/** theorem: both sides of theorem 4.1, on random draws and in a trained network. */
import {
  BatchNorm,
  type Forward,
  type Layer,
  Random,
  Sequential,
  SGD,
  softmaxCrossEntropy,
  type Tensor,
} from "batchnorm";
import { theorem41, type Theorem41Feature } from "batchnorm/probes";
import { batchesOf } from "../../data/digits.js";
import type { Source } from "../data.js";
import { buildNetwork } from "../networks.js";

export interface TheoremSetup {
  readonly seed: number;
  readonly draws: number;
  readonly steps: number;
}

export interface Theorem {
  /** The largest relative error of the identity, over the random draws and over the units of the trained network. */
  readonly identity: number;
  readonly trained: number;
  /** The share of draws that violate the bound, and the share of draws at epsilon 0 that satisfy the printed form. */
  readonly violated: number;
  readonly printedHolds: number;
  /** For the figure: the left side divided by each of the two right sides. */
  readonly shown: readonly { readonly m: number; readonly exact: number; readonly printed: number }[];
}

const EPSILONS = [0, 1e-5, 0.1] as const;
const SHOWN = 300;
/** Relative tolerance for round-off. */
const ROUND_OFF = 1e-9;

export async function theorem(setup: TheoremSetup, source: Source): Promise<Theorem> {
  const random = new Random(setup.seed).fork("draws");
  const found: { m: number; epsilon: number; feature: Theorem41Feature }[] = [];
  for (let i = 0; i < setup.draws; i++) {
    const m = 4 + random.integer(61);
    const epsilon = EPSILONS[i % EPSILONS.length]!;
    const [scale, offset] = [10 ** random.uniform(-2, 2), random.normal(0, 3)];
    const y = Array.from({ length: m }, () => offset + scale * random.normal());
    const gz = Array.from({ length: m }, () => random.normal(0.3));
    const gamma = [random.normal()];
    const { features } = theorem41({ shape: [m, 1], data: y }, { shape: [m, 1], data: gz }, { epsilon, gamma });
    found.push({ m, epsilon, feature: features[0]! });
  }
  const exact = found.filter(({ epsilon }) => epsilon === 0);
  const share = (all: typeof found, holds: (feature: Theorem41Feature) => boolean): number =>
    all.filter(({ feature }) => holds(feature)).length / all.length;
  return {
    identity: Math.max(...found.map(({ feature }) => errorOf(feature))),
    trained: await insideNetwork(setup, source),
    violated: share(found, ({ lhs, rhs }) => lhs! > rhs! * (1 + ROUND_OFF)),
    printedHolds: share(exact, ({ lhs, rhsPrinted }) => lhs! <= rhsPrinted! * (1 + ROUND_OFF)),
    shown: exact.slice(0, SHOWN).map(({ m, feature: { lhs, rhs, rhsPrinted } }) => ({
      m,
      exact: lhs! / rhs!,
      // A negative right side is always violated.
      printed: rhsPrinted! > 0 ? lhs! / rhsPrinted! : Infinity,
    })),
  };
}

function errorOf({ lhs, rhsIdentity }: Theorem41Feature): number {
  return lhs === rhsIdentity ? 0 : Math.abs(lhs! - rhsIdentity!) / lhs!;
}

/** Trains, then checks the gradients at the output and input of every BatchNorm layer. */
function insideNetwork({ seed, steps }: TheoremSetup, source: Source): Promise<number> {
  const random = new Random(seed);
  const { train } = source.split(random.fork("split"));
  const spec = { network: "batch norm", hidden: 8, width: 48, activation: "ReLU", dtype: "float64" } as const;
  const { model } = buildNetwork(spec, source.shape, 10, random.fork("weights"));
  const taps: Tap[] = [];
  const tapped = new Sequential(
    [...model.children.values()].map((layer) => {
      if (!(layer instanceof BatchNorm)) return layer;
      taps.push(new Tap(layer));
      return taps.at(-1)!;
    }),
  );
  const optimizer = new SGD(tapped.parameters, { learningRate: 0.1 });
  const batches = batchesOf(train, 64, random.fork("batches"));
  for (let step = 0; step < steps; step++) {
    const { images, labels } = batches.next().value;
    const { output, backward } = tapped.forward(images.cast("float64"), { mode: "train" });
    const { gradients } = backward(softmaxCrossEntropy(output, labels).gradOutput);
    if (step < steps - 1) optimizer.step(gradients);
  }
  const errors = taps.flatMap(({ norm, input, gradOutput, gradInput }) =>
    theorem41(input!, gradOutput!, {
      epsilon: norm.epsilon,
      gamma: norm.gamma!.value.data,
      gradInput: gradInput!,
      // A dead unit has no gradient on either side.
    }).features.filter(({ lhs }) => lhs! > 0),
  );
  return Promise.resolve(Math.max(0, ...errors.map(errorOf)));
}

/** A BatchNorm layer that records the tensors of its last forward and backward pass. */
class Tap implements Layer {
  readonly norm: BatchNorm;
  readonly parameters: Layer["parameters"];
  readonly statistics: Layer["statistics"];
  input: Tensor | undefined;
  gradOutput: Tensor | undefined;
  gradInput: Tensor | undefined;

  constructor(norm: BatchNorm) {
    this.norm = norm;
    this.parameters = norm.parameters;
    this.statistics = norm.statistics;
  }

  forward(input: Tensor, pass: Parameters<Layer["forward"]>[1]): Forward {
    const { output, backward } = this.norm.forward(input, pass);
    this.input = input;
    return {
      output,
      backward: (gradOutput) => {
        const result = backward(gradOutput);
        this.gradOutput = gradOutput;
        this.gradInput = result.gradInput;
        return result;
      },
    };
  }
}
