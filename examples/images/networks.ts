/** The networks: VGG-13 and ResNet-20 with few channels, with or without batch norm before each ReLU. */
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
import type { Architecture } from "./experiment.js";

/** Channels of the ten convolutions of VGG-13, an eighth of the original, with 2x2 max pooling after each pair. */
const VGG_CHANNELS = [8, 8, "pool", 16, 16, "pool", 32, 32, "pool", 64, 64, "pool", 64, 64, "pool"] as const;
const VGG_HIDDEN = 64;
/** Channels of the three stages of ResNet-20, half of the original. Each stage has three blocks of two convolutions. */
const RESNET_CHANNELS = [8, 16, 32];
const RESNET_BLOCKS = 3;
const CLASSES = 10;

/** Builds a network for images [N, 1, 32, 32]. With the same stream, both variants start from the same weights. */
export function buildNetwork(architecture: Architecture, network: Network, random: Random): Sequential {
  const parts = new Parts(network === "batch norm", random);
  return architecture === "vgg" ? buildVgg(parts) : buildResNet(parts);
}

function buildVgg(parts: Parts): Sequential {
  const layers: Layer[] = [];
  let inputs = 1;
  for (const outputs of VGG_CHANNELS) {
    if (outputs === "pool") {
      layers.push(new MaxPool2d({ size: 2 }));
      continue;
    }
    layers.push(...parts.convolution(inputs, outputs), new ReLU());
    inputs = outputs;
  }
  // Five poolings leave one pixel of 32x32.
  layers.push(new Flatten(), ...parts.dense(inputs, VGG_HIDDEN), new ReLU(), parts.output(VGG_HIDDEN));
  return new Sequential(layers);
}

function buildResNet(parts: Parts): Sequential {
  let [inputs] = RESNET_CHANNELS as [number];
  const layers: Layer[] = [...parts.convolution(1, inputs), new ReLU()];
  for (const outputs of RESNET_CHANNELS) {
    for (let block = 0; block < RESNET_BLOCKS; block++) {
      const stride = block === 0 && outputs !== inputs ? 2 : 1;
      const body = new Sequential([
        ...parts.convolution(inputs, outputs, { stride }),
        new ReLU(),
        ...parts.convolution(outputs, outputs),
      ]);
      // Where the block halves the image and doubles the channels, the shortcut needs a projection.
      const projection =
        stride === 1 ? undefined : new Sequential(parts.convolution(inputs, outputs, { size: 1, stride }));
      layers.push(new Residual({ body, projection }), new ReLU());
      inputs = outputs;
    }
  }
  layers.push(new GlobalAveragePool(), parts.output(inputs));
  return new Sequential(layers);
}

/** Creates layers with He's initial weights, each followed by a BatchNorm or with a bias. Every layer has its own random stream. */
class Parts {
  readonly #norm: boolean;
  readonly #random: Random;
  #count = 0;

  constructor(norm: boolean, random: Random) {
    this.#norm = norm;
    this.#random = random;
  }

  convolution(inputs: number, outputs: number, { size = 3, stride = 1 } = {}): Layer[] {
    const padding = (size - 1) / 2;
    return this.#normalized(new Conv2d({ inputs, outputs, size, stride, padding, ...this.#initial() }), outputs);
  }

  dense(inputs: number, outputs: number): Layer[] {
    return this.#normalized(new Dense({ inputs, outputs, ...this.#initial() }), outputs);
  }

  output(inputs: number): Layer {
    return new Dense({ inputs, outputs: CLASSES, random: this.#random.fork("output") });
  }

  #initial(): { bias: boolean; initial: "he"; random: Random } {
    return { bias: !this.#norm, initial: "he", random: this.#random.fork(`layer ${this.#count++}`) };
  }

  #normalized(layer: Layer, features: number): Layer[] {
    return this.#norm ? [layer, new BatchNorm({ features })] : [layer];
  }
}
