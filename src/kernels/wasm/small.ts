/** Where copying in and out costs more than the work: such calls go to the plain kernels. */

import type { ChannelView } from "../../core/shape.js";
import type { Floats } from "../../core/dtype.js";
import type { Kernels, MatmulArguments } from "../types.js";
import { plainKernels } from "../plain/kernels.js";

// Measured on V8: below these sizes the plain kernels are faster; sigmoid, tanh and softmax cross-entropy are at no size.
const PRODUCTS = 216;
const VALUES = 128;

/** A kernel set that hands small calls to the plain set. Which one computes depends on the sizes of a call alone. */
export function plainWhereSmall(set: Kernels): Kernels {
  const by = (small: boolean): Kernels => (small ? plainKernels : set);
  const product = ({ rows, inner, columns }: MatmulArguments): Kernels => by(rows * inner * columns < PRODUCTS);
  const values = ({ length }: Floats): Kernels => by(length < VALUES);
  const view = ({ outer, channels, inner }: ChannelView): Kernels => by(outer * channels * inner < VALUES);
  return {
    ...set,
    matmul: (args) => product(args).matmul(args),
    matmulTransposedA: (args) => product(args).matmulTransposedA(args),
    matmulTransposedB: (args) => product(args).matmulTransposedB(args),
    columnSums: (args) => by(args.rows * args.columns < VALUES).columnSums(args),
    moments: (args) => view(args.view).moments(args),
    batchNormForward: (args) => view(args.view).batchNormForward(args),
    batchNormBackward: (args) => view(args.view).batchNormBackward(args),
    normalize: (args) => view(args.view).normalize(args),
    normalizeBackward: (args) => view(args.view).normalizeBackward(args),
    relu: (args) => values(args.x).relu(args),
    reluBackward: (args) => values(args.y).reluBackward(args),
    leakyRelu: (args) => values(args.x).leakyRelu(args),
    leakyReluBackward: (args) => values(args.y).leakyReluBackward(args),
    meanSquaredError: (args) => values(args.prediction).meanSquaredError(args),
    sgd: (args) => values(args.values).sgd(args),
    adam: (args) => values(args.values).adam(args),
  };
}
