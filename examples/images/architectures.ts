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

/** Convolutions before each 2x2 max pooling, their channels, and the width of the hidden Dense. */
interface VggPlan {
  readonly stages: readonly { readonly convolutions: number; readonly channels: number }[];
  readonly hidden: number;
}

/** The sizes of VGG: VGG-13 with an eighth of its channels, and VGG-16 with all of them. Both have one hidden Dense. */
const VGGS = {
  "13/8": { stages: stages([8, 16, 32, 64, 64], [2, 2, 2, 2, 2]), hidden: 64 },
  "16/1": { stages: stages([64, 128, 256, 512, 512], [2, 2, 3, 3, 3]), hidden: 512 },
} as const satisfies Record<string, VggPlan>;
export type VggSize = keyof typeof VGGS;
export const VGG_SIZES = Object.keys(VGGS) as readonly VggSize[];

/** Channels of the three stages of ResNet-20, half of the original. Each stage has three blocks of two convolutions. */
const RESNET_CHANNELS = [8, 16, 32];
const RESNET_BLOCKS = 3;
const CLASSES = 10;

/** Returns the layers of a VGG for images [N, channels, 32, 32]. */
export function vggLayers(norm: boolean, channels: number, size: VggSize = "13/8"): LayerDescription[] {
  const { stages, hidden: width } = VGGS[size];
  const layers: LayerDescription[] = [];
  let inputs = channels;
  for (const { convolutions, channels: outputs } of stages) {
    for (let i = 0; i < convolutions; i++) {
      layers.push(...convolution(inputs, outputs, norm), { kind: "relu" });
      inputs = outputs;
    }
    layers.push({ kind: "maxPool" });
  }
  // Five poolings leave one pixel of 32x32.
  const hidden = { kind: "dense", inputs, outputs: width, bias: !norm, initial: "he" } as const;
  return [...layers, { kind: "flatten" }, ...normalized(hidden, norm), { kind: "relu" }, output(width)];
}

function stages(channels: readonly number[], convolutions: readonly number[]): VggPlan["stages"] {
  return channels.map((each, i) => ({ channels: each, convolutions: convolutions[i]! }));
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
