/** signals: values and gradients of a deep network at initialization. */
import { modelObjective, Random, softmaxCrossEntropy, Tensor } from "batchnorm";
import { gradientNorms, signalPropagation } from "batchnorm/probes";
import { buildNetwork } from "../networks.js";

export interface SignalsSetup {
  readonly network: "plain" | "batch norm";
  readonly activation: "ReLU" | "none" | "tanh";
  readonly seed: number;
  readonly layers: number;
  readonly width: number;
  readonly batch: number;
}

export interface Signals {
  readonly growth: number;
  /** Squared gradient norm by hidden layer, starting at the input. */
  readonly energies: readonly number[];
  readonly ranks: readonly number[];
}

export async function signals({ network, activation, seed, layers, width, batch }: SignalsSetup): Promise<Signals> {
  const random = new Random(seed);
  const spec = { network, activation, hidden: layers, width, dtype: "float64" } as const;
  const { model, hidden } = buildNetwork(spec, [width], 10, random.fork("weights"));
  const input = Tensor.normal([batch, width], { random: random.fork("inputs"), dtype: "float64" });
  const labels = random.fork("labels");
  const target = Array.from({ length: batch }, () => labels.integer(10));

  const { objective, point, groups } = modelObjective(model, { input, target }, softmaxCrossEntropy, { mode: "probe" });
  const report = await gradientNorms(objective, point, { groups });
  const weights = report.groups.filter(({ role }) => role === "weight").slice(0, -1);
  const places = new Set(hidden.map(({ preActivation }) => preActivation));
  const ranks: number[] = [];
  model.forward(input, {
    mode: "probe",
    observe: (path, output) => {
      if (places.has(path)) ranks.push(signalPropagation(output).effectiveRank ?? NaN);
    },
  });
  return { growth: report.growth ?? NaN, energies: weights.map(({ energy }) => energy), ranks };
}
