/** inspect: finds common problems of a model, with evidence and a fix for each. */

import { complaint, show } from "../../core/errors.js";
import { type OptionRules, readOptions } from "../../core/options.js";
import type { Kernels } from "../../kernels/types.js";
import type { Layer } from "../../layers/contract.js";
import { expectKernels } from "../../layers/forward.js";
import type { Tensor } from "../../core/tensor.js";
import type { Optimizer } from "../../training/optimizers.js";
import type { Finding } from "./finding.js";
import {
  batchTooSmall,
  deadFeatures,
  largeMomentum,
  nearConstantFeatures,
  staleStatistics,
} from "./feature-findings.js";
import { redundantBiases, weightDecay } from "./parameter-findings.js";
import { expectModel, observedNorms, observeInference, observeLayers } from "../observe.js";
import { countedPart, expectCountedRows } from "../row-masks.js";
import { badNumbers, type LayerSignal, signalByDepth, signalFindings, whereNotFinite } from "./value-findings.js";

/** Options for `inspect`. */
export interface InspectOptions {
  /** The optimizer of the model, to check its weight decay. Default: none. */
  readonly optimizer?: Pick<Optimizer, "parameters" | "weightDecay" | "withoutDecay"> | undefined;
  /** The row weights of the batch, as during training. Rows or positions of weight 0 may have any values. Default: none. */
  readonly rowWeights?: ArrayLike<number> | Tensor | undefined;
  /** The kernel set that does the arithmetic. Default: the fastest available. */
  readonly kernels?: Kernels | undefined;
}

const inspectRules = {
  optimizer: { kind: "any", optional: true },
  rowWeights: { kind: "any", optional: true },
  kernels: { kind: "any", optional: true },
} as const satisfies OptionRules<InspectOptions>;

/** The report of `inspect`. Plain JSON. */
export interface InspectReport {
  readonly tool: "inspect";
  /** The number of rows in the batch. */
  readonly rows: number;
  /** The number of forward passes. */
  readonly passes: number;
  /** The mode of the measurement. "inference" only if the batch is too small for its own statistics. */
  readonly mode: "probe" | "inference";
  /** The findings, most severe first. Empty if there are none. */
  readonly findings: readonly Finding[];
  /** The spread of the rows at the input and output of each layer, in execution order. */
  readonly signal: readonly LayerSignal[];
}

/**
 * Inspects a model with a batch of its training data, and returns findings. The model is unchanged.
 *
 * - **not finite**: NaN or Infinity first appears in the input, a parameter, a statistic or the output of a layer
 * - **batch too small**: a batch norm receives fewer than 16 values per feature, or fewer than 2, which is an error
 * - **exploding signal, vanishing signal**: over all layers with weights, the median growth per layer changes the spread of the
 *   rows by a factor of 1000 or more, or a layer reduces the spread to 0
 * - **running statistics off**: over all features, they are 0.4 standard deviations off and more than chance explains; see
 *   `compareModes`
 * - **large momentum**: above 0.5, perhaps meant as in Keras
 * - **near-constant features**: before a batch norm, the variance is at most epsilon, or lost in the round-off of the mean
 * - **dead features**: an activation returns the same value for every row, from an input at least 4 standard deviations from 0 or
 *   for at least 1000 values
 * - **redundant bias**: a batch norm subtracts the bias of the Dense or Conv2d before it
 * - **weight decay on scale or shift**: weight decay applies to gamma or beta of a layer
 *
 * Further properties:
 *
 * - **Units**: evidence is in words; `signal` is in the units of the values
 * - **Modes**: one pass in mode "inference" and one in mode "probe"
 * - **Numerics**: means, variances and spreads are weighted by `rowWeights`, and values of weight 0 are ignored
 * - **Cost**: two forward passes, and several passes over all their values
 *
 * @throws {TypeError} if a container does not call `observe`, or the optimizer is not an optimizer
 * @throws {RangeError} if the batch is too small for a layer without running statistics, or no row weight is above 0
 * @example
 * const random = new Random(1);
 * const model = new Sequential([new Dense({ inputs: 2, outputs: 3, random }), new BatchNorm({ features: 3 })]);
 * const optimizer = new SGD(model.parameters, { learningRate: 0.1, weightDecay: 0.01 });
 * const { findings } = inspect(model, Tensor.normal([64, 2], { random }), { optimizer });
 * findings.map(({ kind, severity, path }) => [kind, severity, path]);
 * // => [["redundant bias", "note", "0"], ["weight decay on scale or shift", "note", "1"]]
 * findings[0]!.cure;   // => "bias: false"
 */
export function inspect(model: Layer, input: Tensor, options: InspectOptions = {}): InspectReport {
  const who = "inspect";
  expectModel(who, model, input);
  const { optimizer, rowWeights, kernels } = readOptions(who, options, inspectRules);
  expectKernels(who, kernels);
  if (optimizer !== undefined) expectOptimizer(who, optimizer);
  expectCountedRows(who, rowWeights, input);

  const { inference, tracked } = observeInference(model, input, { mode: "inference", kernels, rowWeights });
  const tooSmall = observedNorms(who, model, inference).flatMap(batchTooSmall);
  const normalizes = tooSmall.every(({ severity }) => severity !== "error");
  const ofBatch = normalizes ? observeLayers(model, input, { mode: "probe", kernels, rowWeights }) : undefined;
  const observation = ofBatch ?? (tracked ? inference : undefined);
  const observed = observation?.observed ?? [];
  const norms = observation === undefined ? [] : observedNorms(who, model, observation);
  const axis = norms[0]?.norm.axis ?? 1;

  const numbers = badNumbers(model);
  const counted = countedPart(input, rowWeights, axis);
  const notFinite = whereNotFinite(counted, observed, numbers, axis);
  // A batch that stays finite with its own statistics may not with the running ones.
  if (tracked && notFinite.length === 0) notFinite.push(...whereNotFinite(counted, inference.observed, numbers, axis));
  const signal = signalByDepth(observed, axis);
  const findings = [
    ...numbers,
    ...notFinite,
    ...tooSmall,
    ...signalFindings(observed, signal),
    ...norms.flatMap(staleStatistics),
    ...norms.flatMap(nearConstantFeatures),
    ...deadFeatures(observed, norms),
    ...norms.flatMap(largeMomentum),
    ...redundantBiases(inference),
    ...(optimizer === undefined ? [] : weightDecay(model, optimizer)),
  ];
  const order = ["error", "warning", "note"];
  findings.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  const mode = normalizes ? "probe" : "inference";
  return { tool: who, rows: input.shape[0]!, passes: normalizes ? 2 : 1, mode, findings, signal };
}

function expectOptimizer(who: string, optimizer: unknown): void {
  const { parameters, weightDecay, withoutDecay } = (optimizer ?? {}) as Partial<Optimizer>;
  if (Array.isArray(parameters) && typeof weightDecay === "number" && typeof withoutDecay?.has === "function") return;
  throw new TypeError(complaint(who, "optimizer to be an optimizer, such as SGD", show(optimizer)));
}
