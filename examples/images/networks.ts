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

/** VGG-13 with an eighth of its channels, and VGG-16 as published (configuration D), each with a single hidden Dense. */
const VGGS = {
  "13/8": { channels: [8, 8, "pool", 16, 16, "pool", 32, 32, "pool", 64, 64, "pool", 64, 64, "pool"], hidden: 64 },
  "16/1": {
    channels: [
      ...[64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool"],
      ...[512, 512, 512, "pool", 512, 512, 512, "pool"],
    ] as (number | "pool")[],
    hidden: 512,
  },
} as const;
export type VggSize = keyof typeof VGGS;
/** Channels of the three stages of ResNet-20, half of the original. Each stage has three blocks of two convolutions. */
const RESNET_CHANNELS = [8, 16, 32];
const RESNET_BLOCKS = 3;
const CLASSES = 10;

/** Builds a network for images [N, 1, 32, 32]. With the same stream, both variants start from the same weights. */
export function buildNetwork(architecture: Architecture, network: Network, random: Random): Sequential {
  const norm = network === "batch norm";
  const between = { bias: !norm, after: (features: number) => (norm ? [new BatchNorm({ features })] : []), random };
  return architecture === "vgg" ? new Sequential(buildVgg("13/8", 1, between)) : buildResNet(new Parts(between));
}

/** What follows each layer with weights, except the last. */
export interface Between {
  /** Whether these layers have biases. */
  readonly bias: boolean;
  /** Returns the layers before each activation. */
  readonly after: (features: number) => readonly Layer[];
  readonly random: Random;
}

/** Returns the layers of a VGG for images [N, channels, 32, 32]. */
export function buildVgg(size: VggSize, channels: number, between: Between): Layer[] {
  const parts = new Parts(between);
  const plan = VGGS[size];
  const layers: Layer[] = [];
  let inputs = channels;
  for (const outputs of plan.channels) {
    if (outputs === "pool") {
      layers.push(new MaxPool2d({ size: 2 }));
      continue;
    }
    layers.push(...parts.convolution(inputs, outputs), new ReLU());
    inputs = outputs;
  }
  // Five poolings leave one pixel of 32x32.
  layers.push(new Flatten(), ...parts.dense(inputs, plan.hidden), new ReLU(), parts.output(plan.hidden));
  return layers;
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

/** Creates layers with He's initial weights and what follows them. Every layer has its own random stream. */
class Parts {
  readonly #between: Between;
  #count = 0;

  constructor(between: Between) {
    this.#between = between;
  }

  convolution(inputs: number, outputs: number, { size = 3, stride = 1 } = {}): Layer[] {
    const padding = (size - 1) / 2;
    return this.#followed(new Conv2d({ inputs, outputs, size, stride, padding, ...this.#initial() }), outputs);
  }

  dense(inputs: number, outputs: number): Layer[] {
    return this.#followed(new Dense({ inputs, outputs, ...this.#initial() }), outputs);
  }

  output(inputs: number): Layer {
    return new Dense({ inputs, outputs: CLASSES, random: this.#between.random.fork("output") });
  }

  #initial(): { bias: boolean; initial: "he"; random: Random } {
    const { bias, random } = this.#between;
    return { bias, initial: "he", random: random.fork(`layer ${this.#count++}`) };
  }

  #followed(layer: Layer, features: number): Layer[] {
    return [layer, ...this.#between.after(features)];
  }
}
