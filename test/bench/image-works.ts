/** Convolutional networks for images of 32 x 32 pixels, as plain data that every contestant of `npm run bench -- peers` can read. */
import { type LayerDescription, resNetLayers, vggLayers } from "../../examples/images/architectures.js";

export interface ImageNet {
  readonly name: string;
  readonly batch: number;
  readonly layers: readonly LayerDescription[];
}

export const imageNets: readonly ImageNet[] = [
  { name: "VGG-13/8, batch norm, batch 64", batch: 64, layers: vggLayers(true, 1) },
  { name: "VGG-13/8, batch 64", batch: 64, layers: vggLayers(false, 1) },
  { name: "ResNet-20/8, batch norm, batch 64", batch: 64, layers: resNetLayers(true, 1) },
];
