/** The presets of the playground show what they claim, at three times and for three seeds, and their instructions have the stated effect. */
import { describe, expect, it } from "vitest";
import { Experiment, type StepRecord, type View } from "../examples/playground/experiment/experiment.js";
import { PRESETS } from "../examples/playground/experiment/presets.js";
import { type Prediction, type Settings } from "../examples/playground/experiment/settings.js";
import { recentBetas } from "../examples/playground/charts/landscape.js";
import { History } from "../examples/playground/page/history.js";

const SEEDS = [1, 2, 3];
/** Steps at which every claim is checked. */
const STOPS = [150, 600, 1000] as const;

/** What is known of a run at one stop. */
interface Stop {
  readonly step: number;
  readonly experiment: Experiment;
  /** Test accuracies of the left and right network, each the mean of five measurements, ten steps apart. */
  readonly accuracies: readonly [number, number];
  /** The records of the last `measured` steps, with their measurements. */
  readonly records: readonly StepRecord[];
}

/** Trains a preset with changed settings for 1000 steps, and calls `look` at every stop. */
async function follow(
  id: string,
  seed: number,
  look: (stop: Stop) => void,
  { changes = {}, measured = 0 }: { changes?: Partial<Settings>; measured?: number } = {},
): Promise<void> {
  const { settings } = PRESETS.find((preset) => preset.id === id)!;
  const experiment = new Experiment({ ...settings, ...changes, seed });
  for (const step of STOPS) {
    const records: StepRecord[] = [];
    const found: (number | null)[][] = [];
    while (experiment.step < step) {
      const left = step - experiment.step;
      records.push(left <= measured ? await experiment.advance() : experiment.train());
      if (left <= 41 && left % 10 === 1) found.push(experiment.accuracies());
    }
    const mean = (side: number): number => found.reduce((sum, each) => sum + each[side]!, 0) / found.length;
    expect(found).toHaveLength(5);
    look({ step, experiment, accuracies: [mean(0), mean(1)], records: measured === 0 ? [] : records.slice(-measured) });
  }
}

/** The accuracies now, with other statistics. */
function predictedWith({ experiment }: Stop, predict: Prediction, settings: Settings): readonly number[] {
  experiment.setTest(predict, settings.shift);
  const found = experiment.accuracies().map((each) => each!);
  experiment.setTest(settings.predict, settings.shift);
  return found;
}

const settingsOf = (id: string): Settings => PRESETS.find((preset) => preset.id === id)!.settings;

describe.each(SEEDS)("with seed %i", (seed) => {
  it("rate: plain guesses and hardly any gradient reaches its first layer; batch norm learns", async () => {
    const gradients = (records: readonly StepRecord[], side: number): number =>
      records.find(({ shifts }) => shifts)!.shifts![side]![0]!.gradientNorm;
    await follow(
      "rate",
      seed,
      ({ accuracies: [plain, batch], records, experiment, step }) => {
        expect(plain).toBeLessThan(0.15);
        expect(batch).toBeGreaterThan(0.9);
        if (step === 150) expect(gradients(records, 1)).toBeGreaterThan(100 * gradients(records, 0));
        // "A lower learning rate does not help": from step 150 on.
        experiment.setRate(0.1);
      },
      { measured: 40 },
    );
  });

  it("rate: one hidden layer is enough for plain to learn", async () => {
    await follow(
      "rate",
      seed,
      ({ accuracies: [plain, batch] }) => {
        expect(plain).toBeGreaterThan(0.85);
        expect(batch).toBeGreaterThan(0.9);
      },
      { changes: { depth: 1 } },
    );
  });

  it("cats: batch statistics cancel the shift, running statistics do not", async () => {
    await follow("cats", seed, (stop) => {
      const [plain, batch] = stop.accuracies;
      expect(plain).toBeLessThan(0.85);
      expect(batch).toBeGreaterThan(0.98);
      expect(predictedWith(stop, "inference", settingsOf("cats"))[1]).toBeLessThan(0.85);
    });
  });

  it("noise: the selected unit is far less stable with noise, which learns as well", async () => {
    const { layer, unit } = PRESETS.find(({ id }) => id === "noise")!.view;
    const instability = (records: readonly StepRecord[], side: number): number => {
      const medians = records.flatMap(({ distributions }) => distributions?.[side]![layer]!.units[5 * unit! + 2] ?? []);
      expect(medians).toHaveLength(10);
      return medians.slice(1).reduce((sum, value, i) => sum + Math.abs(value - medians[i]!), 0);
    };
    await follow(
      "noise",
      seed,
      ({ accuracies: [batch, noisy], records }) => {
        expect(instability(records, 1)).toBeGreaterThan(2.5 * instability(records, 0));
        expect(noisy).toBeGreaterThan(0.9);
        expect(noisy).toBeGreaterThan(batch - 0.04);
      },
      { measured: 100 },
    );
  });

  it("smooth: close together at a tenth of a learning rate, not at four", async () => {
    const history = new History();
    await follow(
      "smooth",
      seed,
      ({ step, records }) => {
        for (const record of records) history.add(record);
        const [plain, batch] = history.sides.map(({ landscapes }) => recentBetas(landscapes));
        const ratios = plain!.map((beta, i) => beta / batch![i]!);
        expect(Math.abs(Math.log(ratios.at(0)!))).toBeLessThan(Math.log(1.8));
        expect(ratios.at(-1)).toBeGreaterThan(step === 150 ? 1.2 : 2);
      },
      { measured: 400 },
    );
  });

  it("mode: batch statistics cost batch norm accuracy and make its boundary flicker", async () => {
    /** How much the predictions over the plane change in five steps, of 255. */
    const flicker = (experiment: Experiment, side: number): number => {
      const planes: Uint8Array[] = [];
      for (let i = 0; i < 6; i++) {
        experiment.train();
        planes.push((experiment.views()[side] as Extract<View, { plane: unknown }>).plane.probabilities);
      }
      const change = (a: Uint8Array, b: Uint8Array): number =>
        a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
      return planes.slice(1).reduce((sum, plane, i) => sum + change(plane, planes[i]!), 0);
    };
    const settings = settingsOf("mode");
    await follow("mode", seed, (stop) => {
      const [layer, batch] = stop.accuracies;
      expect(batch).toBeLessThan(layer - 0.02);
      const [layerNow] = stop.experiment.accuracies();
      const [layerRunning, batchRunning] = predictedWith(stop, "inference", settings);
      expect(layerRunning).toBe(layerNow);
      expect(batchRunning).toBeGreaterThan(batch + 0.03);
      const withBatch = flicker(stop.experiment, 1);
      stop.experiment.setTest("inference", settings.shift);
      expect(flicker(stop.experiment, 1)).toBeLessThan(withBatch / 4);
      stop.experiment.setTest("batch", settings.shift);
    });
  });

  it("two: batch norm keeps only the order of two values and lags behind layer norm", async () => {
    await follow("two", seed, ({ accuracies: [layer, batch], experiment, step }) => {
      expect(layer).toBeGreaterThan(step === 150 ? 0.85 : 0.92);
      expect(batch).toBeLessThan(layer - 0.1);
      const { rows } = experiment.unitOf(1, 1, 0)!;
      expect(rows.map(({ xhat }) => Math.round(100 * xhat) / 100).sort()).toEqual([-1, 1]);
    });
  });

  it("two: with 32 samples per batch, batch norm learns too", async () => {
    await follow("two", seed, ({ accuracies: [, batch] }) => expect(batch).toBeGreaterThan(0.95), {
      changes: { batchSize: 32 },
    });
  });
});
