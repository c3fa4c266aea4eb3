/**
 * The activation recorder: records statistics of the values inside a network during training.
 *
 * It is attached to a forward pass, not to a model. Only passes with `observe: recorder.at(step)` are recorded.
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

/** Called with the path and the output of a layer. It copies what it needs before it returns. */
export type Observer = (path: string, output: Samples) => void;

/** Options for `ActivationRecorder`. */
export interface ActivationRecorderOptions {
  /** The paths of the layers to record. Default: every layer. */
  readonly paths?: readonly string[] | undefined;
  /** The interval between recorded steps. Default: 1, which records every step. */
  readonly every?: number | undefined;
  /** The axis of the features: 1 for [N, C] and [N, C, ...], -1 for channels-last. Default: 1. */
  readonly axis?: number | undefined;
  /** The levels of the quantiles. Default: 0.15, 0.5 and 0.85. */
  readonly quantiles?: readonly number[] | undefined;
  /** The edges of the histograms. Default: no histograms. */
  readonly edges?: ArrayLike<number> | undefined;
  /** Whether to record each feature in addition to the layer as a whole. Default: true. */
  readonly perFeature?: boolean | undefined;
  /** The largest number of steps to keep, at least 2. Default: 500. */
  readonly maxSteps?: number | undefined;
}

/** Options for `ActivationRecorder.at`. */
export interface RecordOptions {
  /**
   * The `rowWeights` of the same pass. Rows or positions of weight 0 are ignored, even if they contain NaN. The others count in
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

/** Statistics of the values of one layer at one step. */
export interface ActivationRecord extends LayerSummary {
  readonly step: number;
  readonly path: string;
  /** The number of merged outputs. It is above 1 if the batch was processed in shards. */
  readonly parts: number;
  /** The levels of the quantiles in `layer` and `features`. */
  readonly quantileLevels: readonly number[];
}

/** All records and the settings. Plain JSON. */
export interface ActivationReport {
  readonly probe: "ActivationRecorder";
  /** Quantiles of merged records are estimates, as their `quantileKind` shows. */
  readonly kinds: Kinds;
  readonly axis: number;
  readonly every: number;
  /** The current interval between kept steps. It starts at `every` and doubles whenever `maxSteps` is reached. */
  readonly spacing: number;
  readonly maxSteps: number;
  readonly quantileLevels: readonly number[];
  readonly edges: readonly number[] | null;
  /** The requested paths that were not reported in any pass. */
  readonly neverObserved: readonly string[];
  /** Ordered by step, and within a step by the order of the pass. */
  readonly records: readonly ActivationRecord[];
}

/**
 * Records count, moments, quantiles and histograms of the layers of a model and of each feature.
 *
 * Pass the result of `at(step)` as `observe` to a forward pass. If a path is reported again at the same step, it is treated as
 * another shard of the same batch and merged. Counts, moments and histograms are then those of all shards together (up to
 * round-off), and quantiles are estimated from the histogram. Memory is bounded. Values are held for one layer at a time.
 * Whenever `maxSteps` steps are recorded, every second one is dropped and the interval doubles, so the records always cover
 * the whole run.
 *
 * - **Shapes**: outputs [N, C] or [N, C, ...]; channels-last with axis -1; [N] is one feature
 * - **Units**: those of the activation, for the variance squared; skewness, kurtosis and fractions are dimensionless
 * - **Numerics**: double precision. Values that are not finite are counted separately. Undefined statistics are null
 * - **Cost**: about 70 ns per value, or 35 without features. Memory: about 100 bytes per feature and step with three
 *   quantiles, and 8 per histogram cell
 * - **Source**: the default quantiles are those of Ioffe & Szegedy 2015, figure 1 (arXiv:1502.03167)
 *
 * @throws {TypeError | RangeError | ShapeError} if an option is invalid
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
   * Returns the `observe` callback for a forward pass, or undefined if the step is not recorded.
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

  /** The records so far, ordered by step. */
  get records(): readonly ActivationRecord[] {
    return [...this.recordsByStep.keys()]
      .sort((a, b) => a - b)
      .flatMap((step) => [...this.recordsByStep.get(step)!.values()]);
  }

  /** Returns the records so far and the settings. */
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
 * Merges two records of the same layer and step, for example from two shards of a batch or from two workers.
 *
 * - **Numerics**: counts, moments and histograms are those of all values together, up to round-off. Quantiles are estimated
 *   from the histogram, or null if there is none
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
