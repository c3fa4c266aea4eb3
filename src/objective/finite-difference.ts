/**
 * Finite differences of a loss along a line: estimates the derivative at several steps, with the error of each estimate, and
 * compares them with the derivative according to the gradient.
 */

import { type DType, unitRoundoff } from "../core/dtype.js";

/**
 * The result of a comparison. "undecided" means that finite differences cannot decide, because the loss has a kink at the point,
 * is not finite near it or is dominated by round-off, or because its difference quotients do not converge.
 */
export type Verdict = "agrees" | "differs" | "undecided";

/** A derivative according to the gradient and to finite differences. */
export interface GradientComparison {
  /** For example "1.gamma[3]", or "random direction". */
  readonly name: string;
  /** According to the gradient. */
  readonly analytic: number;
  /** According to central differences. Null if the loss is not finite near the point at any step. */
  readonly numeric: number | null;
  /** The estimated error of `numeric`. Null if `numeric` is null. */
  readonly estimatedError: number | null;
  /** The finite-difference step of `numeric`, at which the estimated error is smallest. */
  readonly step: number;
  readonly verdict: Verdict;
}

/** The losses at -step, -step/2, 0, step/2 and step along a line. */
export interface LossesAtStep {
  readonly step: number;
  readonly losses: readonly [number, number, number, number, number];
}

/** A line through the point, with the derivative according to the gradient and the difference quotients of the loss. */
export interface LineOfLosses {
  readonly name: string;
  readonly analytic: number;
  /** The error that is always allowed. */
  readonly allowed: number;
  /** The error that is allowed if finite differences do not resolve it clearly. */
  readonly tolerated: number;
  /** If the estimated error is larger, a smaller step may be better. */
  readonly goodError: number;
  /** If the estimated error is larger, the verdict cannot be "agrees". */
  readonly largestError: number;
  /** The name of the group. Lines of one group use similar steps. */
  readonly group: string;
  /** The smallest useful step. A smaller one would not change the point. */
  readonly smallestStep: number;
  /** The quotients so far, from the largest step to the smallest. */
  readonly quotients: Quotient[];
}

/** A central difference quotient. */
interface Quotient {
  readonly step: number;
  /** (L(h/2) - L(-h/2)) / h. NaN if a loss is not finite. */
  readonly value: number;
  readonly error: number;
  /** The jump of the slope if the loss has a kink within the step, otherwise 0. */
  readonly kink: number;
  /** The part of the error that is caused by round-off of the loss. */
  readonly roundoff: number;
  /** Whether the quotients at h and h/2 are equal according to `isClose`. */
  readonly steady: boolean;
  /** The largest loss minus the smallest loss. */
  readonly range: number;
  /** Whether the losses lie on a cubic, up to a fiftieth of their range or round-off. */
  readonly smooth: boolean;
  /** Whether the losses are equal up to the rounding of the point in double precision. */
  readonly flat: boolean;
}

/** The ratio of a step to the next smaller one. */
const SHRINK = 32;
/** The largest number of steps after the first. */
const SMALLER_STEPS = 8;
/** The steps that confirm a difference, relative to the chosen step. The ratios of the other steps are powers of 2. */
const CONFIRMING_PARTS = [0.6180339887498949, 0.38196601125010515];

/**
 * Compares derivatives according to a gradient with difference quotients at suitable steps.
 *
 *     numeric = (L(h/2) - L(-h/2)) / h      estimated error = |numeric - (L(h) - L(-h)) / 2h| + noise / h
 *
 * A single step is not enough. If it spans many kinks or oscillations of the loss, the quotient can look steady and still be
 * meaningless. A derivative that does not agree is therefore checked again at smaller steps, until round-off dominates.
 * Quotients that a smaller step contradicts are discarded. Of the others, the one with the smallest estimated error is chosen.
 *
 * The noise of the losses is estimated from all lines together, because on one line it may be small by chance.
 */
export class DerivativeComparison<Line extends LineOfLosses> {
  private readonly confirmations = new Map<LineOfLosses, Quotient[]>();
  private granularity = Infinity;
  private floor = 0;
  private roundoff = 0;

  constructor(
    private readonly dtype: DType,
    /** The norm of the elementwise product x g: rounding the point changes the loss by about this much times the round-off. */
    private readonly sensitivity: number,
  ) {}

  /** Adds the losses of each line at one more step. Returns the lines that need a smaller step, and that step. */
  add(found: readonly (readonly [Line, LossesAtStep])[]): (readonly [Line, number])[] {
    const finite = found.map(([, at]) => at).filter(({ losses }) => losses.every(Number.isFinite));
    if (finite.length > 0) this.measureNoise(finite);
    const ofAll = upperQuartile(finite.filter((at) => !bend(at).kinked).map(fourth)) / 2;
    const ofGroup = largestByGroup(found);
    for (const [line, at] of found) {
      // A step that is too large for one group causes large differences without noise, which must not affect other groups.
      const noise = Math.max(this.smallestNoise, Math.min(ofAll, 4 * (ofGroup.get(line.group) ?? 0)));
      line.quotients.push(quotientOf(at, noise, this.roundoff, this.rounding));
    }
    return found
      .map(([line, { step }]) => [line, step / SHRINK] as const)
      .filter(([line, next]) => this.isNeeded(line, next));
  }

  /** Returns the lines that differ, with the steps at which to confirm each of them. */
  toConfirm(lines: readonly Line[]): (readonly [Line, number])[] {
    return lines
      .map((line) => [line, this.compare(line)] as const)
      .filter(([, { verdict }]) => verdict === "differs")
      .flatMap(([line, { step }]) => CONFIRMING_PARTS.map((part) => [line, part * step] as const));
  }

  /** Adds the losses of a line at a step for confirmation. A line differs only if the quotient there is the same. */
  confirm(line: Line, at: LossesAtStep): void {
    const quotient = quotientOf(at, this.smallestNoise, this.roundoff, this.rounding);
    this.confirmations.set(line, [...(this.confirmations.get(line) ?? []), quotient]);
  }

  /** Returns the comparison for a line. */
  compare(line: LineOfLosses): GradientComparison {
    const { name, analytic, quotients, allowed, tolerated, largestError } = line;
    const chosen = decisive(quotients);
    if (chosen === undefined) {
      const { step, value, error } = quotients.findLast(({ value }) => Number.isFinite(value)) ?? quotients[0]!;
      const finite = Number.isFinite(value) && Number.isFinite(error);
      const [numeric, estimatedError] = finite ? [value, error] : [null, null];
      return { name, analytic, numeric, estimatedError, step, verdict: "undecided" };
    }
    const { step, value, error } = chosen;
    const off = Math.abs(analytic - value);
    let verdict: Verdict = "undecided";
    if (off > Math.max(allowed, 10 * error))
      verdict = converges(quotients, chosen) && this.isConfirmed(line, chosen) ? "differs" : "undecided";
    else if (off <= Math.max(tolerated, error) && (error <= largestError || (off === 0 && largestError === 0)))
      verdict = "agrees";
    return { name, analytic, numeric: value, estimatedError: error, step, verdict };
  }

  private isConfirmed(line: LineOfLosses, chosen: Quotient): boolean {
    return (this.confirmations.get(line) ?? []).every((again) => {
      const roundoff = Math.max(again.roundoff, chosen.roundoff);
      const isSame =
        Math.abs(again.value - chosen.value) <= 6 * chosen.error || isClose(again.value, chosen.value, roundoff);
      return (again.smooth || again.flat) && isSame;
    });
  }

  /** Returns whether a smaller step may change the verdict, because round-off is still well below the disagreement. */
  private isNeeded(line: LineOfLosses, next: number): boolean {
    const { analytic, quotients, smallestStep, goodError } = line;
    if (quotients.length > SMALLER_STEPS || next < smallestStep) return false;
    const chosen = decisive(quotients);
    if (chosen === undefined) return true;
    if (this.compare(line).verdict === "agrees" && chosen.error <= goodError) return false;
    return (4 * this.floor) / next < Math.max(Math.abs(analytic - chosen.value), chosen.error);
  }

  private get rounding(): number {
    return 8 * unitRoundoff.float64 * this.sensitivity;
  }

  private get smallestNoise(): number {
    return Math.max(this.floor, this.granularity < Infinity ? this.granularity : 0);
  }

  /**
   * Estimates the smallest error of the losses: 8 rounding errors of the loss (measured on sums of a few thousand terms), one
   * rounding error of the point, and the smallest fourth difference other than 0, which reveals a loss that is quantized.
   */
  private measureNoise(finite: readonly LossesAtStep[]): void {
    const losses = finite.flatMap((at) => at.losses);
    // Detects float32 engines that do not declare their dtype.
    const rounded = losses.every((loss) => Math.fround(loss) === loss);
    const largest = losses.reduce((most, loss) => Math.max(most, Math.abs(loss)), 0);
    const unit = unitRoundoff[rounded ? "float32" : this.dtype];
    this.roundoff = Math.max(this.roundoff, unit * 8 * largest);
    this.floor = Math.max(this.floor, this.roundoff + unit * this.sensitivity);
    for (const at of finite.filter((at) => !bend(at).kinked)) {
      const difference = fourth(at);
      if (difference > 0) this.granularity = Math.min(this.granularity, difference);
    }
  }
}

function quotientOf(at: LossesAtStep, noise: number, roundoff: number, rounding: number): Quotient {
  const { step, losses } = at;
  const [back, halfBack, , halfForth, forth] = losses;
  const value = (halfForth - halfBack) / step;
  const wide = (forth - back) / (2 * step);
  const { halfGap, kinked } = bend(at);
  const range = Math.max(...losses) - Math.min(...losses);
  return {
    step,
    value: losses.every(Number.isFinite) ? value : NaN,
    error: Math.abs(wide - value) + noise / step,
    kink: kinked && halfGap > (16 * noise) / step ? halfGap : 0,
    roundoff: roundoff / step,
    steady: isClose(value, wide, roundoff / step),
    range,
    flat: range <= rounding,
    smooth: fourth(at) <= Math.max(range / 50, 16 * roundoff),
  };
}

/** Returns whether two quotients are equal within 1% or within round-off. */
function isClose(a: number, b: number, roundoff: number): boolean {
  return Math.abs(a - b) <= Math.max(0.01 * Math.max(Math.abs(a), Math.abs(b)), 4 * roundoff);
}

/** Returns the quotient with the smallest error among those that no quotient at a smaller step contradicts. */
function decisive(quotients: readonly Quotient[]): Quotient | undefined {
  const standing = usable(quotients).filter((coarse, i, all) =>
    all.slice(i + 1).every((fine) => Math.abs(coarse.value - fine.value) <= 3 * (coarse.error + fine.error)),
  );
  return standing.reduce<Quotient | undefined>(
    (best, next) => (best === undefined || next.error < best.error ? next : best),
    undefined,
  );
}

/** Returns the quotients that may be the derivative: they are finite, without a kink, and precise enough to have shown one. */
function usable(quotients: readonly Quotient[]): Quotient[] {
  let kink = Infinity;
  return quotients.filter((quotient) => {
    if (quotient.kink > 0) kink = Math.min(kink, quotient.kink);
    return (
      quotient.kink === 0 && Number.isFinite(quotient.value) && quotient.error < Infinity && quotient.error <= kink / 8
    );
  });
}

/**
 * Returns whether a quotient is close to its limit: it is steady and equal to one at a neighboring step, or its error decreases
 * with the step. If a loss oscillates within the step, one quotient may be steady by chance, but two are unlikely to be equal.
 */
function converges(quotients: readonly Quotient[], chosen: Quotient): boolean {
  if (!chosen.smooth && !chosen.flat) return false;
  const place = quotients.indexOf(chosen);
  // The loss varies as much within a smaller distance, so the chosen step spans several oscillations.
  if (quotients.slice(place + 1).some(({ smooth, range }) => !smooth && !(range < chosen.range / 10))) return false;
  const [coarse, fine] = [quotients[place - 1], quotients[place + 1]];
  const agreesWith = (other: Quotient | undefined): boolean =>
    other !== undefined && isClose(chosen.value, other.value, Math.max(chosen.roundoff, other.roundoff));
  if (chosen.steady && (quotients.length === 1 || agreesWith(fine) || (fine === undefined && agreesWith(coarse)))) {
    return true;
  }
  return (
    coarse !== undefined &&
    coarse.smooth &&
    Math.abs(coarse.value - chosen.value) <= coarse.error &&
    chosen.error <= coarse.error / SHRINK &&
    (fine === undefined || Math.abs(fine.value - chosen.value) <= chosen.error + 4 * fine.roundoff)
  );
}

/** Compares the slopes on both sides of the point. For a smooth loss their gap halves with the step; at a kink it does not. */
function bend({ step, losses: [back, halfBack, loss, halfForth, forth] }: LossesAtStep): {
  readonly halfGap: number;
  readonly kinked: boolean;
} {
  const gap = Math.abs(forth - 2 * loss + back) / step;
  const halfGap = (2 * Math.abs(halfForth - 2 * loss + halfBack)) / step;
  return { halfGap, kinked: Math.abs(halfGap - gap) <= 0.2 * gap };
}

/**
 * Returns the fourth difference of the losses. For a smooth loss it is close to 0, so it shows the round-off, for example that of
 * large terms that cancel.
 */
function fourth({ losses: [a, b, c, d, e] }: LossesAtStep): number {
  return Math.abs(a - 4 * b + 6 * c - 4 * d + e);
}

function largestByGroup(found: readonly (readonly [LineOfLosses, LossesAtStep])[]): ReadonlyMap<string, number> {
  const largest = new Map<string, number>();
  for (const [{ group }, at] of found) {
    const difference = fourth(at);
    if (difference < Infinity) largest.set(group, Math.max(largest.get(group) ?? 0, difference));
  }
  return largest;
}

/** Returns the upper quartile. If a loss is quantized, many differences are 0 by chance. */
function upperQuartile(values: readonly number[]): number {
  return values.toSorted((x, y) => x - y)[Math.floor(0.75 * values.length)] ?? 0;
}
