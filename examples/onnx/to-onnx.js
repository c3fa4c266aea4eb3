// Exports a Sequential as an ONNX file: Dense as Gemm, BatchNorm as BatchNormalization, activations by name. The input is a float32 tensor of shape [N, inputs].
import { BatchNorm, Dense, LayerNorm, LeakyReLU, ReLU, Sequential, Sigmoid, Tanh } from "batchnorm";
import { readFileSync } from "node:fs";
import protobuf from "protobufjs";

const source = readFileSync(new URL("onnx.proto", import.meta.url), "utf8");
const Model = protobuf.parse(source, { keepCase: true }).root.lookupType("onnx.ModelProto");
const FLOAT = 1;

export function toOnnx(model, inputs) {
  const node = [];
  const initializer = [];
  let value = "input";
  let width = inputs;

  const constant = (name, data, dims) => {
    const bytes = new Uint8Array(Float32Array.from(data).buffer);
    initializer.push({ name, dims, data_type: FLOAT, raw_data: bytes });
    return name;
  };
  const add = (path, op_type, constants = [], attributes = {}) => {
    const attribute = Object.entries(attributes).map(([name, f]) => ({ name, f, type: FLOAT }));
    node.push({ name: path, op_type, input: [value, ...constants], output: [path], attribute });
    value = path;
  };
  const vector = (path, parameter, size, otherwise) =>
    constant(path, parameter?.value.data ?? new Float32Array(size).fill(otherwise), [size]);

  const visit = (layer, path) => {
    if (layer instanceof Sequential) {
      for (const [name, child] of layer.children) visit(child, path === "" ? name : `${path}.${name}`);
    } else if (layer instanceof Dense) {
      const weight = constant(`${path}.weight`, layer.weight.value.data, [layer.inputs, layer.outputs]);
      width = layer.outputs;
      add(path, "Gemm", [weight, vector(`${path}.bias`, layer.bias, width, 0)]);
    } else if (layer instanceof BatchNorm) {
      if (layer.batchesTracked.values[0] === 0) throw new RangeError(`toOnnx: "${path}" has no running statistics`);
      const size = layer.features;
      const affine = [vector(`${path}.gamma`, layer.gamma, size, 1), vector(`${path}.beta`, layer.beta, size, 0)];
      const running = ["runningMean", "runningVariance"].map((name) =>
        constant(`${path}.${name}`, layer[name].values, [size]),
      );
      add(path, "BatchNormalization", [...affine, ...running], { epsilon: layer.epsilon });
    } else if (layer instanceof LayerNorm) {
      const size = layer.features;
      const affine = [vector(`${path}.gamma`, layer.gamma, size, 1), vector(`${path}.beta`, layer.beta, size, 0)];
      add(path, "LayerNormalization", affine, { epsilon: layer.epsilon });
    } else if (layer instanceof LeakyReLU) add(path, "LeakyRelu", [], { alpha: layer.slope });
    else if (layer instanceof ReLU) add(path, "Relu");
    else if (layer instanceof Sigmoid) add(path, "Sigmoid");
    else if (layer instanceof Tanh) add(path, "Tanh");
    else throw new TypeError(`toOnnx: no ONNX operator is known for the layer "${path}"`);
  };
  visit(model, "");

  const rows = (name, size) => {
    const shape = { dim: [{ dim_param: "N" }, { dim_value: size }] };
    return { name, type: { tensor_type: { elem_type: FLOAT, shape } } };
  };
  const graph = { name: "batchnorm", node, initializer, input: [rows("input", inputs)], output: [rows(value, width)] };
  const fields = { ir_version: 8, producer_name: "batchnorm", graph, opset_import: [{ domain: "", version: 17 }] };
  return Model.encode(Model.fromObject(fields)).finish();
}
