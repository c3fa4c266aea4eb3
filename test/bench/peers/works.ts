/** The works of `npm run bench -- peers` as plain data, which every contestant turns into its own arrays. */
import { Random } from "batchnorm";
import { buildLayers } from "../../../examples/images/networks.js";
import type { ImageNet } from "../image-works.js";
import { type Net, prepare } from "../model-works.js";

interface Named {
  readonly name: string;
  /** The largest difference between contestants, relative to the largest value. */
  readonly tolerance: number;
  /** The share of values that may differ more: a ReLU cuts off what another contestant's rounding leaves above 0. */
  readonly cutOff?: number;
}

export interface MatmulPeerWork extends Named {
  readonly kind: "matmul";
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/** Features are axis 1. */
export interface NormPeerWork extends Named {
  readonly kind: "batchNorm" | "inference" | "into" | "stack";
  readonly shape: readonly number[];
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly epsilon: number;
  /** How many pairs of batch norm and ReLU a stack has. */
  readonly layers: number;
}

export interface NetPeerWork extends Named {
  readonly kind: "training" | "gradient";
  readonly net: Net;
  readonly widths: readonly number[];
  readonly batch: number;
  readonly norm: boolean;
  readonly activation?: "sigmoid" | "relu";
  readonly epsilon: number;
  readonly learningRate: number;
  readonly input: Float32Array;
  readonly labels?: readonly number[];
  readonly target?: Float32Array;
  /** Weight and bias of each dense layer, gamma and beta of each batch norm, in the order of the forward pass. */
  readonly parameters: readonly { readonly shape: readonly number[]; readonly values: Float32Array }[];
}

/** A step of SGD of a convolutional network. */
export interface ImagePeerWork extends Named {
  readonly kind: "images";
  readonly net: ImageNet;
  readonly epsilon: number;
  readonly learningRate: number;
  /** [batch, 1, 32, 32] */
  readonly input: Float32Array;
  readonly labels: readonly number[];
  /** In the order of the forward pass, those of a projection after those of its body. */
  readonly parameters: readonly { readonly shape: readonly number[]; readonly values: Float32Array }[];
}

/** A convolution, forward and backward to weight and input: 3 x 3, padding 1. */
export interface ConvolutionPeerWork extends Named {
  readonly kind: "convolution";
  readonly shape: readonly [batch: number, channels: number, height: number, width: number];
  readonly outputs: number;
  readonly x: Float32Array;
  readonly weight: Float32Array;
  readonly dy: Float32Array;
}

export type PeerWork = MatmulPeerWork | NormPeerWork | NetPeerWork | ImagePeerWork | ConvolutionPeerWork;

const LAYERS = 6;

function normal(length: number, label: string): Float32Array {
  const random = new Random(1).fork(label);
  return new Float32Array(length).map(() => random.normal(0.5, 2));
}

/** out = a b */
export function matmulPeerWork(rows: number, inner: number, columns: number): MatmulPeerWork {
  const [a, b] = [normal(rows * inner, "a"), normal(inner * columns, "b")];
  return { kind: "matmul", name: `matmul ${rows}x${inner}x${columns}`, tolerance: 1e-4, rows, inner, columns, a, b };
}

function norm(kind: NormPeerWork["kind"], what: string, shape: readonly number[]): NormPeerWork {
  const size = shape.reduce((product, length) => product * length, 1);
  const features = shape[1]!;
  return {
    kind,
    name: `${what} [${shape.join(", ")}]`,
    layers: LAYERS,
    tolerance: 1e-4,
    shape,
    x: normal(size, "x"),
    dy: normal(size, "dy"),
    gamma: normal(features, "gamma"),
    beta: normal(features, "beta"),
    mean: normal(features, "mean"),
    variance: normal(features, "variance").map((value) => 0.5 + value * value),
    epsilon: 1e-5,
  };
}

/** Forward with the statistics of the batch, backward, and the update of the running statistics. */
export function batchNormPeerWork(shape: readonly number[]): NormPeerWork {
  return norm("batchNorm", "batch norm, train, forward + backward", shape);
}

/** With given statistics, from one array to a new one. */
export function inferencePeerWork(shape: readonly number[]): NormPeerWork {
  return norm("inference", "batch norm, inference", shape);
}

/** The same into an array of the caller's, which only this library offers: the others allocate their output. */
export function intoPeerWork(shape: readonly number[]): NormPeerWork {
  return norm("into", "batch norm, inference into a given array (the others: a new one)", shape);
}

/** Pairs of batch norm and ReLU, train, forward and backward to the input. */
export function stackPeerWork(shape: readonly number[]): NormPeerWork {
  return { ...norm("stack", `${LAYERS} x (batch norm, ReLU), train, forward + backward`, shape), cutOff: 1e-3 };
}

/** A step of SGD, or loss and gradient alone. */
export function netPeerWork(kind: NetPeerWork["kind"], net: Net): NetPeerWork {
  const { widths, batch, norm: hasNorm, activation } = net;
  const { model, input, target } = prepare(net);
  return {
    kind,
    name: `${kind === "training" ? "training step" : "loss + gradient"}, ${net.name}`,
    tolerance: 1e-3,
    net,
    ...{ widths, batch, norm: hasNorm, epsilon: 1e-5, learningRate: 1e-3 },
    ...(activation && { activation }),
    input: input.data as Float32Array,
    ...("data" in target ? { target: target.data as Float32Array } : { labels: target }),
    parameters: model.parameters.map(({ value }) => ({ shape: value.shape, values: value.data as Float32Array })),
  };
}

/** A step of SGD on random images. */
export function imagePeerWork(net: ImageNet): ImagePeerWork {
  const random = new Random(1).fork(net.name);
  const model = buildLayers(net.layers, random);
  return {
    kind: "images",
    name: `training step, ${net.name}`,
    tolerance: 1e-3,
    net,
    ...{ epsilon: 1e-5, learningRate: 1e-3 },
    input: normal(net.batch * 32 * 32, "images"),
    labels: Array.from({ length: net.batch }, () => random.integer(10)),
    parameters: model.parameters.map(({ value }) => ({ shape: value.shape, values: value.data as Float32Array })),
  };
}

/** y = x * W, dW and dx. */
export function convolutionPeerWork(shape: ConvolutionPeerWork["shape"], outputs: number): ConvolutionPeerWork {
  const [batch, channels, height, width] = shape;
  return {
    kind: "convolution",
    name: `Conv2d [${shape.join(", ")}] -> ${outputs}, 3x3, forward + backward`,
    tolerance: 1e-3,
    ...{ shape, outputs },
    x: normal(batch * channels * height * width, "x"),
    weight: normal(outputs * channels * 9, "weight"),
    dy: normal(batch * outputs * height * width, "dy"),
  };
}
