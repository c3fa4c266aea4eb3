/**
 * The convolution and its gradients: each is a matrix product of weights, or of dy, and patches of the images.
 *
 * No matrix of patches is stored. The number at position k of the window for pixel j lies at the sum of two distances, one of k
 * and one of j. The product gets tables of both and packs its blocks from the images themselves. Images with padding are first
 * copied, with zeros around them. The samples are worked on in groups that stay in the level-2 cache, and a large sample in
 * bands of rows. The sizes of a call alone decide how sums are divided, so the bits are the same wherever the arrays lie.
 */

import type { Floats } from "../../core/dtype.js";
import type { ChannelView } from "../../core/shape.js";
import { expectConvolve2d, expectConvolve2dGradInput, expectConvolve2dGradWeight } from "../checks.js";
import * as plain from "../plain/convolution.js";
import type {
  Convolve2dArguments,
  Convolve2dGradInputArguments,
  Convolve2dGradWeightArguments,
  ImageKernels,
  WindowShape,
} from "../types.js";
import type { Wasm } from "./instance.js";
import { loadPiece, type Piece, PIECE, placeOf, sizeOfPiece, storePiece } from "./pieces.js";

/** Numbers of an image, a result and the weights that are in scratch at once, each. All together take up to 14 MB in float64. */
const LARGEST = 2 ** 18;
/** The most numbers in a row of a tile of the product. */
const TILE = 8;

/** Equal steps: how many, and the distance between them in numbers. */
type Axis = readonly [count: number, distance: number];

/** Rows or columns. Those below 0 and beyond the image are padding. */
type Range = readonly [from: number, to: number];

/** A tensor of images, [batch, channels, height, width]. */
interface Images {
  readonly values: Floats;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** What a result reads of the images: the rows that its rows depend on, and all columns. */
interface Reach {
  readonly rows: (from: number, to: number) => Range;
  readonly columns: Range;
}

/** How images pass through the memory: some samples at once, or some rows of the result for one sample. */
interface Division {
  readonly samples: number;
  readonly rows: number;
}

/** Images in the memory: distances in numbers, and what makes samples available and returns the address of the first pixel. */
interface Place {
  readonly sample: number;
  readonly plane: number;
  readonly row: number;
  readonly load: (n: number, samples: number) => number;
}

/** The distances of a product's operands and result, in numbers: `a`, `b` and `out` from the start of each to its first number. */
interface Layout {
  readonly a?: number;
  readonly b?: number;
  readonly out?: number;
  readonly aSteps: readonly Axis[];
  readonly bSteps: readonly Axis[];
  readonly bLines: readonly Axis[];
  readonly outColumns: readonly Axis[];
}

/** A result that is a product of weights and of patches of images. */
interface Filter {
  readonly batch: number;
  readonly images: Images;
  readonly result: Images;
  readonly reach: Reach;
  readonly weight: Floats;
  /** The weights, whose channels are those of the result. */
  readonly view: ChannelView;
  readonly bias?: Floats | undefined;
  /** Whether the products leave out pixels of the result, which are 0. */
  readonly hasGaps?: boolean;
  /** Returns the products that make up rows of the result. */
  readonly layouts: (
    samples: number,
    rows: Range,
    weightStride: number,
    images: Place,
    result: Place,
  ) => readonly Layout[];
}

/** The convolution of the WebAssembly kernel set. What is too large for its memory is left to the plain kernels. */
export function convolutionKernels(
  wasm: Wasm,
): Pick<ImageKernels, "convolve2d" | "convolve2dGradInput" | "convolve2dGradWeight"> {
  return {
    convolve2d(args) {
      expectConvolve2d("convolve2d", args);
      if (!filter(wasm, forward(args))) plain.convolve2d(args);
    },
    convolve2dGradInput(args) {
      expectConvolve2dGradInput("convolve2dGradInput", args);
      if (!filter(wasm, backward(args))) plain.convolve2dGradInput(args);
    },
    convolve2dGradWeight(args) {
      expectConvolve2dGradWeight("convolve2dGradWeight", args);
      if (!gradWeight(wasm, args)) plain.convolve2dGradWeight(args);
    },
  };
}

/** y[o, j] = bias[o] + Σ_k weight[o, k] patches[k, j] */
function forward({ shape, outputs, x, weight, bias, y }: Convolve2dArguments): Filter {
  const { batch, channels, windowHeight, windowWidth } = shape;
  const inner = channels * windowHeight * windowWidth;
  return {
    batch,
    images: inputOf(shape, x),
    result: outputOf(shape, outputs, y),
    reach: reachOf(shape),
    weight,
    view: { outer: 1, channels: outputs, inner },
    bias,
    layouts: (samples, rows, _, images, result) => [
      {
        aSteps: [[inner, 1]],
        bSteps: windowAxes(shape, images),
        bLines: pixelAxes(shape, samples, rows, images),
        outColumns: [
          [samples, result.sample],
          [rows[1] - rows[0], result.row],
          [shape.outWidth, 1],
        ],
      },
    ],
  };
}

/**
 * dx[c, j] = Σ_k weight[k, c] patches[k, j] with patches of dy, in windows that are turned over. Every stride-th row and column of
 * x depends on the same weights, every stride-th one of those: each such phase is a product.
 */
function backward({ shape, outputs, dy, weight, dx }: Convolve2dGradInputArguments): Filter {
  const { batch, channels, width, windowHeight, windowWidth, strideY, strideX, top, left } = shape;
  const reachTo = (from: number, to: number, window: number, stride: number): Range => [
    Math.ceil((from - window + 1) / stride),
    Math.floor((to - 1) / stride) + 1,
  ];
  const rowsOf = (from: number, to: number): Range => reachTo(from + top, to + top, windowHeight, strideY);
  const columns = reachTo(left, left + width, windowWidth, strideX);
  return {
    batch,
    images: outputOf(shape, outputs, dy),
    result: inputOf(shape, dx),
    reach: { rows: rowsOf, columns },
    weight,
    view: { outer: outputs, channels, inner: windowHeight * windowWidth },
    hasGaps: strideY > windowHeight || strideX > windowWidth,
    layouts: (samples, [from, to], weightStride, images, result) =>
      phasesOf(from + top, to + top, windowHeight, strideY).flatMap((y) =>
        phasesOf(left, left + width, windowWidth, strideX).map((x) => ({
          a: y.weight * windowWidth + x.weight,
          b: (y.image - rowsOf(from, to)[0]) * images.row + x.image - columns[0],
          out: y.pixel * result.row + x.pixel,
          aSteps: [
            [outputs, weightStride],
            [y.weights, strideY * windowWidth],
            [x.weights, strideX],
          ],
          bSteps: [
            [outputs, images.plane],
            [y.weights, -images.row],
            [x.weights, -1],
          ],
          bLines: [
            [samples, images.sample],
            [y.pixels, images.row],
            [x.pixels, 1],
          ],
          outColumns: [
            [samples, result.sample],
            [y.pixels, strideY * result.row],
            [x.pixels, strideX],
          ],
        })),
      ),
  };
}

/** The pixels of a line that depend on the same weights: the first and the number of each, and what the first pixel reads first. */
interface Phase {
  readonly pixel: number;
  readonly pixels: number;
  readonly weight: number;
  readonly weights: number;
  readonly image: number;
}

/** Returns the phases of the pixels from..to, counted from the edge of the padding. */
function phasesOf(from: number, to: number, window: number, stride: number): readonly Phase[] {
  const phases: Phase[] = [];
  for (let weight = 0; weight < Math.min(window, stride); weight++) {
    const image = Math.ceil((from - weight) / stride);
    const pixel = image * stride + weight - from;
    const pixels = Math.ceil((to - from - pixel) / stride);
    if (pixels > 0) phases.push({ pixel, pixels, weight, weights: Math.ceil((window - weight) / stride), image });
  }
  return phases;
}

/** dweight[o, k] = Σ_j dy[o, j] patches[k, j], and dbias[o] = Σ_j dy[o, j] */
function gradWeight(wasm: Wasm, args: Convolve2dGradWeightArguments): boolean {
  const { shape, outputs, x, dy, dweight, dbias } = args;
  const { batch, channels, windowHeight, windowWidth, outHeight, outWidth } = shape;
  const { memory } = wasm;
  const routines = wasm.routinesFor(x);
  const bytes = x.BYTES_PER_ELEMENT;
  const images = inputOf(shape, x);
  const gradients = outputOf(shape, outputs, dy);
  const reach = reachOf(shape);
  const inner = channels * windowHeight * windowWidth;
  const division = divide(images, gradients, reach);
  const group = Math.floor(LARGEST / inner);
  if (division === undefined || group === 0) return false;
  for (let o = 0; o < outputs; o += group) {
    const lines = Math.min(group, outputs - o);
    forEachBand(division, batch, outHeight, (rows, samples, forEachGroup) => {
      const isFirst = rows[0] === 0;
      memory.reset();
      const resident = memory.addressOf(dweight);
      const out = resident === 0 ? memory.reserve(x, lines * inner) : resident + o * inner * bytes;
      const sums = memory.reserveDoubles(lines + 1);
      const zero = sums + 8 * lines;
      if (isFirst) memory.double.fill(0, sums / 8, zero / 8 + 1);
      const b = patchesOf(wasm, images, samples, reach, rows);
      const a = passageOf(wasm, gradients, o, lines, samples, rows);
      const multiply = product(wasm, x, [lines, a.plane], inner, {
        aSteps: [
          [samples, a.sample],
          [rows[1] - rows[0], a.row],
          [outWidth, 1],
        ],
        bSteps: pixelAxes(shape, samples, rows, b),
        bLines: windowAxes(shape, b),
        outColumns: [[inner, 1]],
      });
      forEachGroup((n, count) => {
        const at = a.load(n, count);
        const addend = isFirst && n === 0 ? 0 : out;
        multiply(at, b.load(n, count), out, addend, inner, count / samples, 1);
        if (dbias === undefined) return;
        const length = (rows[1] - rows[0]) * outWidth;
        for (let i = 0; i < lines; i++) {
          routines.addPlanes(at + i * a.plane * bytes, a.sample, count, 1, length, zero, sums + 8 * i);
        }
      });
      if (rows[1] < outHeight) return;
      memory.store(out, dweight, o * inner, (o + lines) * inner);
      if (dbias !== undefined) for (let i = 0; i < lines; i++) dbias[o + i] = memory.double[sums / 8 + i]!;
    });
  }
  return true;
}

/** Computes a result from its products, for groups of its channels and bands of its rows; returns false if they are too large. */
function filter(wasm: Wasm, work: Filter): boolean {
  const { batch, images, result, reach, weight, view, bias, hasGaps = false, layouts } = work;
  const { memory } = wasm;
  const bytes = weight.BYTES_PER_ELEMENT;
  const numbers = memory.viewLike(weight);
  const division = divide(images, result, reach);
  const group = Math.floor(LARGEST / (view.outer * view.inner));
  if (division === undefined || group === 0) return false;
  for (let c = 0; c < view.channels; c += group) {
    const lines = Math.min(group, view.channels - c);
    forEachBand(division, batch, result.height, (rows, samples, forEachGroup) => {
      memory.reset();
      const stride = view.channels * view.inner;
      const piece: Piece = { ...view, channels: lines, start: c * view.inner, stride };
      const a = placeOf(
        memory,
        weight,
        piece,
        memory.addressOf(weight) === 0 ? memory.reserve(weight, sizeOfPiece(piece)) : 0,
      );
      loadPiece(memory, a, weight, piece);
      const atBias = bias === undefined ? 0 : memory.reserve(weight, lines * TILE);
      if (bias !== undefined) {
        for (let i = 0; i < lines * TILE; i++) numbers[atBias / bytes + i] = bias[c + Math.floor(i / TILE)]!;
      }
      const b = patchesOf(wasm, images, samples, reach, rows);
      const out = passageOf(wasm, result, c, lines, samples, rows);
      const products = layouts(samples, rows, a.stride, b, out).map((layout) => {
        const multiply = product(wasm, weight, [lines, view.inner], out.plane, layout);
        const [fromA, fromB, fromOut] = [layout.a ?? 0, layout.b ?? 0, layout.out ?? 0];
        return (atB: number, atOut: number, share: number): void => {
          multiply(a.at + fromA * bytes, atB + fromB * bytes, atOut + fromOut * bytes, atBias, TILE, 1, share);
        };
      });
      forEachGroup((n, count) => {
        const atB = b.load(n, count);
        const atOut = out.at(n, count);
        if (hasGaps) out.clear(n, count);
        for (const multiply of products) multiply(atB, atOut, count / samples);
        out.store(n, count);
      });
    });
  }
  return true;
}

function inputOf({ channels, height, width }: WindowShape, values: Floats): Images {
  return { values, channels, height, width };
}

function outputOf({ outHeight, outWidth }: WindowShape, outputs: number, values: Floats): Images {
  return { values, channels: outputs, height: outHeight, width: outWidth };
}

/** Returns what the windows of rows of y read of x. */
function reachOf({ windowHeight, windowWidth, strideY, strideX, top, left, outWidth }: WindowShape): Reach {
  return {
    rows: (from, to) => [from * strideY - top, (to - 1) * strideY - top + windowHeight],
    columns: [-left, (outWidth - 1) * strideX - left + windowWidth],
  };
}

function windowAxes({ channels, windowHeight, windowWidth }: WindowShape, images: Place): readonly Axis[] {
  return [
    [channels, images.plane],
    [windowHeight, images.row],
    [windowWidth, 1],
  ];
}

function pixelAxes(
  { strideY, strideX, outWidth }: WindowShape,
  samples: number,
  [from, to]: Range,
  images: Place,
): readonly Axis[] {
  return [
    [samples, images.sample],
    [to - from, strideY * images.row],
    [outWidth, strideX],
  ];
}

/** Divides the work so that the images and the result fit; returns undefined if a row of the result is too large. */
function divide(images: Images, result: Images, { rows, columns }: Reach): Division | undefined {
  const width = Math.max(images.width, columns[1] - columns[0]);
  const sizeOf = (height: number): number => {
    const [from, to] = rows(0, height);
    return Math.max(images.channels * (to - from) * width, result.channels * height * result.width);
  };
  let { height } = result;
  while (height > 0 && sizeOf(height) > LARGEST) height >>= 1;
  if (height === 0) return undefined;
  const sample = Math.max(sizeOf(height), images.channels * images.height * images.width);
  return { rows: height, samples: height < result.height ? 1 : Math.max(1, Math.floor(PIECE / sample)) };
}

/** Calls `visit` for each band of rows, with a function that goes through the samples of the band in groups. */
function forEachBand(
  division: Division,
  batch: number,
  height: number,
  visit: (rows: Range, samples: number, forEachGroup: (run: (n: number, count: number) => void) => void) => void,
): void {
  const samples = Math.min(division.samples, batch);
  for (let row = 0; row < height; row += division.rows) {
    visit([row, Math.min(height, row + division.rows)], samples, (run) => {
      for (let n = 0; n < batch; n += samples) run(n, Math.min(samples, batch - n));
    });
  }
}

/** Images that are read or written through the memory: where they lie, if resident, else in scratch. */
interface Passage extends Place {
  readonly at: (n: number, samples: number) => number;
  /** Writes zeros. */
  readonly clear: (n: number, samples: number) => void;
  /** Copies out what was computed. */
  readonly store: (n: number, samples: number) => void;
}

/** Makes room for channels c..c + count of images: of several samples as a whole, or of some rows of one sample. */
function passageOf(
  { memory }: Wasm,
  { values, channels, height, width }: Images,
  c: number,
  count: number,
  samples: number,
  [from, to]: Range,
): Passage {
  const plane = height * width;
  const run = (to - from) * width;
  const pieceOf = (n: number, group: number): Piece => {
    const start = (n * channels + c) * plane;
    return samples > 1
      ? { outer: group, channels: count, inner: plane, start, stride: channels * plane }
      : { outer: count, channels: 1, inner: run, start: start + from * width, stride: plane };
  };
  const scratch = memory.addressOf(values) === 0 ? memory.reserve(values, sizeOfPiece(pieceOf(0, samples))) : 0;
  const place = (n: number, group: number): { at: number; stride: number } =>
    placeOf(memory, values, pieceOf(n, group), scratch);
  const { stride } = place(0, samples);
  const distances = samples > 1 ? { sample: stride, plane } : { sample: 0, plane: stride };
  return {
    ...distances,
    row: width,
    at: (n, group) => place(n, group).at,
    load: (n, group) => {
      loadPiece(memory, place(n, group), values, pieceOf(n, group));
      return place(n, group).at;
    },
    clear: (n, group) => {
      const first = place(n, group).at / values.BYTES_PER_ELEMENT;
      for (let i = 0; i < group * count; i++) {
        const at = first + Math.floor(i / count) * distances.sample + (i % count) * distances.plane;
        memory.viewLike(values).fill(0, at, at + run);
      }
    },
    store: (n, group) => {
      storePiece(memory, place(n, group), values, pieceOf(n, group));
    },
  };
}

/** Returns the images as the windows read them: in place, if no window reaches beyond, else as a copy with zeros around. */
function patchesOf(wasm: Wasm, images: Images, samples: number, reach: Reach, band: Range): Place {
  const { memory } = wasm;
  const { values, channels, height, width } = images;
  const [rows, columns] = [reach.rows(band[0], band[1]), reach.columns];
  const [top, bottom] = within(rows, height);
  const [left, right] = within(columns, width);
  const source = passageOf(wasm, images, 0, channels, samples, [top, bottom]);
  const bytes = values.BYTES_PER_ELEMENT;
  const skipped = ((samples > 1 ? top * width : 0) + left) * bytes;
  if (top === rows[0] && bottom === rows[1] && left === columns[0] && right === columns[1]) {
    return { ...source, load: (n, count) => source.load(n, count) + skipped };
  }
  const row = columns[1] - columns[0];
  const plane = (rows[1] - rows[0]) * row;
  const size = samples * channels * plane;
  const at = memory.reserve(values, size);
  memory.viewLike(values).fill(0, at / bytes, at / bytes + size);
  const inside = at + ((top - rows[0]) * row + left - columns[0]) * bytes;
  const routines = wasm.routinesFor(values);
  const load = (n: number, count: number): number => {
    const from = source.load(n, count) + skipped;
    routines.copyPlanes(from, source.plane, width, inside, plane, row, count * channels, bottom - top, right - left);
    return at;
  };
  return { sample: channels * plane, plane, row, load };
}

/** Returns the part of a range that lies within 0..length. */
function within([from, to]: Range, length: number): Range {
  const start = Math.min(Math.max(0, from), length);
  return [start, Math.max(start, Math.min(to, length))];
}

/**
 * Makes the tables of a product and returns it: a function of the addresses of a, b, out and the addend, of the addend's row, and of
 * the shares of the inner index and of the columns to compute.
 */
function product(
  { memory, routinesFor }: Wasm,
  like: Floats,
  lines: Axis,
  outRow: number,
  { aSteps, bSteps, bLines, outColumns }: Layout,
): (a: number, b: number, out: number, addend: number, addendRow: number, inner: number, columns: number) => void {
  const routines = routinesFor(like);
  const tableOf = (axes: readonly Axis[]): number => {
    const length = sizeOf(axes);
    const at = memory.reserveBytes(4 * (length + TILE));
    fillTable(memory.integers.subarray(at / 4, at / 4 + length + TILE), axes, like.BYTES_PER_ELEMENT);
    return at;
  };
  const [aRow, aStep, bStep, bColumn, outColumn] = [[lines], aSteps, bSteps, bLines, outColumns].map(tableOf) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const [inner, columns] = [sizeOf(aSteps), sizeOf(bLines)];
  const work = memory.reserveBytes(routines.workOfMultiply());
  return (a, b, out, addend, addendRow, innerShare, columnShare) => {
    routines.multiply(
      lines[0],
      Math.round(inner * innerShare),
      Math.round(columns * columnShare),
      a,
      aRow,
      aStep,
      b,
      bStep,
      bColumn,
      out,
      outRow,
      addend,
      addendRow,
      work,
      outColumn,
    );
  };
}

function sizeOf(axes: readonly Axis[]): number {
  return axes.reduce((size, [count]) => size * count, 1);
}

/** Writes the distances in bytes to all combinations of steps, those of the last axis first, and then zeros. */
function fillTable(table: Int32Array, axes: readonly Axis[], bytes: number): void {
  table.fill(0);
  let length = 1;
  for (const [count, distance] of [...axes].reverse()) {
    const end = length * count;
    for (let i = length; i < end; i++) table[i] = table[i - length]! + distance * bytes;
    length = end;
  }
}
