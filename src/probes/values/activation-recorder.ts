/**
 * The activation recorder: what the values inside a network look like while it trains.
 *
 * It hangs on a pass, not on a model: `observe: recorder.at(step)` records, leaving it out does not.
 */

import { complaint, expectCount, ShapeError, show } from "../../core/errors.js";
import { type OptionRules, readOptions } from "../../core/options.js";
import type { Samples } from "../../core/samples.js";
import type { Kinds } from "../shared/report.js";
import { expectFeatureAxis, gatherColumns, sampleView } from "./feature-columns.js";
import { expectEdges } from "./histogram.js";
import { expectLevels } from "./quantiles.js";
import { positionWeights, type RowWeights } from "./row-weights.js";
import {
  type LayerSummary,
  mergeFeatureSummaries,
  mergeSummaries,
  summarizeColumns,
  type SummaryOptions,
} from "./summary.js";

/** Called with the path and the output of a layer. It reads the values before it returns, and keeps none of them. */
export type Observer = (path: string, output: Samples) => void;

/** Options for `ActivationRecorder`. */
export interface ActivationRecorderOptions {
  /** The paths of the layers to record. Default: every layer. */
  readonly paths?: readonly string[] | undefined;
  /** Records the steps that this number divides. Default: 1, every step. */
  readonly every?: number | undefined;
  /** Where the features lie: 1, the default, for [N, C] and [N, C, ...], -1 for channels-last. */
  readonly axis?: number | undefined;
  /** The levels of the quantiles. Default: 0.15, 0.5 and 0.85. */
  readonly quantiles?: readonly number[] | undefined;
  /** The edges of the histograms. Default: no histograms. */
  readonly edges?: ArrayLike<number> | undefined;
  /** Whether to record each feature beside the layer as a whole. Default: true. */
  readonly perFeature?: boolean | undefined;
  /** How many steps to keep, at least 2. Default: 500. */
  readonly maxSteps?: number | undefined;
}

/** Options for `ActivationRecorder.at`. */
export interface RecordOptions {
  /**
   * The `rowWeights` of the same pass. Rows or positions of weight 0 are left out, whatever their values; the others count in
   * proportion to their weights. Default: every row counts once.
   */
  readonly rowWeights?: RowWeights | undefined;
}

const recordRules = { rowWeights: { kind: "any", optional: true } } as const satisfies OptionRules<RecordOptions>;

const recorderRules = {
  paths: { kind: "any", optional: true },
  every: { kind: "count", default: 1 },
  axis: { kind: "integer", default: 1 },
  quantiles: { kind: "any", default: [0.15, 0.5, 0.85] },
  edges: { kind: "any", optional: true },
  perFeature: { kind: "boolean", default: true },
  maxSteps: { kind: "count", least: 2, default: 500 },
} as const satisfies OptionRules<ActivationRecorderOptions>;

/** The values of one layer at one step. */
export interface ActivationRecord extends LayerSummary {
  readonly step: number;
  readonly path: string;
  /** How many outputs were put together: 1, or more when the batch came in shards. */
  readonly parts: number;
  /** The levels of `quantiles`, in layer and features. */
  readonly quantileLevels: readonly number[];
}

/** All records, with what they were made with. Plain JSON. */
export interface ActivationReport {
  readonly probe: "ActivationRecorder";
  /** Quantiles of merged records are estimates, and say so themselves. */
  readonly kinds: Kinds;
  readonly axis: number;
  readonly every: number;
  /** The distance between kept steps: `every`, doubled each time that `maxSteps` was reached. */
  readonly spacing: number;
  readonly maxSteps: number;
  readonly quantileLevels: readonly number[];
  readonly edges: readonly number[] | null;
  /** The requested paths that no pass has reported; empty when all were reported. */
  readonly neverObserved: readonly string[];
  /** In the order of steps, and within a step in the order of the pass. */
  readonly records: readonly ActivationRecord[];
}

/**
 * Records count, moments, quantiles and histogram of the layers of a model, as a whole and of each feature.
 *
 * Pass what `at(step)` returns as `observe` of a forward pass. A path that comes again at the same step is another shard
 * of the same batch and is merged: counts, moments and histograms as if it had been one output (up to round-off), quantiles
 * from the histogram, as estimates. Memory is bounded: of the values themselves only one layer's are held, during the call;
 * when `maxSteps` steps are full, every second one is dropped and the spacing doubles, so the whole run stays covered.
 *
 * - **Shapes**: outputs [N, C] or [N, C, ...]; channels-last with axis -1; [N] is one feature
 * - **Units**: as the activation; variance squared; skewness, kurtosis and fractions none
 * - **Numerics**: double precision; figures of the finite values, the others are counted apart; undefined figures are null
 * - **Cost**: about 70 ns per value, 35 without features, no evaluation of the model; memory about 100 bytes per feature and
 *   step with three quantiles, 8 more a histogram cell
 * - **Source**: the percentiles are those of Ioffe & Szegedy 2015, figure 1 (arXiv:1502.03167)
 *
 * @throws {TypeError | RangeError | ShapeError} if an option is not what it should be
 * @example
 * const recorder = new ActivationRecorder({ paths: ["1"], every: 10 });
 * // in the training loop: model.forward(batch, { mode: "train", observe: recorder.at(step) });
 * recorder.at(0)?.("1", { shape: [4, 1], data: [1, 2, 2, 5] });
 * recorder.records[0]?.layer.quantiles;   // => about [1.45, 2, 3.65]
 */
export class ActivationRecorder {
  private readonly paths: readonly string[] | null;
  private readonly axis: number;
  private readonly every: number;
  private readonly maxSteps: number;
  private readonly perFeature: boolean;
  private readonly summaryOptions: SummaryOptions;
  private readonly observed = new Set<string>();
  private readonly recordsByStep = new Map<number, Map<string, ActivationRecord>>();
  private spacing: number;
  private buffer = new Float64Array(0);

  /** Creates a recorder without records. */
  constructor(options: ActivationRecorderOptions = {}) {
    const who = "ActivationRecorder";
    const { paths, every, axis, quantiles, edges, perFeature, maxSteps } = readOptions(who, options, recorderRules);
    if (paths !== undefined && !(Array.isArray(paths) && paths.every((path) => typeof path === "string"))) {
      throw new TypeError(complaint(who, "paths to be an array of strings", show(paths)));
    }
    expectFeatureAxis(who, axis);
    expectLevels(who, quantiles);
    this.paths = paths === undefined ? null : [...paths];
    this.every = every;
    this.axis = axis;
    this.summaryOptions = { levels: [...quantiles], edges: edges === undefined ? null : expectEdges(who, edges) };
    this.perFeature = perFeature;
    this.maxSteps = maxSteps;
    this.spacing = every;
  }

  /**
   * Returns the `observe` of a forward pass that records a step, or undefined if the step is not recorded.
   *
   * @example
   * const recorder = new ActivationRecorder();
   * const rowWeights = [1, 1, 1, 0];   // the last row is padding
   * recorder.at(10, { rowWeights })?.("1", { shape: [4, 1], data: [1, 2, 3, NaN] });
   * recorder.records[0]?.layer.mean;   // => 2
   */
  at(step: number, options: RecordOptions = {}): Observer | undefined {
    expectCount("ActivationRecorder.at", "step", step, 0);
    const { rowWeights } = readOptions("ActivationRecorder.at", options, recordRules);
    if (step % this.spacing !== 0) return undefined;
    return (path, output) => {
      if (this.paths === null || this.paths.includes(path)) this.record(step, path, output, rowWeights);
    };
  }

  /** The records so far, in the order of steps. */
  get records(): readonly ActivationRecord[] {
    return [...this.recordsByStep.keys()]
      .sort((a, b) => a - b)
      .flatMap((step) => [...this.recordsByStep.get(step)!.values()]);
  }

  /** The records so far, with what they were made with. */
  report(): ActivationReport {
    return {
      probe: "ActivationRecorder",
      kinds: { records: "exact" },
      axis: this.axis,
      every: this.every,
      spacing: this.spacing,
      maxSteps: this.maxSteps,
      quantileLevels: this.summaryOptions.levels,
      edges: this.summaryOptions.edges,
      neverObserved: (this.paths ?? []).filter((path) => !this.observed.has(path)),
      records: this.records,
    };
  }

  private record(step: number, path: string, output: Samples, rowWeights: RowWeights | undefined): void {
    const who = `ActivationRecorder ${show(path)}`;
    const view = sampleView(who, output, this.axis);
    const weights = rowWeights === undefined ? undefined : positionWeights(who, rowWeights, output.shape, this.axis);
    if (this.buffer.length < output.data.length) this.buffer = new Float64Array(output.data.length);
    const columns = gatherColumns(output.data, view, this.buffer, weights);
    const summary = summarizeColumns(columns, this.summaryOptions, this.perFeature);
    const record: ActivationRecord = { step, path, parts: 1, quantileLevels: this.summaryOptions.levels, ...summary };
    const before = this.recordsByStep.get(step)?.get(path);
    const merged = before === undefined ? record : mergeActivationRecords(before, record);
    this.observed.add(path);
    this.makeRoomFor(step);
    this.recordsByStep.get(step)?.set(path, merged);
  }

  private makeRoomFor(step: number): void {
    while (!this.recordsByStep.has(step)) {
      if (step % this.spacing !== 0) return;
      if (this.recordsByStep.size < this.maxSteps) this.recordsByStep.set(step, new Map());
      else {
        this.spacing *= 2;
        for (const kept of this.recordsByStep.keys()) if (kept % this.spacing !== 0) this.recordsByStep.delete(kept);
      }
    }
  }
}

/**
 * Puts two records of the same layer at the same step together, as of two shards of a batch or of two workers.
 *
 * - **Numerics**: counts, moments and histograms as if the values had been one sample, up to round-off; quantiles are
 *   estimates from the histogram, null without one
 *
 * @throws {RangeError} if step, path or quantile levels differ
 * @throws {ShapeError} if features or edges differ
 */
export function mergeActivationRecords(a: ActivationRecord, b: ActivationRecord): ActivationRecord {
  const who = "mergeActivationRecords";
  expectRecord(who, "a", a);
  expectRecord(who, "b", b);
  const identity = ({ step, path, quantileLevels }: ActivationRecord): string =>
    `step ${step}, path ${show(path)}, quantile levels ${show(quantileLevels)}`;
  if (identity(a) !== identity(b)) throw new RangeError(complaint(who, identity(a), identity(b)));
  const shape = ({ features, layer }: ActivationRecord): string =>
    `${features === null ? "no" : features.count.length} features and ${layer.histogram === null ? "no" : "a"} histogram`;
  if (shape(a) !== shape(b)) throw new ShapeError(complaint(`${who} ${show(a.path)}`, shape(a), shape(b)));
  const { step, path, quantileLevels } = a;
  const options = { levels: quantileLevels, edges: a.layer.histogram?.edges ?? null };
  return {
    step,
    path,
    parts: a.parts + b.parts,
    quantileLevels,
    layer: mergeSummaries(a.layer, b.layer, quantileLevels),
    features:
      a.features === null || b.features === null ? null : mergeFeatureSummaries(a.features, b.features, options),
  };
}

function expectRecord(who: string, name: string, record: unknown): asserts record is ActivationRecord {
  const { path, quantileLevels, layer, features } = (record ?? {}) as Partial<ActivationRecord>;
  const hasSummaries = typeof layer === "object" && layer !== null && typeof features === "object";
  if (typeof path === "string" && Array.isArray(quantileLevels) && hasSummaries) return;
  throw new TypeError(complaint(who, `${name} to be a record of an ActivationRecorder`, show(record)));
}
