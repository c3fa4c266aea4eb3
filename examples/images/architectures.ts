/** The architectures as plain data: VGG-13 and ResNet-20 with few channels, with or without batch norm before each ReLU. */

/** A layer. Convolutions of size 3 have a padding of 1, those of size 1 have none; pooling is over 2x2 pixels. */
export type LayerDescription =
  | {
      readonly kind: "conv";
      readonly inputs: number;
      readonly outputs: number;
      readonly size: 1 | 3;
      readonly stride: number;
      readonly bias: boolean;
    }
  | {
      readonly kind: "dense";
      readonly inputs: number;
      readonly outputs: number;
      readonly bias: boolean;
      readonly initial: "he" | "glorot";
    }
  | { readonly kind: "norm"; readonly features: number }
  | { readonly kind: "relu" | "maxPool" | "flatten" | "globalAveragePool" }
  | {
      readonly kind: "residual";
      readonly body: readonly LayerDescription[];
      /** Empty if the shortcut is the input itself. */
      readonly projection: readonly LayerDescription[];
    };

/** Channels of the ten convolutions of VGG-13, an eighth of the original: two of each, then 2x2 max pooling. */
const VGG_CHANNELS = [8, 16, 32, 64, 64];
const VGG_HIDDEN = 64;
/** Channels of the three stages of ResNet-20, half of the original. Each stage has three blocks of two convolutions. */
const RESNET_CHANNELS = [8, 16, 32];
const RESNET_BLOCKS = 3;
const CLASSES = 10;

/** Returns the layers of VGG-13/8 for images [N, channels, 32, 32]. */
export function vggLayers(norm: boolean, channels: number): LayerDescription[] {
  const layers: LayerDescription[] = [];
  let inputs = channels;
  for (const outputs of VGG_CHANNELS) {
    layers.push(...convolution(inputs, outputs, norm), { kind: "relu" });
    layers.push(...convolution(outputs, outputs, norm), { kind: "relu" }, { kind: "maxPool" });
    inputs = outputs;
  }
  // Five poolings leave one pixel of 32x32.
  const hidden = { kind: "dense", inputs, outputs: VGG_HIDDEN, bias: !norm, initial: "he" } as const;
  return [...layers, { kind: "flatten" }, ...normalized(hidden, norm), { kind: "relu" }, output(VGG_HIDDEN)];
}

/** Returns the layers of ResNet-20/8 for images [N, channels, H, W]. */
export function resNetLayers(norm: boolean, channels: number): LayerDescription[] {
  let [inputs] = RESNET_CHANNELS as [number];
  const layers: LayerDescription[] = [...convolution(channels, inputs, norm), { kind: "relu" }];
  for (const outputs of RESNET_CHANNELS) {
    for (let block = 0; block < RESNET_BLOCKS; block++) {
      const stride = outputs === inputs ? 1 : 2;
      const body = [
        ...convolution(inputs, outputs, norm, { stride }),
        { kind: "relu" } as const,
        ...convolution(outputs, outputs, norm),
      ];
      // Where the block halves the image and doubles the channels, the shortcut needs a projection.
      const projection = stride === 1 ? [] : convolution(inputs, outputs, norm, { size: 1, stride });
      layers.push({ kind: "residual", body, projection }, { kind: "relu" });
      inputs = outputs;
    }
  }
  return [...layers, { kind: "globalAveragePool" }, output(inputs)];
}

function convolution(
  inputs: number,
  outputs: number,
  norm: boolean,
  { size = 3, stride = 1 }: { readonly size?: 1 | 3; readonly stride?: number } = {},
): LayerDescription[] {
  return normalized({ kind: "conv", inputs, outputs, size, stride, bias: !norm }, norm);
}

function normalized(layer: LayerDescription & { readonly outputs: number }, norm: boolean): LayerDescription[] {
  return norm ? [layer, { kind: "norm", features: layer.outputs }] : [layer];
}

function output(inputs: number): LayerDescription {
  return { kind: "dense", inputs, outputs: CLASSES, bias: true, initial: "glorot" };
}
