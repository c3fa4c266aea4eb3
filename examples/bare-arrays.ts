/** Batch norm in a model on bare Float32Arrays: no tensors and no layers, only functions on arrays. */
import { Random } from "batchnorm";
import { channelView, defaultKernels } from "batchnorm/kernels";

const kernels = defaultKernels();
const random = new Random(1);
const [N, INPUTS, HIDDEN, CLASSES] = [64, 2, 32, 2];

// The parameters, each with its gradient.
const parameter = (values: Float32Array): { values: Float32Array; gradient: Float32Array } => ({
  values,
  gradient: new Float32Array(values.length),
});
const normal = (length: number, std: number): Float32Array =>
  Float32Array.from({ length }, () => random.normal(0, std));
const w1 = parameter(normal(INPUTS * HIDDEN, 1)); // [INPUTS, HIDDEN]; no bias, since batch norm would cancel it
const gamma = parameter(new Float32Array(HIDDEN).fill(1));
const beta = parameter(new Float32Array(HIDDEN));
const w2 = parameter(normal(HIDDEN * CLASSES, 0.3)); // [HIDDEN, CLASSES]
const b2 = parameter(new Float32Array(CLASSES));

// All other arrays, allocated once. The statistics of batch norm are always in double precision.
const x = new Float32Array(N * INPUTS);
const labels = new Int32Array(N);
const hidden = (): Float32Array => new Float32Array(N * HIDDEN);
const [z, normed, active, dactive, dnormed, dz] = [hidden(), hidden(), hidden(), hidden(), hidden(), hidden()];
const [logits, dlogits] = [new Float32Array(N * CLASSES), new Float32Array(N * CLASSES)];
const view = channelView([N, HIDDEN], 1);
const [mean, variance, rstd] = [new Float64Array(HIDDEN), new Float64Array(HIDDEN), new Float64Array(HIDDEN)];

/** Draws random points; the label is 1 if a point lies in the ring between the radii 1 and 2. */
function nextBatch(): void {
  for (let n = 0; n < N; n++) {
    const [a, b] = [random.uniform(-2.5, 2.5), random.uniform(-2.5, 2.5)];
    x.set([a, b], n * INPUTS);
    labels[n] = 1 < a * a + b * b && a * a + b * b < 4 ? 1 : 0;
  }
}

/** Runs dense, batch norm, ReLU, dense and softmax cross-entropy, then the backward pass. Returns the loss. */
function forwardAndBackward(): number {
  kernels.matmul({ rows: N, inner: INPUTS, columns: HIDDEN, a: x, b: w1.values, out: z });
  const affine = { gamma: gamma.values, beta: beta.values };
  kernels.batchNormForward({ view, x: z, ...affine, epsilon: 1e-5, y: normed, mean, variance, rstd });
  kernels.relu({ x: normed, y: active });
  const second = { rows: N, inner: HIDDEN, columns: CLASSES };
  kernels.matmul({ ...second, a: active, b: w2.values, bias: b2.values, out: logits });
  const loss = kernels.softmaxCrossEntropy({ rows: N, classes: CLASSES, logits, labels, labelSmoothing: 0, dlogits });

  kernels.columnSums({ rows: N, columns: CLASSES, x: dlogits, out: b2.gradient });
  const bySecond = { rows: HIDDEN, inner: N, columns: CLASSES };
  kernels.matmulTransposedA({ ...bySecond, a: active, b: dlogits, out: w2.gradient });
  kernels.matmulTransposedB({ rows: N, inner: CLASSES, columns: HIDDEN, a: dlogits, b: w2.values, out: dactive });
  kernels.reluBackward({ y: active, dy: dactive, dx: dnormed });
  const gradients = { dx: dz, dgamma: gamma.gradient, dbeta: beta.gradient };
  kernels.batchNormBackward({ view, x: z, dy: dnormed, gamma: gamma.values, mean, rstd, ...gradients });
  kernels.matmulTransposedA({ rows: INPUTS, inner: N, columns: HIDDEN, a: x, b: dz, out: w1.gradient });
  return loss;
}

// To predict single points, average `mean` and `variance` over the batches and call `kernels.normalize`.
const plainSGD = { learningRate: 0.5, momentum: 0, nesterov: false, weightDecay: 0 };
for (let part = 1; part <= 4; part++) {
  let sum = 0;
  for (let step = 0; step < 250; step++) {
    nextBatch();
    sum += forwardAndBackward();
    for (const { values, gradient } of [w1, gamma, beta, w2, b2]) kernels.sgd({ values, gradient, ...plainSGD });
  }
  console.log(`steps ${part * 250 - 249} to ${part * 250}: mean loss ${(sum / 250).toFixed(2)}`);
}

/* Prints
steps 1 to 250: mean loss 0.57
steps 251 to 500: mean loss 0.45
steps 501 to 750: mean loss 0.41
steps 751 to 1000: mean loss 0.40
*/
