/**
 * Finite differences of a loss along a line: the derivative at several steps, how far each may be off, and whether the
 * derivative that a gradient claims agrees with them.
 */

import { type DType, unitRoundoff } from "../core/dtype.js";

/**
 * The result of a comparison: the two derivatives agree; they differ; or finite differences cannot decide, because the loss
 * has a kink at the point, is not finite beside it, is dominated by round-off, or its difference quotients do not converge.
 */
export type Verdict = "agrees" | "differs" | "undecided";

/** One derivative, by the gradient and by finite differences. */
export interface GradientComparison {
  /** As in "1.gamma[3]", or "random direction". */
  readonly name: string;
  /** By the gradient. */
  readonly analytic: number;
  /** By central differences; null where the loss is not finite beside the point, at any step. */
  readonly numeric: number | null;
  /** How far the finite difference itself may be off; null together with `numeric`. */
  readonly estimatedError: number | null;
  /** The step of these two figures: the one at which the estimated error is smallest. */
  readonly step: number;
  readonly verdict: Verdict;
}

/** The losses at -step, -step/2, 0, step/2 and step along a line. */
export interface LossesAtStep {
  readonly step: number;
  readonly losses: readonly [number, number, number, number, number];
}

/** A line through the point: the derivative that the gradient claims along it, and what is known of the loss. */
export interface LineOfLosses {
  readonly name: string;
  readonly analytic: number;
  /** The error that is always allowed. */
  readonly allowed: number;
  /** The error that is allowed unless finite differences show it clearly. */
  readonly tolerated: number;
  /** At larger estimated errors of the finite difference a smaller step may be better. */
  readonly goodError: number;
  /** At larger estimated errors nothing can be said to agree. */
  readonly largestError: number;
  /** Lines of one group have steps of one size. */
  readonly group: string;
  /** No step below this one: the point could not be moved by it. */
  readonly smallestStep: number;
  /** From the first step to the smallest. */
  readonly quotients: Quotient[];
}

/** A central difference quotient. */
interface Quotient {
  readonly step: number;
  /** (L(h/2) - L(-h/2)) / h; NaN where a loss is not finite. */
  readonly value: number;
  readonly error: number;
  /** The jump of the slope where the loss has a kink within the step, else 0. */
  readonly kink: number;
  /** The part of the error that is the round-off of the loss. */
  readonly roundoff: number;
  /** The quotients at h and h/2 are equal up to `isClose`. */
  readonly steady: boolean;
  /** The largest loss minus the smallest. */
  readonly range: number;
  /** The losses lie on a cubic up to a fiftieth of their range or round-off, which losses far apart do only by chance. */
  readonly smooth: boolean;
}

/** Each smaller step is this part of the one before. */
const SHRINK = 32;
/** How many smaller steps are tried after the first. */
const SMALLER_STEPS = 8;
/** The steps that confirm a difference, as parts of the step that decided: no powers of 2, unlike the ratios of the others. */
const CONFIRMING_PARTS = [0.6180339887498949, 0.38196601125010515];

/**
 * Compares the derivatives that a gradient claims with difference quotients at steps that fit the loss.
 *
 *     numeric = (L(h/2) - L(-h/2)) / h      estimated error = |numeric - (L(h) - L(-h)) / 2h| + noise / h
 *
 * A quotient at one step cannot show that it is the derivative: a step that crosses many kinks or many waves of the loss
 * gives a steady but meaningless value. So a claim that does not agree is tried again at smaller steps, until round-off
 * hides what they could show. A quotient that a smaller step contradicts does not count; of the others the one with the
 * smallest estimated error decides.
 *
 * The noise of the losses is judged from all lines together, since one alone may be small by chance.
 */
export class DerivativeComparison<Line extends LineOfLosses> {
  private readonly confirmations = new Map<LineOfLosses, Quotient[]>();
  private granularity = Infinity;
  private floor = 0;
  private roundoff = 0;

  constructor(
    private readonly dtype: DType,
    /** ||x g||, coordinate by coordinate: the loss moves by its product with the round-off if the point is rounded. */
    private readonly sensitivity: number,
  ) {}

  /** Adds the losses at one more step of each line; returns the lines for which a smaller step is needed, and that step. */
  add(found: readonly (readonly [Line, LossesAtStep])[]): (readonly [Line, number])[] {
    const finite = found.map(([, at]) => at).filter(({ losses }) => losses.every(Number.isFinite));
    if (finite.length > 0) this.measureNoise(finite);
    const ofAll = upperQuartile(finite.filter((at) => !bend(at).kinked).map(fourth)) / 2;
    const ofGroup = largestByGroup(found);
    for (const [line, at] of found) {
      // In a group with too large a step the differences are large without any noise: other groups are not judged by them.
      const noise = Math.max(this.smallestNoise, Math.min(ofAll, 4 * (ofGroup.get(line.group) ?? 0)));
      line.quotients.push(quotientOf(at, noise, this.roundoff));
    }
    return found
      .map(([line, { step }]) => [line, step / SHRINK] as const)
      .filter(([line, next]) => this.isNeeded(line, next));
  }

  /** Returns the lines that differ, each with the steps at which to confirm it. */
  toConfirm(lines: readonly Line[]): (readonly [Line, number])[] {
    return lines
      .map((line) => [line, this.compare(line)] as const)
      .filter(([, { verdict }]) => verdict === "differs")
      .flatMap(([line, { step }]) => CONFIRMING_PARTS.map((part) => [line, part * step] as const));
  }

  /** Adds the losses of a line at a step for confirmation: a line differs only if its quotient there is the same. */
  confirm(line: Line, at: LossesAtStep): void {
    const quotient = quotientOf(at, this.smallestNoise, this.roundoff);
    this.confirmations.set(line, [...(this.confirmations.get(line) ?? []), quotient]);
  }

  /** Decides on a line. */
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
      const tolerated = 3 * (chosen.error + Math.min(again.error, chosen.error));
      const roundoff = Math.max(again.roundoff, chosen.roundoff);
      const isSame = Math.abs(again.value - chosen.value) <= tolerated || isClose(again.value, chosen.value, roundoff);
      return again.smooth && isSame;
    });
  }

  /** A smaller step may change the verdict: round-off there is well below what is to be explained. */
  private isNeeded(line: LineOfLosses, next: number): boolean {
    const { analytic, quotients, smallestStep, goodError } = line;
    if (quotients.length > SMALLER_STEPS || next < smallestStep) return false;
    const chosen = decisive(quotients);
    if (chosen === undefined) return true;
    if (this.compare(line).verdict === "agrees" && chosen.error <= goodError) return false;
    return (4 * this.floor) / next < Math.max(Math.abs(analytic - chosen.value), chosen.error);
  }

  private get smallestNoise(): number {
    return Math.max(this.floor, this.granularity < Infinity ? this.granularity : 0);
  }

  /**
   * The least that the losses may be off: a few roundings of their own size (8, measured on sums of a few thousand terms),
   * one of the point, and the smallest fourth difference seen that is not 0, which shows a loss that takes few values.
   */
  private measureNoise(finite: readonly LossesAtStep[]): void {
    const losses = finite.flatMap((at) => at.losses);
    // The loss of a float32 engine that does not say so is betrayed by its values.
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

function quotientOf(at: LossesAtStep, noise: number, roundoff: number): Quotient {
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
    smooth: fourth(at) <= Math.max(range / 50, 16 * roundoff),
  };
}

/** Two quotients are equal within a hundredth, or within round-off. */
function isClose(a: number, b: number, roundoff: number): boolean {
  return Math.abs(a - b) <= Math.max(0.01 * Math.max(Math.abs(a), Math.abs(b)), 4 * roundoff);
}

/** The quotient with the smallest error among those that no quotient at a smaller step contradicts. */
function decisive(quotients: readonly Quotient[]): Quotient | undefined {
  const standing = usable(quotients).filter((coarse, i, all) =>
    all.slice(i + 1).every((fine) => Math.abs(coarse.value - fine.value) <= 3 * (coarse.error + fine.error)),
  );
  return standing.reduce<Quotient | undefined>(
    (best, next) => (best === undefined || next.error < best.error ? next : best),
    undefined,
  );
}

/** The quotients that may be a derivative: finite, and of the steps without a kink those that would have shown it. */
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
 * Shows that a quotient is near a limit: it is steady, and so is every other one at the steps beside it, or the error falls
 * as the step does. A loss that varies much faster than the step gives one steady quotient by chance, but not two equal ones.
 */
function converges(quotients: readonly Quotient[], chosen: Quotient): boolean {
  if (!chosen.smooth) return false;
  const place = quotients.indexOf(chosen);
  // The loss varies as much within a smaller distance: the chosen step skips over its waves.
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

/** The slopes on the two sides of the point: for a smooth loss their gap halves with the step, at a kink it stays. */
function bend({ step, losses: [back, halfBack, loss, halfForth, forth] }: LossesAtStep): {
  readonly halfGap: number;
  readonly kinked: boolean;
} {
  const gap = Math.abs(forth - 2 * loss + back) / step;
  const halfGap = (2 * Math.abs(halfForth - 2 * loss + halfBack)) / step;
  return { halfGap, kinked: Math.abs(halfGap - gap) <= 0.2 * gap };
}

/**
 * The fourth difference of the losses. It vanishes for a smooth loss, so that what is left of it is round-off, for example
 * of large terms that cancel.
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

/** The upper quartile: where a loss takes few values, many differences are 0 by luck. */
function upperQuartile(values: readonly number[]): number {
  return values.toSorted((x, y) => x - y)[Math.floor(0.75 * values.length)] ?? 0;
}
