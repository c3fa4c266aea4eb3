/** Weight rotation: how far the weights turn in one update, and their effective learning rate. */

import { isFloats } from "../../core/dtype.js";
import { complaint, expectCount, expectLength, expectObject, ShapeError, show } from "../../core/errors.js";
import { type OptionRules, readOptions } from "../../core/options.js";
import { angleBetween, isFiniteVector, norm } from "../../objective/vector.js";
import type { Figure, Kinds, Reasons } from "../shared/report.js";

const WHO = "WeightRotation";

/** Options for `WeightRotation`: the settings of the optimizer, SGD. */
export interface WeightRotationOptions {
  /** The learning rate. */
  readonly learningRate: number;
  /** The weight decay of the recorded weights. Default: 0. */
  readonly weightDecay?: number | undefined;
  /** The momentum of the optimizer. Default: 0. */
  readonly momentum?: number | undefined;
}

const weightRotationRules = {
  learningRate: { kind: "number", low: 0, withoutLow: true },
  weightDecay: { kind: "number", low: 0, default: 0 },
  momentum: { kind: "number", low: 0, high: 1, withoutHigh: true, default: 0 },
} as const satisfies OptionRules<WeightRotationOptions>;

/** Options for `WeightRotation.report`. */
export interface WeightRotationReportOptions {
  /** The first step whose rotation counts in `rootMeanSquareAngle`. Default: all. */
  readonly from?: number | undefined;
}

const reportRules = {
  from: { kind: "count", least: 0, default: 0 },
} as const satisfies OptionRules<WeightRotationReportOptions>;

/** The course of one weight. The arrays have one value per recorded step. */
export interface RotationOfWeight {
  readonly name: string;
  /** ||w||. Null if a value is not finite. */
  readonly norms: readonly Figure[];
  /** learningRate / ||w||^2. Null if the weight is 0 or not finite. */
  readonly effectiveLearningRates: readonly Figure[];
  /**
   * The angle between the weight and that of the step before, in radians, 0..pi. Null for the first record, if the step before was
   * not recorded, or if one of the two weights is 0 or not finite.
   */
  readonly angles: readonly Figure[];
  /** The root mean square of the angles from step `from` on. Null if there are none. */
  readonly rootMeanSquareAngle: Figure;
}

/** All records, with the prediction for the equilibrium. Plain JSON. */
export interface WeightRotationReport {
  readonly probe: "WeightRotation";
  readonly kinds: Kinds;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly momentum: number;
  /** sqrt(2 learningRate weightDecay / (1 + momentum)), in radians. Null without weight decay. */
  readonly equilibriumAngle: Figure;
  readonly from: number;
  /** The recorded steps. */
  readonly steps: readonly number[];
  readonly weights: readonly RotationOfWeight[];
  /** The reason for each null that is not an entry of an array, by name. */
  readonly reasons: Reasons;
}

interface Course {
  last: Float64Array;
  readonly norms: Figure[];
  readonly angles: Figure[];
}

/**
 * Measures how far each weight turns in one update, its norm, and its effective learning rate.
 *
 *     angle_t = angle between w_(t-1) and w_t        effective learning rate = learningRate / ||w||^2
 *     in equilibrium: root mean square of the angle = sqrt(2 learningRate weightDecay / (1 + momentum))
 *
 * A weight before a normalization layer is scale-invariant: only its direction matters. Its gradient is orthogonal to it and makes
 * it longer, while weight decay makes it shorter. Where the two balance, the weight turns by the same angle in every layer,
 * whatever the loss. The prediction holds for SGD, for scale-invariant weights only, and for small angles.
 *
 * Call `record` with the initial weights and again after every update. A recorder of weights that are recorded with gaps has norms
 * but no angles.
 *
 * - **Units**: angles in radians; the norm in the unit of the weight
 * - **Numerics**: exact up to round-off, also for angles near 0 and pi. The prediction is an estimate of the mean square, so compare
 *   it with `rootMeanSquareAngle`: the gradients of a trained network are heavy-tailed, and the median angle is smaller
 * - **Cost**: a few passes over the weights per record. Stores a copy of each weight, and two numbers per weight and record
 * - **Source**: van Laarhoven 2017 (arXiv:1706.05350); Wan, Zhu, Zhang & Sun 2021 (arXiv:2006.08419)
 *
 * @throws {TypeError | RangeError | ShapeError} if the options or the weights are invalid, steps do not increase, or the names or
 *   lengths of the weights change
 * @example
 * const rotation = new WeightRotation({ learningRate: 0.5, weightDecay: 0.04 });
 * rotation.record(0, { w: [2, 0] });
 * rotation.record(1, { w: [0, 1] });
 * const { weights, equilibriumAngle } = rotation.report();
 * weights[0]!.norms;                     // => [2, 1]
 * weights[0]!.effectiveLearningRates;    // => [0.125, 0.5]
 * weights[0]!.angles[1]?.toFixed(6);     // => "1.570796"
 * equilibriumAngle;                      // => 0.2
 */
export class WeightRotation {
  private readonly settings: Required<{ [Key in keyof WeightRotationOptions]: number }>;
  private readonly recorded: number[] = [];
  private readonly courses = new Map<string, Course>();

  /** Creates a recorder without records. */
  constructor(options: WeightRotationOptions) {
    this.settings = readOptions(WHO, options, weightRotationRules);
  }

  /**
   * Records the weights after `step` updates. The values are copied.
   *
   * @example
   * const model = new Sequential([new Dense({ inputs: 2, outputs: 3, random: new Random(1) }), new BatchNorm({ features: 3 })]);
   * const rotation = new WeightRotation({ learningRate: 0.1 });
   * rotation.record(0, { "0.weight": parametersByPath(model).get("0.weight")!.value.data });
   * rotation.report().steps; // => [0]
   */
  record(step: number, weights: Readonly<Record<string, ArrayLike<number>>>): void {
    const who = `${WHO}.record`;
    expectCount(who, "step", step, (this.recorded.at(-1) ?? -1) + 1);
    expectObject(who, "weights", weights);
    const isFirst = this.recorded.length === 0;
    const given = Object.entries(weights).map(([name, values]) => [name, expectWeight(who, name, values)] as const);
    const names = given.map(([name]) => name);
    if (names.length === 0) throw new RangeError(complaint(who, "at least 1 weight", "0"));
    if (!isFirst && (names.length !== this.courses.size || names.some((name) => !this.courses.has(name)))) {
      const expected = `the weights of the first record, ${[...this.courses.keys()].join(", ")}`;
      throw new RangeError(complaint(who, expected, names.join(", ")));
    }
    for (const [name, values] of given) {
      if (!isFirst) expectLength(who, show(name), values, this.courses.get(name)!.last.length);
    }
    // All is valid: nothing below throws.
    const followsLast = this.recorded.at(-1) === step - 1;
    for (const [name, values] of given) {
      const course = this.courses.get(name) ?? { last: values, norms: [], angles: [] };
      const size = isFiniteVector(values) ? norm(values) : null;
      const before = course.norms.at(-1) ?? 0;
      course.angles.push(
        followsLast && before > 0 && size !== null && size > 0 ? angleBetween(course.last, values) : null,
      );
      course.norms.push(size);
      course.last = values;
      this.courses.set(name, course);
    }
    this.recorded.push(step);
  }

  /** Returns all records and the prediction for the equilibrium. */
  report(options: WeightRotationReportOptions = {}): WeightRotationReport {
    const { from } = readOptions(`${WHO}.report`, options, reportRules);
    const { learningRate, weightDecay, momentum } = this.settings;
    const reasons: Record<string, string> = {};
    if (weightDecay === 0) reasons["equilibriumAngle"] = "without weight decay there is no equilibrium";
    const weights = [...this.courses].map(([name, { norms, angles }], i): RotationOfWeight => {
      const counted = angles.filter((angle, j): angle is number => angle !== null && this.recorded[j]! >= from);
      if (counted.length === 0) reasons[`weights[${i}].rootMeanSquareAngle`] = `no angle from step ${from} on`;
      const meanSquare = counted.reduce((sum, angle) => sum + angle ** 2, 0) / counted.length;
      return {
        name,
        norms: norms.slice(),
        effectiveLearningRates: norms.map((size) => (size === null || size === 0 ? null : learningRate / size ** 2)),
        angles: angles.slice(),
        rootMeanSquareAngle: counted.length === 0 ? null : Math.sqrt(meanSquare),
      };
    });
    return {
      probe: WHO,
      kinds: { weights: "exact", equilibriumAngle: "estimate" },
      learningRate,
      weightDecay,
      momentum,
      equilibriumAngle: weightDecay === 0 ? null : Math.sqrt((2 * learningRate * weightDecay) / (1 + momentum)),
      from,
      steps: this.recorded.slice(),
      weights,
      reasons,
    };
  }
}

/** Requires an array of numbers, which may be NaN or infinite. Returns a copy in double precision. */
function expectWeight(who: string, name: string, values: unknown): Float64Array {
  const { length } = (values ?? {}) as { readonly length?: unknown };
  if (typeof values !== "object" || typeof length !== "number") {
    throw new TypeError(complaint(who, `${show(name)} to be an array of numbers`, show(values)));
  }
  if (length === 0) throw new ShapeError(complaint(who, `${show(name)} to have at least 1 value`, "0"));
  // A typed array holds numbers only. This is the usual case, at every step of a training.
  if (isFloats(values)) return Float64Array.from(values);
  const list = Array.from(values as ArrayLike<unknown>);
  const bad = list.findIndex((value) => typeof value !== "number");
  if (bad >= 0) throw new TypeError(complaint(who, `${show(name)} to hold numbers`, `${show(list[bad])} at ${bad}`));
  return Float64Array.from(list as number[]);
}
