/** Every function of the entry, and every check, called without its last arguments or with wrong ones: refused by name. */
import {
  BatchNorm,
  checkGradient,
  checkLayer,
  checkObjective,
  meanObjective,
  meanSquaredError,
  modelObjective,
  outputObjective,
  Tensor,
} from "batchnorm";
import * as probes from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { bowl } from "../support/objectives.js";

const objective = bowl(1, 2);
const point = Float64Array.of(1, 2);
const samples = { shape: [3, 2], data: [1, 2, 3, 4, 5, 7] };
const groups = [{ name: "a", role: "weight", shape: [2], start: 0, end: 2 }];
const histogram = probes.histogramOf([1, 2], [0, 1, 2]);
const moments = probes.momentsOf([1, 2, 4]);
const table = (): Tensor => Tensor.from([[1, 2], [3, 5]]); // prettier-ignore
const batch = { input: table(), target: table() };
const record = (): unknown => {
  const recorder = new probes.ActivationRecorder();
  recorder.at(0)!("a", samples);
  return recorder.records[0]!;
};

type Callable = (...args: readonly unknown[]) => unknown;
const construct =
  (Class: unknown): Callable =>
  (...args) =>
    Reflect.construct(Class as () => void, args) as unknown;

/** A function, and the arguments that precede each of the ones to be left out. */
const FUNCTIONS: Readonly<Record<string, readonly [Callable, ...(readonly unknown[])[]]>> = {
  ...Object.fromEntries(
    (["alongGradient", "gradientNorms", "lipschitzFromPairs", "lossPlane", "lossSlice", "curvature", "hessianTrace",
      "hessianVectorProduct", "spectralDensity", "internalCovariateShift"] as const).map((name) => [
      name, [probes[name] as Callable, [], [objective], [objective, point]] as const,
    ]), // prettier-ignore
  ),
  lipschitzAlongTrajectory: [probes.lipschitzAlongTrajectory as Callable, [], [objective]],
  stepSizesAround: [probes.stepSizesAround as Callable, []],
  filterNormalizedDirection: [probes.filterNormalizedDirection as Callable, [], [point], [point, groups]],
  ShiftOverTraining: [construct(probes.ShiftOverTraining), []],
  WeightRotation: [construct(probes.WeightRotation), []],
  mergeActivationRecords: [probes.mergeActivationRecords as Callable, [], [record()]],
  histogramOf: [probes.histogramOf as Callable, [], [[1]]],
  histogramQuantile: [probes.histogramQuantile as Callable, [], [histogram]],
  mergeHistograms: [probes.mergeHistograms as Callable, [], [histogram]],
  compareHistograms: [probes.compareHistograms as Callable, [], [histogram]],
  mergeMoments: [probes.mergeMoments as Callable, [], [moments]],
  momentsOf: [probes.momentsOf as Callable, []],
  momentStatistics: [probes.momentStatistics as Callable, []],
  gaussianDistances: [probes.gaussianDistances as Callable, [], [moments]],
  quantilesOf: [probes.quantilesOf as Callable, [], [[1]]],
  signalPropagation: [probes.signalPropagation as Callable, []],
  benjaminiHochberg: [probes.benjaminiHochberg as Callable, []],
  maximumMeanDiscrepancy: [probes.maximumMeanDiscrepancy as Callable, [], [samples]],
  mmdTest: [probes.mmdTest as Callable, [], [samples], [samples, samples]],
  permutationTest: [probes.permutationTest as Callable, [], [samples], [samples, samples]],
  compareSamples: [probes.compareSamples as Callable, [], [[1]]],
  energyDistance: [probes.energyDistance as Callable, [], [[1]]],
  kolmogorovSmirnov: [probes.kolmogorovSmirnov as Callable, [], [[1]]],
  wasserstein1: [probes.wasserstein1 as Callable, [], [[1]]],
  spanShares: [probes.spanShares as Callable, [], [[[1]]]],
  theorem41: [probes.theorem41 as Callable, [], [samples], [samples, samples]],
  parseReport: [probes.parseReport as Callable, []],
  meanObjective: [meanObjective as Callable, []],
  checkGradient: [checkGradient as Callable, [], [objective], [objective, point]],
  checkObjective: [checkObjective as Callable, [], [objective], [objective, point]],
  checkLayer: [checkLayer as Callable, [], [new BatchNorm({ features: 2 })], [new BatchNorm({ features: 2 }), table()]],
  modelObjective: [
    modelObjective as Callable,
    [], [new BatchNorm({ features: 2 })],
    [new BatchNorm({ features: 2 }), batch],
    [new BatchNorm({ features: 2 }), batch, meanSquaredError],
  ], // prettier-ignore
  outputObjective: [
    outputObjective as Callable,
    [], [new BatchNorm({ features: 2 })],
    [new BatchNorm({ features: 2 }), table(), (): unknown => undefined],
  ], // prettier-ignore
};

/** What takes its options or nothing: only wrong ones are refused. */
const OPTIONAL: Readonly<Record<string, readonly [Callable, ...(readonly unknown[])[]]>> = {
  ActivationRecorder: [construct(probes.ActivationRecorder), []],
  "ActivationRecorder.at": [(...args) => (new probes.ActivationRecorder().at as Callable)(...args), [0]],
  "WeightRotation.report": [
    (...args) => (new probes.WeightRotation({ learningRate: 1 }).report as Callable)(...args),
    [],
  ],
  compareHistograms: [probes.compareHistograms as Callable, [histogram, histogram]],
  lipschitzAlongTrajectory: [probes.lipschitzAlongTrajectory as Callable, [objective, [point, point]]],
  maximumMeanDiscrepancy: [probes.maximumMeanDiscrepancy as Callable, [samples, samples]],
  stepSizesAround: [probes.stepSizesAround as Callable, [1]],
};

async function refusalOf(call: Callable, args: readonly unknown[]): Promise<string> {
  try {
    return `returned ${typeof (await call(...args))}`;
  } catch (error) {
    return String(error);
  }
}

/** Wrong in every place. 7 is a learning rate and null a report, where they are allowed. */
const WRONG: readonly unknown[] = [null, 7, "text", true, (): number => 0];

describe.each(Object.entries(FUNCTIONS))("%s", (name, [call, ...given]) => {
  it("refuses missing and wrong arguments by name", async () => {
    const ownWords = new RegExp(`^(Type|Range|Shape)Error: ${name}[ ,:].*expected .*, got `);
    for (const args of given) {
      expect(await refusalOf(call, args), `${args.length} arguments`).toMatch(ownWords);
      for (const wrong of WRONG) {
        if (name === "stepSizesAround" && wrong === 7) continue;
        if (name === "parseReport" && wrong === "text") continue;
        if (typeof wrong === "function" && args.length === 0 && (call as unknown) !== probes.parseReport) continue;
        expect(await refusalOf(call, [...args, wrong]), `${args.length} arguments and ${String(wrong)}`).toMatch(
          ownWords,
        );
      }
    }
  });
});

describe.each(Object.entries(OPTIONAL))("%s", (name, [call, ...given]) => {
  it("refuses wrong options by name", async () => {
    const ownWords = new RegExp(`^(Type|Range|Shape)Error: ${name.replace(".", "\\.")}[ ,:].*expected .*, got `);
    for (const args of given) {
      for (const wrong of WRONG) expect(await refusalOf(call, [...args, wrong]), String(wrong)).toMatch(ownWords);
    }
  });
});

it("every function of the entry is in a table", () => {
  const functions = Object.entries(probes).filter(([, value]) => typeof value === "function");
  // stringifyReport takes whatever JSON can hold.
  const named = [...Object.keys(FUNCTIONS), ...Object.keys(OPTIONAL), "stringifyReport"];
  expect(functions.map(([name]) => name).filter((name) => !named.includes(name))).toEqual([]);
});

it("parseReport refuses a text that is not JSON as JSON.parse does", () => {
  expect(() => probes.parseReport("text")).toThrow(SyntaxError);
});

describe("noMoments", () => {
  it("changes nothing, whichever side it is merged on", () => {
    expect(probes.noMoments).toEqual({ count: 0, mean: 0, m2: 0, m3: 0, m4: 0 });
    expect(probes.momentsOf([])).toEqual(probes.noMoments);
    expect(probes.mergeMoments(probes.noMoments, moments)).toEqual(moments);
    expect(probes.mergeMoments(moments, probes.noMoments)).toEqual(moments);
    expect(probes.mergeMoments(probes.noMoments, probes.noMoments)).toEqual(probes.noMoments);
    const parts = [[1], [2, 4]].map((values) => probes.momentsOf(values));
    expect(parts.reduce(probes.mergeMoments, probes.noMoments).m2).toBeCloseTo(moments.m2, 14);
  });

  it("has no statistics, and says why", () => {
    const { count, reasons, ...statistics } = probes.momentStatistics(probes.noMoments);
    expect(count).toBe(0);
    expect(new Set(Object.values(statistics))).toEqual(new Set([null]));
    expect(Object.keys(reasons).sort()).toEqual(Object.keys(statistics).sort());
    expect(new Set(Object.values(reasons))).toEqual(new Set(["no finite values"]));
    expect(() => probes.gaussianDistances(probes.noMoments, moments)).toThrow(
      "gaussianDistances: expected a to have at least 1 value, got 0",
    );
  });
});
