/**
 * Options objects that are missing, null, or no objects, at every public function of the tools, formats, variants and training
 * that has options: refused in the library's own words, or filled with the defaults where all options have one.
 */
import { describe, expect, it } from "vitest";
import * as batchnorm from "batchnorm";
import {
  accuracy,
  Adam,
  AdamW,
  BatchNorm,
  Batcher,
  checkpoint,
  confusionMatrix,
  cosineSchedule,
  Dense,
  ELU,
  GELU,
  meanSquaredError,
  oneCycleSchedule,
  oneHot,
  Random,
  restore,
  RMSNorm,
  RMSprop,
  Sequential,
  SGD,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  stepSchedule,
  Tensor,
  warmUp,
} from "batchnorm";
import * as formats from "batchnorm/formats";
import {
  loadKeras,
  loadPyTorch,
  readNpz,
  readSafetensors,
  type StoredArray,
  toKeras,
  toPyTorch,
  writeSafetensors,
} from "batchnorm/formats";
import * as tools from "batchnorm/tools";
import {
  compareModes,
  foldBatchNorm,
  gradientCancellation,
  inspect,
  recalibrate,
  WeightAverage,
} from "batchnorm/tools";
import * as variants from "batchnorm/variants";
import {
  BatchRenorm,
  BatchRMSNorm,
  DynamicTanh,
  GhostBatchNorm,
  LpNorm,
  MeanOnlyNorm,
  NoiseInjection,
} from "batchnorm/variants";
import { zipFile } from "../support/format-files.js";
import { expectRefusal } from "../support/refusal.js";

const random = new Random(1);
const x = Tensor.normal([32, 2], { random });
const trained = (): Sequential => {
  const dense = new Dense({ inputs: 2, outputs: 3, random: new Random(2) });
  const layers = new Sequential([dense, new BatchNorm({ features: 3 })]);
  layers.forward(x, { mode: "train" });
  return layers;
};
const model = trained();
const run = { model };
const saved = checkpoint(run);
const arrays: ReadonlyMap<string, StoredArray> = toPyTorch(model);
const file = writeSafetensors(arrays);

type Call = (options: never) => unknown;

/** All options have defaults: undefined is as good as nothing. */
const optional: Readonly<Record<string, Call>> = {
  inspect: (options) => inspect(model, x, options),
  compareModes: (options) => compareModes(model, x, options),
  recalibrate: (options) => recalibrate(trained(), [x], options),
  foldBatchNorm: (options) => foldBatchNorm(model, x, options).report,
  readSafetensors: (options) => readSafetensors(file, options),
  readNpz: (options) => readNpz(zipFile([]), options),
  loadPyTorch: (options) => loadPyTorch(model, arrays, options),
  loadKeras: (options) => loadKeras(model, toKeras(model), options),
  softmaxCrossEntropy: (options) => softmaxCrossEntropy(Tensor.zeros([1, 2]), [0], options),
  meanSquaredError: (options) => meanSquaredError(x, x, options),
  sigmoidCrossEntropy: (options) => sigmoidCrossEntropy(x, Tensor.zeros([32, 2]), options),
  accuracy: (options) => accuracy(x, x, options),
  confusionMatrix: (options) => confusionMatrix(x, x, options),
  GELU: (options) => new GELU(options).approximate,
  ELU: (options) => new ELU(options).alpha,
};

/** Some option is required. */
const required: Readonly<Record<string, Call>> = {
  SGD: (options) => new SGD(model.parameters, options),
  Adam: (options) => new Adam(model.parameters, options),
  AdamW: (options) => new AdamW(model.parameters, options),
  RMSprop: (options) => new RMSprop(model.parameters, options),
  RMSNorm: (options) => new RMSNorm(options),
  oneHot: (options) => oneHot([0], options),
  stepSchedule: (options) => stepSchedule(options),
  cosineSchedule: (options) => cosineSchedule(options),
  oneCycleSchedule: (options) => oneCycleSchedule(options),
  warmUp: (options) => warmUp(options),
  WeightAverage: (options) => new WeightAverage(model, options),
  Batcher: (options) => new Batcher(options),
  checkpoint: (options) => checkpoint(options),
  restore: (options) => restore(options, saved),
  gradientCancellation: (options) => gradientCancellation(model, { input: x, target: x }, meanSquaredError, options),
  BatchRenorm: (options) => new BatchRenorm(options),
  GhostBatchNorm: (options) => new GhostBatchNorm(options),
  LpNorm: (options) => new LpNorm(options),
  MeanOnlyNorm: (options) => new MeanOnlyNorm(options),
  BatchRMSNorm: (options) => new BatchRMSNorm(options),
  DynamicTanh: (options) => new DynamicTanh(options),
  NoiseInjection: (options) => new NoiseInjection(options),
};

/** What is passed instead of options, as it is printed. */
const wrong: readonly (readonly [value: unknown, printed: string])[] = [
  [null, "null"],
  [1, "1"],
  [0, "0"],
  [true, "true"],
  ["cast", '"cast"'],
];

describe.each(Object.entries({ ...optional, ...required }))("%s", (name, call) => {
  it.each(wrong)("refuses %s in place of options", async (value, printed) => {
    await expectRefusal(() => call(value as never), `TypeError: ${name}: options | object | ${printed}`);
  });

  it("refuses an unknown option", async () => {
    await expectRefusal(() => call({ unheardOf: 1 } as never), `TypeError: ${name}: "unheardOf"`);
  });

  it(name in optional ? "does without options" : "refuses to do without options", async () => {
    if (name in optional) expect(call(undefined as never)).toEqual(call({} as never));
    else await expectRefusal(() => call(undefined as never), `TypeError: ${name}: options | object | undefined`);
  });
});

it("refuses metadata and states that are none", async () => {
  for (const [value, printed] of wrong) {
    await expectRefusal(
      () => writeSafetensors(arrays, value as never),
      `TypeError: writeSafetensors: object | ${printed}`,
    );
    await expectRefusal(() => restore(run, value as never), `TypeError: restore: checkpoint | object | ${printed}`);
  }
  await expectRefusal(() => restore(run, undefined as never), "TypeError: restore: checkpoint | object | undefined");
  expect(writeSafetensors(arrays, undefined)).toEqual(file);
});

it("names every function of these entry points that has options", () => {
  const withoutOptions = [
    "kerasDefaults",
    "readNpy",
    "readSafetensorsMetadata",
    "toKeras",
    "toPyTorch",
    "writeSafetensors",
    "clone",
    "summary",
  ];
  const names = Object.keys({ ...formats, ...tools, ...variants });
  expect([...names].sort()).toEqual(
    [...Object.keys({ ...optional, ...required }), ...withoutOptions].filter((name) => !(name in batchnorm)).sort(),
  );
});
