/** The networks: models built from the descriptions of their layers. */
import {
  BatchNorm,
  Conv2d,
  Dense,
  Flatten,
  GlobalAveragePool,
  type Layer,
  MaxPool2d,
  type Random,
  ReLU,
  Residual,
  Sequential,
} from "batchnorm";
import type { Network } from "../demo/experiment.js";
import { type LayerDescription, resNetLayers, vggLayers } from "./architectures.js";
import type { Architecture } from "./experiment.js";

/** Builds a network for images [N, channels, 32, 32]. With the same stream, both variants start from the same weights. */
export function buildNetwork(
  architecture: Architecture,
  network: Network,
  channels: number,
  random: Random,
): Sequential {
  const describe = architecture === "vgg" ? vggLayers : resNetLayers;
  return buildLayers(describe(network === "batch norm", channels), random);
}

/** Builds layers from their descriptions. */
export function buildLayers(descriptions: readonly LayerDescription[], random: Random): Sequential {
  return new Sequential(descriptions.map(layerBuilder(random)));
}

/** Returns a function that builds one layer. Each layer with weights has its own random stream, forked from the given one. */
export function layerBuilder(random: Random): (layer: LayerDescription) => Layer {
  let weights = 0;
  const build = (layer: LayerDescription): Layer => {
    switch (layer.kind) {
      case "conv": {
        const { inputs, outputs, size, stride, bias } = layer;
        const initial = { initial: "he", random: random.fork(`layer ${weights++}`) } as const;
        return new Conv2d({ inputs, outputs, size, stride, padding: (size - 1) / 2, bias, ...initial });
      }
      case "dense": {
        const { inputs, outputs, bias, initial } = layer;
        return new Dense({ inputs, outputs, bias, initial, random: random.fork(`layer ${weights++}`) });
      }
      case "norm":
        return new BatchNorm({ features: layer.features });
      case "relu":
        return new ReLU();
      case "maxPool":
        return new MaxPool2d({ size: 2 });
      case "flatten":
        return new Flatten();
      case "globalAveragePool":
        return new GlobalAveragePool();
      case "residual": {
        const body = new Sequential(layer.body.map(build));
        const projection = layer.projection.length === 0 ? undefined : new Sequential(layer.projection.map(build));
        return new Residual({ body, projection });
      }
    }
  };
  return build;
}
