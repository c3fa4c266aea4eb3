// jax-js on its WebAssembly backend. It has no batch norm layer: the layer's gradient is written by hand, as the faster of the
// two ways, and whole models go through its autodiff. Everything is jitted; an array is used up by a call unless `.ref` keeps it.
import { defaultDevice, init, jit, lax, nn, numpy as np, valueAndGrad, vjp } from "@jax-js/jax";

await init("wasm");
defaultDevice("wasm");

const array = (values, shape) => np.array(values).reshape(shape);

/** The run of a work; it gives the numbers to compare. */
export function prepare(work) {
  return works[work.kind](work);
}

const works = {
  matmul({ rows, inner, columns, a, b }) {
    const [x, y] = [array(a, [rows, inner]), array(b, [inner, columns])];
    const multiply = jit((left, right) => np.matmul(left, right));
    return () => multiply(x.ref, y.ref).dataSync();
  },

  inference({ shape, x, gamma, beta, mean, variance, epsilon }) {
    const perFeature = shape.map((length, axis) => (axis === 1 ? length : 1));
    const all = [array(x, shape), ...[gamma, beta, mean, variance].map((values) => array(values, perFeature))];
    const normalize = jit((input, scale, shift, m, v) =>
      input
        .sub(m)
        .mul(scale.div(np.sqrt(v.add(epsilon))))
        .add(shift),
    );
    return () => normalize(...all.map((each) => each.ref)).dataSync();
  },

  batchNorm({ shape, x, dy, gamma, beta, epsilon }) {
    const perFeature = shape.map((length, axis) => (axis === 1 ? length : 1));
    const axes = shape.map((_, axis) => axis).filter((axis) => axis !== 1);
    const count = x.length / shape[1];
    const step = jit((input, gradient, scale, shift, runningMean, runningVariance) => {
      const m = np.mean(input.ref, axes, { keepdims: true });
      const centered = input.sub(m.ref);
      const v = np.mean(np.square(centered.ref), axes, { keepdims: true });
      const rstd = np.sqrt(v.ref.add(epsilon));
      const xhat = centered.div(rstd.ref);
      const y = xhat.ref.mul(scale.ref).add(shift);
      const dbeta = np.sum(gradient.ref, axes, { keepdims: true });
      const dgamma = np.sum(gradient.ref.mul(xhat.ref), axes, { keepdims: true });
      const inner = gradient.sub(dbeta.ref.div(count)).sub(xhat.mul(dgamma.ref.div(count)));
      const dx = inner.mul(scale.div(rstd));
      const nextMean = runningMean.mul(0.9).add(m.mul(0.1));
      const nextVariance = runningVariance.mul(0.9).add(v.mul((0.1 * count) / (count - 1)));
      return [y, dx, dgamma, dbeta, nextMean, nextVariance];
    });
    const given = [array(x, shape), array(dy, shape), array(gamma, perFeature), array(beta, perFeature)];
    let running = [np.zeros(perFeature), np.ones(perFeature)];
    return () => {
      const [y, dx, dgamma, dbeta, mean, variance] = step(...given.map((each) => each.ref), ...running);
      running = [mean, variance];
      for (const output of [y, dgamma, dbeta]) output.dataSync();
      return dx.dataSync();
    };
  },

  into(work) {
    return works.inference(work);
  },

  stack({ shape, x, dy, gamma, beta, epsilon, layers }) {
    const perFeature = shape.map((length, axis) => (axis === 1 ? length : 1));
    const axes = shape.map((_, axis) => axis).filter((axis) => axis !== 1);
    const count = x.length / shape[1];
    const step = jit((input, gradient, scale, shift, running) => {
      const kept = [];
      const outputs = [];
      let y = input;
      for (let layer = 0; layer < layers; layer++) {
        const m = np.mean(y.ref, axes, { keepdims: true });
        const centered = y.sub(m.ref);
        const v = np.mean(np.square(centered.ref), axes, { keepdims: true });
        const rstd = np.sqrt(v.ref.add(epsilon));
        const xhat = centered.div(rstd.ref);
        y = nn.relu(xhat.ref.mul(scale.ref).add(shift.ref));
        kept.push([xhat, rstd, y.ref]);
        const [runningMean, runningVariance] = running[layer];
        outputs.push(runningMean.mul(0.9).add(m.mul(0.1)));
        outputs.push(runningVariance.mul(0.9).add(v.mul((0.1 * count) / (count - 1))));
      }
      let d = gradient;
      for (const [xhat, rstd, z] of kept.reverse()) {
        d = np.where(z.greater(0), d, 0);
        const dbeta = np.sum(d.ref, axes, { keepdims: true });
        const dgamma = np.sum(d.ref.mul(xhat.ref), axes, { keepdims: true });
        outputs.push(dgamma.ref, dbeta.ref);
        d = d
          .sub(dbeta.div(count))
          .sub(xhat.mul(dgamma.div(count)))
          .mul(scale.ref.div(rstd));
      }
      return [y, d, ...outputs];
    });
    const given = [array(x, shape), array(dy, shape), array(gamma, perFeature), array(beta, perFeature)];
    let running = Array.from({ length: layers }, () => [np.zeros(perFeature), np.ones(perFeature)]);
    return () => {
      const [y, dx, ...rest] = step(...given.map((each) => each.ref), running);
      running = Array.from({ length: layers }, (_, layer) => rest.slice(2 * layer, 2 * layer + 2));
      for (const output of [y, ...rest.slice(2 * layers)]) output.dataSync();
      return dx.dataSync();
    };
  },

  images({ net, parameters: given, input, labels, epsilon, learningRate }) {
    const lossAndGradients = valueAndGrad((parameters, images, target) => {
      let at = 0;
      const output = imageOutput(net.layers, images, () => parameters[at++], epsilon);
      return np.sum(nn.logSoftmax(output, 1).mul(target)).mul(-1 / net.batch);
    });
    const step = jit((parameters, images, target) => {
      const [loss, gradients] = lossAndGradients(
        parameters.map((each) => each.ref),
        images,
        target,
      );
      return [loss, ...parameters.map((each, i) => each.sub(gradients[i].mul(learningRate)))];
    });
    const images = array(input, [net.batch, 1, 32, 32]);
    const target = nn.oneHot(np.array(Int32Array.from(labels)), 10);
    let parameters = given.map(({ shape, values }) => array(values, shape));
    return () => {
      const [loss, ...next] = step(parameters, images.ref, target.ref);
      parameters = next;
      for (const each of next) each.ref.dataSync();
      return loss.dataSync();
    };
  },

  convolution({ shape, outputs, x, weight, dy }) {
    const [batch, channels, height, width] = shape;
    const pad = [
      [1, 1],
      [1, 1],
    ];
    const run = jit((images, kernel, gradient) => {
      const [y, back] = vjp((a, b) => lax.convGeneralDilated(a, b, [1, 1], pad), [images, kernel]);
      return [y, ...back(gradient)];
    });
    const given = [
      array(x, shape),
      array(weight, [outputs, channels, 3, 3]),
      array(dy, [batch, outputs, height, width]),
    ];
    return () => {
      const [y, dx, dweight] = run(...given.map((each) => each.ref));
      for (const output of [y, dweight]) output.dataSync();
      return dx.dataSync();
    };
  },

  training(work) {
    const { learningRate } = work;
    const lossAndGradients = valueAndGrad(lossOf(work));
    const step = jit((parameters, input, target) => {
      const [loss, gradients] = lossAndGradients(
        parameters.map((each) => each.ref),
        input,
        target,
      );
      return [loss, ...parameters.map((each, i) => each.sub(gradients[i].mul(learningRate)))];
    });
    const { input, target } = dataOf(work);
    let parameters = parametersOf(work);
    return () => {
      const [loss, ...next] = step(parameters, input.ref, target.ref);
      parameters = next;
      for (const each of next) each.ref.dataSync();
      return loss.dataSync();
    };
  },

  gradient(work) {
    const lossAndGradients = jit(valueAndGrad(lossOf(work)));
    const { input, target } = dataOf(work);
    const parameters = parametersOf(work);
    return () => {
      const [loss, gradients] = lossAndGradients(
        parameters.map((each) => each.ref),
        input.ref,
        target.ref,
      );
      loss.dataSync();
      return gradients.map((each) => each.dataSync())[0];
    };
  },
};

/** The output of the layers of a convolutional net; `next` gives its parameters one after the other. */
function imageOutput(layers, input, next, epsilon) {
  let y = input;
  for (const layer of layers) {
    if (layer.kind === "conv") {
      const { size, stride, bias, outputs } = layer;
      const pad = (size - 1) / 2;
      y = lax.convGeneralDilated(
        y,
        next(),
        [stride, stride],
        [
          [pad, pad],
          [pad, pad],
        ],
      );
      if (bias) y = y.add(next().reshape([1, outputs, 1, 1]));
    } else if (layer.kind === "dense") {
      y = np.matmul(y, next());
      if (layer.bias) y = y.add(next());
    } else if (layer.kind === "norm") {
      const axes = y.shape.length === 4 ? [0, 2, 3] : [0];
      const perFeature = y.shape.map((_, axis) => (axis === 1 ? layer.features : 1));
      const centered = y.ref.sub(np.mean(y, axes, { keepdims: true }));
      const rstd = np.sqrt(np.mean(np.square(centered.ref), axes, { keepdims: true }).add(epsilon));
      y = centered.div(rstd).mul(next().reshape(perFeature)).add(next().reshape(perFeature));
    } else if (layer.kind === "relu") y = nn.relu(y);
    else if (layer.kind === "maxPool") {
      const [n, c, h, w] = y.shape;
      y = np.max(y.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
    } else if (layer.kind === "globalAveragePool") y = np.mean(y, [2, 3]);
    else if (layer.kind === "flatten") y = y.reshape([y.shape[0], -1]);
    else {
      const shortcut = y.ref;
      const body = imageOutput(layer.body, y, next, epsilon);
      y = body.add(layer.projection.length > 0 ? imageOutput(layer.projection, shortcut, next, epsilon) : shortcut);
    }
  }
  return y;
}

/** Weight and bias of each dense layer, gamma and beta of each batch norm, in the order of the forward pass. */
function parametersOf({ parameters }) {
  return parameters.map(({ shape, values }) => array(values, shape));
}

function dataOf({ widths, batch, input, labels, target }) {
  const outputs = widths.at(-1);
  return {
    input: array(input, [batch, widths[0]]),
    target: labels ? nn.oneHot(np.array(Int32Array.from(labels)), outputs) : array(target, [batch, outputs]),
  };
}

function lossOf({ widths, batch, norm, activation, labels, epsilon }) {
  return (parameters, input, target) => {
    let next = 0;
    let x = input;
    for (let layer = 1; layer < widths.length; layer++) {
      x = np.matmul(x, parameters[next++]).add(parameters[next++]);
      if (layer === widths.length - 1) break;
      if (norm) {
        const centered = x.ref.sub(np.mean(x, 0));
        const rstd = np.sqrt(np.mean(np.square(centered.ref), 0).add(epsilon));
        x = centered.div(rstd).mul(parameters[next++]).add(parameters[next++]);
      }
      if (activation) x = nn[activation](x);
    }
    if (labels) return np.sum(nn.logSoftmax(x, 1).mul(target)).mul(-1 / batch);
    return np.mean(np.square(x.sub(target)));
  };
}
