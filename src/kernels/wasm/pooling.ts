/** Max pooling, plane by plane. Its gradient is the plain one, which is as fast. */

import { expectMaxPool2d } from "../checks.js";
import { maxPool2d as plainMaxPool2d } from "../plain/pooling.js";
import type { ImageKernels } from "../types.js";
import type { Wasm } from "./instance.js";
import { PIECE } from "./pieces.js";

/** Numbers of a plane that is in scratch as a whole: with its maxima and their indices it takes up to 10 MB in float64. */
const LARGEST = 2 ** 19;

/** The max pooling of the WebAssembly kernel set. A plane that is too large for its memory is left to the plain kernel. */
export function poolingKernels({ memory, routinesFor }: Wasm): Pick<ImageKernels, "maxPool2d"> {
  return {
    maxPool2d(args) {
      expectMaxPool2d("maxPool2d", args);
      const { shape, x, y, argmax } = args;
      const { batch, channels, height, width, outHeight, outWidth } = shape;
      const plane = height * width;
      const outPlane = outHeight * outWidth;
      const size = Math.max(plane, outPlane);
      if (size > LARGEST) {
        plainMaxPool2d(args);
        return;
      }
      const step = Math.max(1, Math.floor(PIECE / size));
      for (let from = 0; from < batch * channels; from += step) {
        const to = Math.min(batch * channels, from + step);
        memory.reset();
        const atX = memory.loadPart(x, from * plane, to * plane);
        const resident = memory.addressOf(y);
        const atY =
          resident === 0 ? memory.reserve(y, (to - from) * outPlane) : resident + from * outPlane * y.BYTES_PER_ELEMENT;
        const atArgmax = memory.reserveBytes(4 * (to - from) * outPlane + 16);
        routinesFor(x).largestOfWindows(
          atX,
          to - from,
          height,
          width,
          shape.windowHeight,
          shape.windowWidth,
          shape.strideY,
          shape.strideX,
          shape.top,
          shape.left,
          outHeight,
          outWidth,
          atY,
          atArgmax,
        );
        memory.store(atY, y, from * outPlane, to * outPlane);
        argmax.set(memory.integers.subarray(atArgmax / 4, atArgmax / 4 + (to - from) * outPlane), from * outPlane);
      }
    },
  };
}
