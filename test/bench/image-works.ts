/** Convolutional networks for images of 32 x 32 pixels, as plain data that every contestant of `npm run bench -- peers` can read. */
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

/** One layer: convolutions are 3 x 3 with padding 1, or 1 x 1 without. */
export type ImageLayer =
  | {
      readonly kind: "conv";
      readonly inputs: number;
      readonly outputs: number;
      readonly size: 1 | 3;
      readonly stride: number;
      readonly bias: boolean;
    }
  | { readonly kind: "dense"; readonly inputs: number; readonly outputs: number; readonly bias: boolean }
  | { readonly kind: "norm"; readonly features: number }
  | { readonly kind: "relu" | "maxPool" | "flatten" | "averagePool" }
  | { readonly kind: "residual"; readonly body: readonly ImageLayer[]; readonly projection: readonly ImageLayer[] };

export interface ImageNet {
  readonly name: string;
  readonly batch: number;
  readonly layers: readonly ImageLayer[];
}

const conv = (inputs: number, outputs: number, bias: boolean, stride = 1, size: 1 | 3 = 3): ImageLayer => ({
  kind: "conv",
  ...{ inputs, outputs, size, stride, bias },
});

/** VGG-13 of width 8: two convolutions and a max pooling, five times. */
function vgg(norm: boolean): ImageNet {
  const block = (inputs: number, outputs: number): ImageLayer[] => [
    conv(inputs, outputs, !norm),
    ...(norm ? [{ kind: "norm", features: outputs } as const] : []),
    { kind: "relu" },
  ];
  const widths = [8, 16, 32, 64, 64];
  const layers = widths.flatMap((width, i): ImageLayer[] => [
    ...block(widths[i - 1] ?? 1, width),
    ...block(width, width),
    { kind: "maxPool" },
  ]);
  return {
    name: `VGG-13/8${norm ? ", batch norm" : ""}, batch 64`,
    batch: 64,
    layers: [
      ...layers,
      { kind: "flatten" },
      { kind: "dense", inputs: 64, outputs: 64, bias: !norm },
      ...(norm ? [{ kind: "norm", features: 64 } as const] : []),
      { kind: "relu" },
      { kind: "dense", inputs: 64, outputs: 10, bias: true },
    ],
  };
}

/** ResNet-20 of width 8: three stages of three blocks. */
function resnet(): ImageNet {
  const layers: ImageLayer[] = [conv(1, 8, false), { kind: "norm", features: 8 }, { kind: "relu" }];
  let inputs = 8;
  for (const outputs of [8, 16, 32]) {
    for (let block = 0; block < 3; block++) {
      const stride = inputs === outputs ? 1 : 2;
      layers.push(
        {
          kind: "residual",
          body: [
            conv(inputs, outputs, false, stride),
            { kind: "norm", features: outputs },
            { kind: "relu" },
            conv(outputs, outputs, false),
            { kind: "norm", features: outputs },
          ],
          projection:
            stride === 1 ? [] : [conv(inputs, outputs, false, stride, 1), { kind: "norm", features: outputs }],
        },
        { kind: "relu" },
      );
      inputs = outputs;
    }
  }
  layers.push({ kind: "averagePool" }, { kind: "dense", inputs: 32, outputs: 10, bias: true });
  return { name: "ResNet-20/8, batch norm, batch 64", batch: 64, layers };
}

export const imageNets: readonly ImageNet[] = [vgg(true), vgg(false), resnet()];

/** This library's model of a net. */
export function buildImageNet(layers: readonly ImageLayer[], random: Random): Sequential {
  return new Sequential(layers.map((layer) => build(layer, random)));
}

function build(layer: ImageLayer, random: Random): Layer {
  switch (layer.kind) {
    case "conv": {
      const { inputs, outputs, size, stride, bias } = layer;
      return new Conv2d({ inputs, outputs, size, stride, padding: (size - 1) / 2, bias, initial: "he", random });
    }
    case "dense":
      return new Dense({ inputs: layer.inputs, outputs: layer.outputs, bias: layer.bias, random });
    case "norm":
      return new BatchNorm({ features: layer.features });
    case "relu":
      return new ReLU();
    case "maxPool":
      return new MaxPool2d({ size: 2 });
    case "averagePool":
      return new GlobalAveragePool();
    case "flatten":
      return new Flatten();
    case "residual": {
      const body = buildImageNet(layer.body, random);
      if (layer.projection.length === 0) return new Residual({ body });
      return new Residual({ body, projection: buildImageNet(layer.projection, random) });
    }
  }
}
