// TensorFlow.js on its WebAssembly backend, without layers: its operations and its autodiff.
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

setWasmPaths(
  fileURLToPath(import.meta.resolve("@tensorflow/tfjs-backend-wasm/package.json")).replace("package.json", "dist/"),
);
await tf.setBackend("wasm");
await tf.ready();

/** The run of a work; it gives the numbers to compare. */
export async function prepare(work) {
  // The WebAssembly backend has no gradient of a convolution.
  await tf.setBackend(work.kind === "images" || work.kind === "convolution" ? "cpu" : "wasm");
  const run = works[work.kind](work);
  return () => tf.tidy(run);
}

const works = {
  matmul({ rows, inner, columns, a, b }) {
    const [x, y] = [tf.tensor(a, [rows, inner]), tf.tensor(b, [inner, columns])];
    return () => tf.matMul(x, y).dataSync();
  },

  inference({ shape, x, gamma, beta, mean, variance, epsilon }) {
    const perFeature = shape.map((length, axis) => (axis === 1 ? length : 1));
    const input = tf.tensor(x, shape);
    const [scale, shift, m, v] = [gamma, beta, mean, variance].map((values) => tf.tensor(values, perFeature));
    return () =>
      input
        .sub(m)
        .mul(scale.mul(tf.rsqrt(v.add(epsilon))))
        .add(shift)
        .dataSync();
  },

  batchNorm({ shape, x, dy, gamma, beta, epsilon }) {
    const perFeature = shape.map((length, axis) => (axis === 1 ? length : 1));
    const axes = shape.map((_, axis) => axis).filter((axis) => axis !== 1);
    const count = x.length / shape[1];
    const given = [tf.tensor(x, shape), tf.tensor(gamma, perFeature), tf.tensor(beta, perFeature)];
    const gradient = tf.tensor(dy, shape);
    const running = [tf.variable(tf.zeros(perFeature)), tf.variable(tf.ones(perFeature))];
    const gradients = tf.valueAndGrads((input, scale, shift) => {
      const { mean, variance } = tf.moments(input, axes, true);
      running[0].assign(running[0].mul(0.9).add(mean.mul(0.1)));
      running[1].assign(running[1].mul(0.9).add(variance.mul((0.1 * count) / (count - 1))));
      return input
        .sub(mean)
        .mul(tf.rsqrt(variance.add(epsilon)))
        .mul(scale)
        .add(shift);
    });
    return () => {
      const { value, grads } = gradients(given, gradient);
      for (const output of [value, grads[1], grads[2]]) output.dataSync();
      return grads[0].dataSync();
    };
  },

  into(work) {
    return works.inference(work);
  },

  stack({ shape, x, dy, gamma, beta, epsilon, layers }) {
    const perFeature = shape.map((length, axis) => (axis === 1 ? length : 1));
    const axes = shape.map((_, axis) => axis).filter((axis) => axis !== 1);
    const count = x.length / shape[1];
    const parameters = Array.from({ length: layers }, () => [
      tf.tensor(gamma, perFeature),
      tf.tensor(beta, perFeature),
    ]);
    const running = parameters.map(() => [tf.variable(tf.zeros(perFeature)), tf.variable(tf.ones(perFeature))]);
    const input = tf.tensor(x, shape);
    const gradient = tf.tensor(dy, shape);
    const gradients = tf.valueAndGrads((first, ...rest) => {
      let y = first;
      for (let layer = 0; layer < layers; layer++) {
        const { mean, variance } = tf.moments(y, axes, true);
        running[layer][0].assign(running[layer][0].mul(0.9).add(mean.mul(0.1)));
        running[layer][1].assign(running[layer][1].mul(0.9).add(variance.mul((0.1 * count) / (count - 1))));
        y = y
          .sub(mean)
          .mul(tf.rsqrt(variance.add(epsilon)))
          .mul(rest[2 * layer])
          .add(rest[2 * layer + 1])
          .relu();
      }
      return y;
    });
    return () => {
      const { value, grads } = gradients([input, ...parameters.flat()], gradient);
      for (const output of [value, ...grads.slice(1)]) output.dataSync();
      return grads[0].dataSync();
    };
  },

  images({ net, parameters, input, labels, epsilon, learningRate }) {
    const variables = parameters.map(({ shape, values }) => tf.variable(tf.tensor(values, shape)));
    // Channels last, which the backend is made for.
    const images = tf.tensor(input, [net.batch, 32, 32, 1]);
    const targets = tf.oneHot(tf.tensor1d(labels, "int32"), 10).toFloat();
    const optimizer = tf.train.sgd(learningRate);
    const loss = () => {
      let at = 0;
      return tf.losses.softmaxCrossEntropy(
        targets,
        imageOutput(net.layers, images, () => variables[at++], epsilon),
      );
    };
    return () => {
      const value = optimizer.minimize(loss, true, variables);
      for (const each of variables) each.dataSync();
      return value.dataSync();
    };
  },

  convolution({ shape, outputs, x, weight, dy }) {
    const [batch, channels, height, width] = shape;
    const images = tf.transpose(tf.tensor(x, shape), [0, 2, 3, 1]);
    const kernel = tf.transpose(tf.tensor(weight, [outputs, channels, 3, 3]), [2, 3, 1, 0]);
    const gradient = tf.transpose(tf.tensor(dy, [batch, outputs, height, width]), [0, 2, 3, 1]);
    const gradients = tf.valueAndGrads((a, b) => tf.conv2d(a, b, 1, "same"));
    return () => {
      const { value, grads } = gradients([images, kernel], gradient);
      for (const output of [value, grads[1]]) output.dataSync();
      return tf.transpose(grads[0], [0, 3, 1, 2]).dataSync();
    };
  },

  training(work) {
    const { lossOf, variables } = netOf(work);
    const optimizer = tf.train.sgd(work.learningRate);
    return () => {
      const loss = optimizer.minimize(lossOf, true, variables);
      for (const each of variables) each.dataSync();
      return loss.dataSync();
    };
  },

  gradient(work) {
    const { lossOf, variables } = netOf(work);
    return () => {
      const { value, grads } = tf.variableGrads(lossOf, variables);
      value.dataSync();
      return variables.map(({ name }) => grads[name].dataSync())[0];
    };
  },
};

/** The output of the layers of a convolutional net, channels last; `next` gives its parameters one after the other. */
function imageOutput(layers, input, next, epsilon) {
  let y = input;
  for (const layer of layers) {
    if (layer.kind === "conv") {
      y = tf.conv2d(
        y,
        tf.transpose(next(), [2, 3, 1, 0]),
        layer.stride,
        layer.stride === 1 ? "same" : (layer.size - 1) / 2,
      );
      if (layer.bias) y = y.add(next());
    } else if (layer.kind === "dense") {
      y = y.matMul(next());
      if (layer.bias) y = y.add(next());
    } else if (layer.kind === "norm") {
      const { mean, variance } = tf.moments(y, y.rank === 4 ? [0, 1, 2] : 0);
      y = y
        .sub(mean)
        .mul(tf.rsqrt(variance.add(epsilon)))
        .mul(next())
        .add(next());
    } else if (layer.kind === "relu") y = y.relu();
    else if (layer.kind === "maxPool") y = tf.maxPool(y, 2, 2, "valid");
    else if (layer.kind === "globalAveragePool") y = tf.mean(y, [1, 2]);
    else if (layer.kind === "flatten") y = y.reshape([y.shape[0], -1]);
    else {
      const body = imageOutput(layer.body, y, next, epsilon);
      y = body.add(layer.projection.length > 0 ? imageOutput(layer.projection, y, next, epsilon) : y);
    }
  }
  return y;
}

function netOf({ widths, batch, norm, activation, epsilon, parameters, input, labels, target }) {
  const outputs = widths.at(-1);
  const variables = parameters.map(({ shape, values }) => tf.variable(tf.tensor(values, shape)));
  const inputs = tf.tensor(input, [batch, widths[0]]);
  const targets = labels
    ? tf.oneHot(tf.tensor1d(labels, "int32"), outputs).toFloat()
    : tf.tensor(target, [batch, outputs]);
  const lossOf = () => {
    let next = 0;
    let x = inputs;
    for (let layer = 1; layer < widths.length; layer++) {
      x = x.matMul(variables[next++]).add(variables[next++]);
      if (layer === widths.length - 1) break;
      if (norm) {
        const { mean, variance } = tf.moments(x, 0);
        x = x
          .sub(mean)
          .mul(tf.rsqrt(variance.add(epsilon)))
          .mul(variables[next++])
          .add(variables[next++]);
      }
      if (activation) x = tf[activation](x);
    }
    return labels ? tf.losses.softmaxCrossEntropy(targets, x) : tf.losses.meanSquaredError(targets, x);
  };
  return { lossOf, variables };
}
