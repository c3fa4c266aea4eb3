/**
 * `npm run bench -- errors`: the largest error of each kernel of both sets, against the same work in double precision.
 *
 * In units of round-off (2^-24 in float32) of the largest result. float64 is held by the tests instead: there is no wider type here.
 */
import { plainKernels, wasmKernels } from "batchnorm";
import { Random } from "../../src/core/random.js";
import { unitRoundoff, type Floats } from "../../src/core/dtype.js";
import type { Kernels } from "../../src/kernels/types.js";

const random = new Random(1);
const normal = (length: number, mean = 0.5, std = 2): Float32Array =>
  new Float32Array(length).map(() => random.normal(mean, std));

/** The same computation on arrays of either dtype. */
type Compute = (kernels: Kernels, make: (values: Float32Array) => Floats) => Floats;

const empty = (length: number): Float32Array => new Float32Array(length);

function norm(rows: number, channels: number, backward: boolean, mean: number, std: number): Compute {
  const [x, dy] = [normal(rows * channels, mean, std), normal(rows * channels)];
  const [gamma, beta] = [normal(channels), normal(channels)];
  return (kernels, make) => {
    const statistics = {
      ...{ mean: new Float64Array(channels), variance: new Float64Array(channels), rstd: new Float64Array(channels) },
    };
    const view = { outer: rows, channels, inner: 1 };
    const given = { view, x: make(x), gamma: make(gamma), ...statistics };
    const y = make(empty(rows * channels));
    kernels.batchNormForward({ ...given, beta: make(beta), epsilon: 1e-5, y });
    if (!backward) return y;
    const dx = make(empty(rows * channels));
    kernels.batchNormBackward({
      ...given,
      dy: make(dy),
      dx,
      dgamma: make(empty(channels)),
      dbeta: make(empty(channels)),
    });
    return dx;
  };
}

function product(rows: number, inner: number, columns: number): Compute {
  const [a, b] = [normal(rows * inner), normal(inner * columns)];
  return (kernels, make) => {
    const out = make(empty(rows * columns));
    kernels.matmul({ rows, inner, columns, a: make(a), b: make(b), out });
    return out;
  };
}

function activation(name: "relu" | "sigmoid" | "tanh", backward: boolean): Compute {
  const [x, dy] = [normal(10_000), normal(10_000)];
  return (kernels, make) => {
    const y = make(empty(x.length));
    kernels[name]({ x: make(x), y });
    if (!backward) return y;
    const dx = make(empty(x.length));
    kernels[`${name}Backward`]({ y, dy: make(dy), dx });
    return dx;
  };
}

function crossEntropy(rows: number, classes: number): Compute {
  const logits = normal(rows * classes);
  const labels = Int32Array.from({ length: rows }, () => random.integer(classes));
  return (kernels, make) => {
    const dlogits = make(empty(rows * classes));
    kernels.softmaxCrossEntropy({ rows, classes, logits: make(logits), labels, labelSmoothing: 0, dlogits });
    return dlogits;
  };
}

function adam(): Compute {
  const [values, gradient, first] = [normal(10_000), normal(10_000), normal(10_000)];
  const second = normal(10_000).map((value) => value * value);
  return (kernels, make) => {
    const own = make(values);
    kernels.adam({
      ...{ values: own, gradient: make(gradient), firstMoment: make(first), secondMoment: make(second) },
      ...{ learningRate: 0.001, beta1: 0.9, beta2: 0.999, correction1: 0.5, correction2: 0.5, epsilon: 1e-8 },
      ...{ weightDecay: 0, decoupled: false },
    });
    return own;
  };
}

const works: readonly (readonly [string, Compute])[] = [
  ["matmul, 64 x 64 x 64", product(64, 64, 64)],
  ["matmul, 128 x 784 x 512", product(128, 784, 512)],
  ["batch norm y, [256, 512]", norm(256, 512, false, 0.5, 2)],
  ["batch norm dx, [256, 512]", norm(256, 512, true, 0.5, 2)],
  ["batch norm y, mean 1e4, std 1e-2", norm(256, 512, false, 1e4, 1e-2)],
  ["batch norm dx, mean 1e4, std 1e-2", norm(256, 512, true, 1e4, 1e-2)],
  ...(["relu", "sigmoid", "tanh"] as const).flatMap((name): [string, Compute][] => [
    [`${name} y`, activation(name, false)],
    [`${name} dx`, activation(name, true)],
  ]),
  ["softmax cross-entropy dlogits, [128, 1000]", crossEntropy(128, 1000)],
  ["adam", adam()],
];

console.log("| largest error, float32 | plain | wasm |\n| --- | ---: | ---: |");
for (const [name, compute] of works) {
  const exact = Float64Array.from(compute(plainKernels, (values) => Float64Array.from(values)));
  const scale = exact.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const errors = [plainKernels, wasmKernels()].map((kernels) => {
    const got = compute(kernels, (values) => values.slice());
    const off = exact.reduce((largest, value, i) => Math.max(largest, Math.abs(value - got[i]!)), 0);
    return (off / scale / unitRoundoff.float32).toFixed(2);
  });
  console.log(`| ${name} | ${errors.join(" | ")} |`);
}
