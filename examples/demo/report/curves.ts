/** Curves: combines the runs of all seeds into curves. */
import type { Curve, CurvePoint } from "../../shared/chart.js";
import { median } from "../../shared/spread.js";
import { type Condition, DISTANCES, NETWORKS } from "../experiment.js";
import { betaProfile, gradientChangeBand, type Look, lossBand, type Range } from "../landscape.js";
import { runsOf } from "../summary.js";
import type { Run } from "../train.js";
import { COLORS } from "./style.js";

const LOSS_WINDOW = 10;

/** Returns test accuracy by step: median, minimum and maximum over the seeds. A diverged run keeps its last accuracy. */
export function accuracyCurves(runs: readonly Run[], condition: Condition): Curve[] {
  return curvesOf(runs, condition, (own) => {
    const steps = longest(own.map(({ accuracies }) => accuracies)).map(({ step }) => step);
    return steps.map((step) =>
      overSeeds(
        step,
        own.map(({ accuracies }) => accuracies.findLast((measured) => measured.step <= step)!.accuracy),
      ),
    );
  });
}

/** Returns the training loss by step, averaged over ten batches; infinite after divergence. */
export function lossCurves(runs: readonly Run[], condition: Condition): Curve[] {
  return curvesOf(runs, condition, (own) =>
    Array.from({ length: Math.ceil(own[0]!.steps / LOSS_WINDOW) }, (_, i) => {
      const windows = own.map(({ losses }) => losses.slice(i * LOSS_WINDOW, (i + 1) * LOSS_WINDOW));
      return overSeeds(
        (i + 0.5) * LOSS_WINDOW,
        windows.map((window) => meanOrInfinity(window)),
      );
    }),
  );
}

/** Returns the band of the loss along the gradient by step; the line is the loss at the current parameters. */
export function lossBandCurves(runs: readonly Run[], condition: Condition): Curve[] {
  return bandCurves(runs, condition, lossBand, (look) => look.loss);
}

/** Returns the band of the relative gradient change by step; the line is its upper edge. */
export function gradientChangeCurves(runs: readonly Run[], condition: Condition): Curve[] {
  return bandCurves(runs, condition, gradientChangeBand, (look) => gradientChangeBand(look).high);
}

/** Returns beta times the learning rate by distance: median over the probes of each run, then median and range over the seeds. */
export function betaCurves(runs: readonly Run[], condition: Condition): Curve[] {
  return curvesOf(runs, condition, (own) =>
    DISTANCES.map((distance, i) =>
      overSeeds(
        distance,
        own.map(({ looks, learningRate }) => median(looks.map((look) => betaProfile(look, learningRate)[i]!))),
      ),
    ),
  );
}

function curvesOf(runs: readonly Run[], condition: Condition, points: (own: Run[]) => CurvePoint[]): Curve[] {
  return NETWORKS.map((network) => ({
    name: network,
    color: COLORS[network],
    points: points(runsOf(runs, condition, network)),
  }));
}

/** The edges and the line are medians over the seeds that reached the step. */
function bandCurves(
  runs: readonly Run[],
  condition: Condition,
  band: (look: Look) => Range,
  line: (look: Look) => number,
): Curve[] {
  return curvesOf(runs, condition, (own) =>
    longest(own.map(({ looks }) => looks)).map(({ step }) => {
      const looks = own.flatMap((run) => run.looks.filter((look) => look.step === step));
      return {
        x: step,
        y: median(looks.map(line)),
        low: median(looks.map((look) => band(look).low)),
        high: median(looks.map((look) => band(look).high)),
      };
    }),
  );
}

function overSeeds(x: number, values: readonly number[]): CurvePoint {
  return { x, y: median(values), low: Math.min(...values), high: Math.max(...values) };
}

function meanOrInfinity(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Number.isFinite(mean) ? mean : Infinity;
}

function longest<T>(lists: readonly (readonly T[])[]): readonly T[] {
  return lists.reduce((longer, list) => (list.length > longer.length ? list : longer));
}
