/** Loss and accuracy over training. */
import { type Figure, lastStep, mergeSeries, SIDES } from "./figure.js";
import { Plot } from "./plot.js";

/** Steps on each side of a point in the moving average that is drawn over the batch losses. */
const SMOOTHING = 5;

export const loss: Figure = {
  id: "loss",
  title: "Loss",
  caption: "Band: cross-entropy on each training batch. Line: moving average over 11 steps. Dashed: uniform guessing.",
  height: 190,
  draw(context, box, input, theme) {
    const guess = Math.log(input.classes);
    const plot = new Plot(
      context,
      box,
      theme,
      { low: 0, high: lastStep(input), label: "step" },
      { low: 0, high: 2 * guess, label: "nats" },
    );
    context.setLineDash([4, 4]);
    plot.line([0, lastStep(input)], [guess, guess], theme.soft, 1);
    context.setLineDash([]);
    for (const side of SIDES) {
      const { losses } = input.history.sides[side]!;
      const color = theme.networks[side];
      const { steps, low, high } = thinned(losses, plot.inner.width);
      plot.band(steps, low, high, color, 0.25);
      const mean = smoothed(losses, steps);
      plot.line(steps, mean, color, 2);
      const divergedAt = input.history.divergedAt[side]!;
      if (divergedAt !== null) {
        plot.dots([divergedAt], [2 * guess], color, 5);
        plot.note(divergedAt, 2 * guess * (side === 0 ? 0.9 : 0.78), `${input.names[side]} diverged`, color);
      }
    }
  },
  table: (input) => {
    const [left, right] = input.history.sides.map(({ losses }) => losses) as [number[], number[]];
    const head = ["step", ...input.names.map((name) => `loss, ${name}`)];
    const count = Math.max(left.length, right.length);
    return [head, ...Array.from({ length: count }, (_, step) => [step, left[step] ?? null, right[step] ?? null])];
  },
};

export const accuracy: Figure = {
  id: "accuracy",
  title: "Test accuracy",
  caption: "Fraction of the test data classified correctly. Dashed: uniform guessing.",
  height: 190,
  draw(context, box, input, theme) {
    const high = lastStep(input);
    const plot = new Plot(context, box, theme, { low: 0, high, label: "step" }, { low: 0, high: 1 });
    context.setLineDash([4, 4]);
    plot.line([0, high], [1 / input.classes, 1 / input.classes], theme.soft, 1);
    context.setLineDash([]);
    for (const side of SIDES) {
      const { accuracies } = input.history.sides[side]!;
      plot.line(accuracies.steps, accuracies.values, theme.networks[side], 2);
    }
  },
  table: ({ history, names }) => {
    const [left, right] = history.sides;
    const head = ["step", ...names.map((name) => `test accuracy, ${name}`)];
    return mergeSeries([left!.accuracies, right!.accuracies], head, (value) => [value]);
  },
};

/** Returns the smallest and largest value per pixel, so that no curve has more points than pixels. */
function thinned(values: readonly number[], pixels: number): { steps: number[]; low: number[]; high: number[] } {
  const every = Math.max(1, Math.ceil(values.length / pixels));
  const [steps, low, high]: number[][] = [[], [], []];
  for (let start = 0; start < values.length; start += every) {
    const part = values.slice(start, start + every + 1);
    steps!.push(start);
    low!.push(Math.min(...part));
    high!.push(Math.max(...part));
  }
  return { steps: steps!, low: low!, high: high! };
}

function smoothed(values: readonly number[], steps: readonly number[]): number[] {
  return steps.map((step) => {
    const part = values.slice(Math.max(0, step - SMOOTHING), step + SMOOTHING + 1);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
