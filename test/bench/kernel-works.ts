/** Single kernels: products, batch normalization, element-wise functions, losses and optimizer steps. */
import { allocate, type DType, type Floats } from "../../src/core/dtype.js";
import { Random } from "../../src/core/random.js";
import { imageKernels } from "../../src/kernels/default.js";
import type { Kernels } from "../../src/kernels/types.js";
import type { ChannelView } from "../../src/core/shape.js";
import type { Run } from "./measure.js";

/** A work, to be prepared for any kernel set. */
export interface Work {
  readonly name: string;
  readonly dtype: DType;
  /** The largest difference between contestants, relative to the largest value. */
  readonly tolerance: number;
  readonly prepare: (kernels: Kernels) => Run;
}

/** Hides values from the optimizer, which would fold arrays that it knows to be constant into the measured loop. */
export function opaque<T extends object>(values: T): T {
  const hidden = Object.fromEntries(Object.keys(values).map((key) => [key, undefined]));
  return Object.assign(hidden, values);
}

function normal(dtype: DType, length: number, label: string): Floats {
  const random = new Random(1).fork(label);
  return allocate(dtype, length).map(() => random.normal(0.5, 2));
}

const roundOff = (dtype: DType): number => (dtype === "float32" ? 1e-5 : 1e-12);

/** out = a b */
export function matmulWork(
  form: "matmul" | "matmulTransposedA" | "matmulTransposedB",
  rows: number,
  inner: number,
  columns: number,
  dtype: DType = "float32",
): Work {
  const product = { matmul: "a b", matmulTransposedA: "aᵀ b", matmulTransposedB: "a bᵀ" }[form];
  return {
    name: `${product} ${rows}x${inner}x${columns}`,
    dtype,
    tolerance: roundOff(dtype),
    prepare: (kernels) => {
      const a = normal(dtype, rows * inner, "a");
      const b = normal(dtype, inner * columns, "b");
      const args = opaque({ rows, inner, columns, a, b, out: allocate(dtype, rows * columns) });
      return () => {
        kernels[form](args);
        return args.out;
      };
    },
  };
}

const CONVOLUTIONS = {
  convolve2d: "convolution",
  convolve2dGradInput: "its dx",
  convolve2dGradWeight: "its dweight",
} as const;

/** A 3x3 convolution with padding 1 of 64 square images, or one of its gradients. */
export function convolutionWork(
  form: keyof typeof CONVOLUTIONS,
  channels: number,
  size: number,
  outputs: number,
): Work {
  const shape = {
    ...{ batch: 64, channels, height: size, width: size, windowHeight: 3, windowWidth: 3, strideY: 1, strideX: 1 },
    ...{ top: 1, left: 1, outHeight: size, outWidth: size },
  };
  const pixels = 64 * size * size;
  return {
    name: `${CONVOLUTIONS[form]}, [64, ${channels}, ${size}, ${size}] -> ${outputs}, 3x3`,
    dtype: "float32",
    tolerance: 1e-5,
    prepare: (kernels) => {
      const args = opaque({
        ...{
          shape,
          outputs,
          x: normal("float32", channels * pixels, "x"),
          dy: normal("float32", outputs * pixels, "dy"),
        },
        ...{ weight: normal("float32", outputs * channels * 9, "weight"), bias: normal("float32", outputs, "bias") },
        ...{ y: new Float32Array(outputs * pixels), dx: new Float32Array(channels * pixels) },
        ...{ dweight: new Float32Array(outputs * channels * 9), dbias: new Float32Array(outputs) },
      });
      const set = imageKernels(kernels);
      return () => {
        set[form](args);
        return { convolve2d: args.y, convolve2dGradInput: args.dx, convolve2dGradWeight: args.dweight }[form];
      };
    },
  };
}

/** Max pooling over windows of 2x2, and its gradient. */
export function poolingWork(channels: number, size: number): Work {
  const shape = {
    ...{ batch: 64, channels, height: size, width: size, windowHeight: 2, windowWidth: 2, strideY: 2, strideX: 2 },
    ...{ top: 0, left: 0, outHeight: size / 2, outWidth: size / 2 },
  };
  const pixels = 64 * channels * size * size;
  return {
    name: `max pooling, forward and backward, [64, ${channels}, ${size}, ${size}], 2x2`,
    dtype: "float32",
    tolerance: 0,
    prepare: (kernels) => {
      const args = opaque({
        ...{ shape, x: normal("float32", pixels, "x"), dy: normal("float32", pixels / 4, "dy") },
        ...{ y: new Float32Array(pixels / 4), argmax: new Int32Array(pixels / 4), dx: new Float32Array(pixels) },
      });
      const set = imageKernels(kernels);
      return () => {
        set.maxPool2d(args);
        set.maxPool2dGradient(args);
        return args.dx;
      };
    },
  };
}

const print = ({ outer, channels, inner }: ChannelView): string =>
  `[${[outer, channels, ...(inner === 1 ? [] : [inner])].join(", ")}]`;

/** Forward with the statistics of the batch, and backward. */
export function batchNormWork(view: ChannelView, dtype: DType = "float32"): Work {
  const { outer, channels, inner } = view;
  const size = outer * channels * inner;
  return {
    name: `batch norm, forward and backward, ${print(view)}`,
    dtype,
    tolerance: roundOff(dtype),
    prepare: (kernels) => {
      const args = opaque({
        ...{ view, epsilon: 1e-5, x: normal(dtype, size, "x"), dy: normal(dtype, size, "dy") },
        ...{ gamma: normal(dtype, channels, "gamma"), beta: normal(dtype, channels, "beta") },
        ...{ y: allocate(dtype, size), dx: allocate(dtype, size) },
        ...{ dgamma: allocate(dtype, channels), dbeta: allocate(dtype, channels) },
        ...{ mean: new Float64Array(channels), variance: new Float64Array(channels), rstd: new Float64Array(channels) },
      });
      return () => {
        kernels.batchNormForward(args);
        kernels.batchNormBackward(args);
        return args.dx;
      };
    },
  };
}

/** With given statistics. */
export function inferenceWork(view: ChannelView, dtype: DType = "float32"): Work {
  const { outer, channels, inner } = view;
  const size = outer * channels * inner;
  return {
    name: `batch norm, inference, ${print(view)}`,
    dtype,
    tolerance: roundOff(dtype),
    prepare: (kernels) => {
      const args = opaque({
        ...{ view, x: normal(dtype, size, "x"), y: allocate(dtype, size) },
        ...{ gamma: normal(dtype, channels, "gamma"), beta: normal(dtype, channels, "beta") },
        ...{ mean: new Float64Array(channels).fill(0.5), rstd: new Float64Array(channels).fill(0.5) },
      });
      return () => {
        kernels.normalize(args);
        return args.y;
      };
    },
  };
}

/** y from x, and the gradient. */
export function elementwiseWork(name: "relu" | "sigmoid" | "tanh", size: number): Work {
  return {
    name: `${name}, forward and backward, ${size}`,
    dtype: "float32",
    tolerance: 1e-5,
    prepare: (kernels) => {
      const x = normal("float32", size, "x");
      const dy = normal("float32", size, "dy");
      const args = opaque({ x, y: new Float32Array(size), dy, dx: new Float32Array(size) });
      return () => {
        kernels[name](args);
        kernels[`${name}Backward`](args);
        return args.dx;
      };
    },
  };
}

/** Loss and gradient. */
export function crossEntropyWork(rows: number, classes: number): Work {
  return {
    name: `softmax cross-entropy, [${rows}, ${classes}]`,
    dtype: "float32",
    tolerance: 1e-5,
    prepare: (kernels) => {
      const random = new Random(1);
      const args = opaque({
        ...{ rows, classes, logits: normal("float32", rows * classes, "logits"), labelSmoothing: 0 },
        ...{ labels: Int32Array.from({ length: rows }, () => random.integer(classes)) },
        ...{ dlogits: new Float32Array(rows * classes) },
      });
      return () => {
        kernels.softmaxCrossEntropy(args);
        return args.dlogits;
      };
    },
  };
}

/** One step; at learning rate 0 the values stay, so that every contestant does the same work again and again. */
export function optimizerWork(name: "sgd" | "adam", size: number): Work {
  return {
    name: `${name}, ${size}`,
    dtype: "float32",
    tolerance: 1e-5,
    prepare: (kernels) => {
      const args = opaque({
        ...{ values: normal("float32", size, "values"), gradient: normal("float32", size, "gradient") },
        ...{ firstMoment: new Float32Array(size), secondMoment: new Float32Array(size).fill(1) },
        ...{ learningRate: 0, momentum: 0, nesterov: false, weightDecay: 0, decoupled: false },
        ...{ beta1: 0.9, beta2: 0.999, correction1: 0.1, correction2: 0.001, epsilon: 1e-8 },
      });
      return () => {
        kernels[name](args);
        return args.values;
      };
    },
  };
}
