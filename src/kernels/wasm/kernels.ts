/** The WebAssembly kernel set. */

import { complaint } from "../../core/errors.js";
import type { Floats } from "../../core/dtype.js";
import type { ChannelView } from "../../core/shape.js";
import { basicPlainKernels, plainKernels } from "../plain/kernels.js";
import { maxPool2dGradient } from "../plain/pooling.js";
import { registerResidence } from "../residence.js";
import type {
  AdamArguments,
  AllKernels,
  ColumnSumsArguments,
  ElementwiseArguments,
  ElementwiseBackwardArguments,
  ImageKernels,
  Kernels,
  MatmulArguments,
  MeanSquaredErrorArguments,
  SGDArguments,
  WindowShape,
} from "../types.js";
import { batchNormKernels } from "./batch-norm.js";
import { convolutionKernels } from "./convolution.js";
import { elementwiseKernels } from "./elementwise.js";
import { type Wasm, wasmOrRefusal } from "./instance.js";
import { lossKernels } from "./losses.js";
import { columnSumsKernel, matmulKernels } from "./matmul.js";
import { optimizerKernels } from "./optimizers.js";
import { poolingKernels } from "./pooling.js";

// Below these sizes copying in and out costs more than the work (measured on V8). Sigmoid, tanh and softmax cross-entropy are
// faster in WebAssembly at every size.
const LEAST_PRODUCTS = 216;
const LEAST_VALUES = 128;
const LEAST_IMAGE_PRODUCTS = 2048;

let kernels: AllKernels | undefined;
let basic: Kernels | undefined;

/**
 * Returns the kernels on WebAssembly SIMD, compiled at the first call. Calls too small to be worth the copies into the module
 * are computed by the plain kernels.
 *
 * - **Numerics**: fixed-width SIMD without the relaxed instructions, so the same bits in every engine. Sums and statistics of
 *   normalizations and losses are in double precision, products and element-wise arithmetic in the dtype of the arrays
 *
 * @throws Error if the host refuses: no WebAssembly, no SIMD, or a content security policy without "wasm-unsafe-eval"
 * @example
 * const model = new Sequential([new ReLU()]);
 * const pass: Pass = { mode: "inference", kernels: wasmKernels() };
 * model.forward(Tensor.from([[-1, 2]]), pass).output.toNested();   // => [[0, 2]]
 */
export function wasmKernels(): AllKernels {
  const wasm = wasmOrRefusal();
  if (typeof wasm === "string") {
    throw new Error(complaint("wasmKernels", "a host that compiles WebAssembly SIMD", wasm, "use plainKernels"));
  }
  if (kernels === undefined) {
    kernels = plainWhereSmall(moduleKernels(wasm));
    registerResidence(kernels, wasm.memory);
  }
  return kernels;
}

/** Returns the same without the kernels of images; the host must have compiled the module. */
export function basicWasmKernels(): Kernels {
  if (basic === undefined) {
    const wasm = wasmOrRefusal() as Wasm;
    basic = basicWhereSmall(basicModuleKernels(wasm));
    registerResidence(basic, wasm.memory);
  }
  return basic;
}

/** Returns the kernels of a module, for calls of every size. */
export function moduleKernels(wasm: Wasm): AllKernels {
  return { ...basicModuleKernels(wasm), ...convolutionKernels(wasm), ...poolingKernels(wasm), maxPool2dGradient };
}

function basicModuleKernels(wasm: Wasm): Kernels {
  return {
    name: "wasm",
    ...matmulKernels(wasm),
    ...columnSumsKernel(wasm),
    ...batchNormKernels(wasm),
    ...elementwiseKernels(wasm),
    ...lossKernels(wasm),
    ...optimizerKernels(wasm),
  };
}

/** Returns a kernel set that passes small calls on to the plain set. The sizes of a call alone decide. */
export function plainWhereSmall(set: AllKernels): AllKernels {
  const either = (args: Unchecked<Convolution>): ImageKernels => (isSmallConvolution(args) ? plainKernels : set);
  return {
    ...set,
    ...basicWhereSmall(set),
    convolve2d: (args) => {
      either(args).convolve2d(args);
    },
    convolve2dGradInput: (args) => {
      either(args).convolve2dGradInput(args);
    },
    convolve2dGradWeight: (args) => {
      either(args).convolve2dGradWeight(args);
    },
  };
}

/** What the arguments of all three kernels of a convolution have. */
interface Convolution {
  readonly shape: WindowShape;
  readonly outputs: number;
}

function isSmallConvolution(args: Unchecked<Convolution>): boolean {
  const shape: Unchecked<WindowShape> = args?.shape;
  if (shape === null || shape === undefined) return false;
  const { batch, channels, windowHeight, windowWidth, outHeight, outWidth } = shape;
  const sizes: readonly unknown[] = [args?.outputs, batch, channels, windowHeight, windowWidth, outHeight, outWidth];
  let products = 1;
  for (const size of sizes) products *= typeof size === "number" ? size : NaN;
  return products < LEAST_IMAGE_PRODUCTS;
}

function basicWhereSmall(set: Kernels): Kernels {
  const either = (small: boolean): Kernels => (small ? basicPlainKernels : set);
  const product = (args: Unchecked<MatmulArguments>): Kernels =>
    either(isBelow(LEAST_PRODUCTS, args?.rows, args?.inner, args?.columns));
  const sums = (args: Unchecked<ColumnSumsArguments>): Kernels =>
    either(isBelow(LEAST_VALUES, args?.rows, args?.columns, 1));
  const values = (array: Unchecked<Floats>): Kernels => either(isBelow(LEAST_VALUES, array?.length, 1, 1));
  const view = (args: Unchecked<{ readonly view: ChannelView }>): Kernels => {
    const shape: Unchecked<ChannelView> = args?.view;
    return either(isBelow(LEAST_VALUES, shape?.outer, shape?.channels, shape?.inner));
  };
  return {
    ...set,
    matmul: (args) => product(args).matmul(args),
    matmulTransposedA: (args) => product(args).matmulTransposedA(args),
    matmulTransposedB: (args) => product(args).matmulTransposedB(args),
    columnSums: (args) => sums(args).columnSums(args),
    moments: (args) => view(args).moments(args),
    batchNormForward: (args) => view(args).batchNormForward(args),
    batchNormBackward: (args) => view(args).batchNormBackward(args),
    normalize: (args) => view(args).normalize(args),
    normalizeBackward: (args) => view(args).normalizeBackward(args),
    relu: (args) => values((args as Unchecked<ElementwiseArguments>)?.x).relu(args),
    reluBackward: (args) => values((args as Unchecked<ElementwiseBackwardArguments>)?.y).reluBackward(args),
    leakyRelu: (args) => values((args as Unchecked<ElementwiseArguments>)?.x).leakyRelu(args),
    leakyReluBackward: (args) => values((args as Unchecked<ElementwiseBackwardArguments>)?.y).leakyReluBackward(args),
    meanSquaredError: (args) =>
      values((args as Unchecked<MeanSquaredErrorArguments>)?.prediction).meanSquaredError(args),
    sgd: (args) => values((args as Unchecked<SGDArguments>)?.values).sgd(args),
    adam: (args) => values((args as Unchecked<AdamArguments>)?.values).adam(args),
  };
}

/** Arguments as a caller in plain JavaScript may pass them: the kernels of either set will refuse them. */
type Unchecked<Arguments> = Arguments | null | undefined;

/** Returns whether a size is known and below a limit. */
function isBelow(limit: number, a: number | undefined, b: number | undefined, c: number | undefined): boolean {
  return typeof a === "number" && typeof b === "number" && typeof c === "number" && a * b * c < limit;
}
