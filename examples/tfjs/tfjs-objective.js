/** A TensorFlow.js model as an objective, which is all that the probes need. */
import * as tf from "@tensorflow/tfjs";

/** Roles of weights, by the last part of their names. */
const ROLES = /** @type {const} */ ({ kernel: "weight", bias: "bias", gamma: "scale", beta: "shift" });

/**
 * Returns the loss of a layers model on one batch as a function of its concatenated trainable weights.
 *
 * @param {any} model        a tf.LayersModel
 * @param {any} inputs       a tensor
 * @param {(output: any) => any} loss   of the model's output, a scalar tensor
 * @returns {{ objective: import("batchnorm").Objective, point: Float64Array, groups: import("batchnorm").Group[] }}
 */
export function tfjsObjective(model, inputs, loss) {
  const weights = model.trainableWeights.map((weight) => weight.read());
  // The moving averages of batch norm, which every pass in training mode updates.
  const statistics = model.nonTrainableWeights.map((weight) => weight.read());
  let end = 0;
  const groups = model.trainableWeights.map(({ originalName, shape }) => {
    const start = end;
    end += shape.reduce((size, length) => size * length, 1);
    return { name: originalName.replace("/", "."), role: ROLES[originalName.split("/").at(-1)], shape, start, end };
  });
  const point = Float64Array.from(weights.flatMap((weight) => Array.from(weight.dataSync())));

  /** @type {import("batchnorm").Objective} */
  const objective = async (at) => {
    const before = [...weights, ...statistics].map((variable) => variable.clone());
    let found;
    try {
      tf.tidy(() => {
        groups.forEach(({ shape, start, end }, i) => {
          weights[i].assign(tf.tensor(Float32Array.from(at.subarray(start, end)), shape));
        });
      });
      // training: true uses batch statistics, and the gradient includes them.
      found = tf.variableGrads(() => loss(model.apply(inputs, { training: true })), weights);
    } finally {
      // Restored before the first await, because another evaluation or a training step may run in between.
      [...weights, ...statistics].forEach((variable, i) => variable.assign(before[i]));
      tf.dispose(before);
    }
    const { value, grads } = found;
    const [lossValue] = await value.data();
    const parts = await Promise.all(weights.map(({ name }) => grads[name].data()));
    tf.dispose([value, grads]);
    const gradient = new Float64Array(at.length);
    groups.forEach(({ start }, i) => gradient.set(parts[i], start));
    return { loss: lossValue, gradient };
  };
  return { objective: Object.assign(objective, { dtype: "float32", mode: "probe" }), point, groups };
}
