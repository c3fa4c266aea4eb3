/** summary: the layers of a model, their shapes, and how many numbers they hold. */

import { expectLayer } from "../layers/guards.js";
import type { Layer } from "../layers/contract.js";
import { printShape } from "../core/shape.js";
import { expectTensor, type Tensor } from "../core/tensor.js";
import { observeInference } from "./observe.js";
import { layersByPath } from "./tree.js";

/** A layer in a summary. */
export interface SummaryLayer {
  /** For example "2.0"; "" for the model itself. */
  readonly path: string;
  /** The name of its class. */
  readonly kind: string;
  /** The shape of its output, or null without an input. A layer that runs several times has that of its last run. */
  readonly output: readonly number[] | null;
  /** The number of trainable and frozen numbers in its parameters; 0 at the second place of a layer that is used twice. */
  readonly parameters: number;
}

/** The report of `summary`. Plain JSON. */
export interface SummaryReport {
  readonly tool: "summary";
  /** All layers except containers, in the order of the model. */
  readonly layers: readonly SummaryLayer[];
  /** The number of numbers in all parameters. */
  readonly parameters: number;
  /** Those that optimizers update. */
  readonly trainable: number;
  /** The bytes of all parameters and running statistics. */
  readonly bytes: number;
  /** The bytes of the outputs of all layers for this input, or null without one. The backward pass reads most of them. */
  readonly activationBytes: number | null;
  /** The report as a table. */
  readonly text: string;
}

/**
 * Lists the layers of a model with the shapes of their outputs, their numbers of parameters, and the memory that they need. The model
 * is unchanged.
 *
 * - **Shapes**: input: a batch such as `Tensor.zeros([64, 784])`; without it, the shapes are unknown
 * - **Cost**: one forward pass in mode "inference" if there is an input
 *
 * @throws {TypeError} if the model is not a layer
 * @throws {ShapeError} if a layer does not accept the shape of its input
 * @example
 * const random = new Random(1);
 * const model = new Sequential([new Dense({ inputs: 4, outputs: 3, random }), new BatchNorm({ features: 3 }), new ReLU()]);
 * const { text, parameters } = summary(model, Tensor.zeros([8, 4]));
 * parameters;   // => 21
 * text.split("\n")[1];   // => "0     Dense      [8, 3]          15"
 */
export function summary(model: Layer, input?: Tensor): SummaryReport {
  const who = "summary";
  expectLayer(who, model);
  if (input !== undefined) expectTensor(who, "the input", input);
  const observed = input && observeInference(model, input, { mode: "inference" }).inference.observed;
  const outputs = new Map(observed?.map(({ path, output }) => [path, output]));
  const counted = new Set<unknown>();
  const count = ({ parameters }: Layer): number => {
    let size = 0;
    for (const parameter of parameters) if (!counted.has(parameter)) size += parameter.value.size;
    for (const parameter of parameters) counted.add(parameter);
    return size;
  };
  // A container with parameters of its own is listed too, after its children.
  const layers = layersByPath(model).flatMap(([path, layer]): SummaryLayer[] => {
    const parameters = count(layer);
    const output = outputs.get(path)?.shape ?? null;
    return layer.children !== undefined && parameters === 0
      ? []
      : [{ path, kind: layer.constructor.name, output, parameters }];
  });
  const { parameters, statistics } = model;
  const size = (list: typeof parameters): number => list.reduce((sum, { value }) => sum + value.size, 0);
  const report = {
    tool: who,
    layers,
    parameters: size(parameters),
    trainable: size(parameters.filter(({ trainable }) => trainable)),
    bytes: [...parameters.map(({ value }) => value.data), ...statistics.map(({ values }) => values)].reduce(
      (sum, { byteLength }) => sum + byteLength,
      0,
    ),
    activationBytes: observed?.reduce((sum, { output }) => sum + output.data.byteLength, 0) ?? null,
  } as const;
  return { ...report, text: textOf(report) };
}

function textOf({ layers, parameters, trainable, bytes, activationBytes }: Omit<SummaryReport, "text">): string {
  const rows = layers.map((layer) => [
    layer.path,
    layer.kind,
    layer.output === null ? "" : printShape(layer.output),
    String(layer.parameters),
  ]);
  const table = [["path", "layer", "output", "parameters"], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row.map((cell, column) => (column === 3 ? cell.padStart(widths[3]!) : cell.padEnd(widths[column]!))).join("  "),
  );
  const activations = activationBytes === null ? "" : `, ${printBytes(activationBytes)} of activations`;
  const frozen = trainable === parameters ? "" : `, of which ${trainable} are trainable`;
  return `${lines.join("\n")}\n${parameters} parameters${frozen}; ${printBytes(bytes)} with statistics${activations}`;
}

function printBytes(bytes: number): string {
  const [unit, name] = bytes < 1e6 ? [1e3, "kB"] : [1e6, "MB"];
  return `${Number((bytes / unit).toPrecision(3))} ${name}`;
}
