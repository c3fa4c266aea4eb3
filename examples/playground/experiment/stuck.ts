/** Networks that do not learn. Their hidden values hardly change, which must not be mistaken for stability. */
import type { LayerShift } from "./measure.js";

/** Number of recent steps over which the loss is averaged. */
const STEPS = 40;
/** A loss above this fraction of the loss of uniform guessing counts as guessing. */
const GUESSING = 0.97;
/** A smaller norm of the gradient with respect to the first layer's weights counts as vanished. */
const VANISHED = 0.02;

/**
 * Returns whether a network is stuck: over the last 40 steps its loss was no better than with uniform guessing, and hardly any
 * gradient reached its first layer. `shifts` is the latest measurement. A stuck network may still escape later.
 */
export function isStuck(
  losses: readonly number[],
  shifts: readonly LayerShift[] | undefined,
  classes: number,
): boolean {
  if (losses.length < STEPS || shifts === undefined) return false;
  const mean = losses.slice(-STEPS).reduce((sum, loss) => sum + loss, 0) / STEPS;
  return mean >= GUESSING * Math.log(classes) && shifts[0]!.gradientNorm < VANISHED;
}
