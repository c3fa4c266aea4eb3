/**
 * The three matrix products of a dense layer, and column sums.
 *
 * All three are one loop over packed blocks. Both operands are first copied ("packed") into small double-precision buffers,
 * in the order in which the innermost loop reads them; that loop then computes a tile of 2 rows by 3 columns at once, so each
 * number read takes part in two or three products: five times as fast as three naive loops. Measured on V8: 2x3 is the
 * largest tile that stays in registers, and the innermost loop, which only ever sees Float64Array, is compiled once.
 */

import type { Floats } from "../../core/dtype.js";
import { expectColumnSums, expectMatmul } from "../checks.js";
import type { ColumnSumsArguments, MatmulArguments } from "../types.js";

const TILE_ROWS = 2;
const TILE_COLUMNS = 3;
// A block of a and a block of b fit the level-2 cache together; a strip of each fits level 1.
const BLOCK_ROWS = 96;
const BLOCK_INNER = 256;
const BLOCK_COLUMNS = 510;

/** The packed blocks, and the innermost loop over them. */
interface Packed {
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly tile: Float64Array;
  /** Computes tile = the strip of a that starts at `aAt`, times the strip of b that starts at `bAt`. */
  readonly multiplyStrips: (aAt: number, bAt: number, depth: number) => void;
}
let packed: Packed | undefined; // 1.2 MB, allocated at first use

/**
 * Computes out = a b + bias, for a [rows, inner] and b [inner, columns].
 *
 * This is the plain kernel, written for reading; `defaultKernels().matmul` is the fast one.
 */
export function matmul(args: MatmulArguments): void {
  expectMatmul("matmul", args);
  multiplyPacked(args, args.inner, 1, args.columns, 1);
}

/**
 * Computes out = aᵀ b + bias, for a [inner, rows] and b [inner, columns]: the gradient of a weight, xᵀ dy.
 *
 * This is the plain kernel, written for reading; `defaultKernels().matmulTransposedA` is the fast one.
 */
export function matmulTransposedA(args: MatmulArguments): void {
  expectMatmul("matmulTransposedA", args);
  multiplyPacked(args, 1, args.rows, args.columns, 1);
}

/**
 * Computes out = a bᵀ + bias, for a [rows, inner] and b [columns, inner]: the gradient of an input, dy Wᵀ.
 *
 * This is the plain kernel, written for reading; `defaultKernels().matmulTransposedB` is the fast one.
 */
export function matmulTransposedB(args: MatmulArguments): void {
  expectMatmul("matmulTransposedB", args);
  multiplyPacked(args, args.inner, 1, 1, args.inner);
}

/**
 * Computes out[c] = Σ_n x[n, c], for x [rows, columns], summed in double precision.
 *
 * This is the plain kernel, written for reading; `defaultKernels().columnSums` is the fast one.
 */
export function columnSums(args: ColumnSumsArguments): void {
  expectColumnSums("columnSums", args);
  const { rows, columns, x, out } = args;
  const sums = new Float64Array(columns);
  for (let n = 0, at = 0; n < rows; n++) {
    for (let c = 0; c < columns; c++, at++) sums[c]! += x[at]!;
  }
  out.set(sums);
}

/**
 * Multiplies a(i, k), at index i * aRow + k * aStep, by b(k, j), at k * bStep + j * bColumn: the three products differ in
 * these strides alone.
 */
function multiplyPacked(args: MatmulArguments, aRow: number, aStep: number, bStep: number, bColumn: number): void {
  const { rows, inner, columns, a, b, bias, out } = args;
  packed ??= makePacked();
  const { a: packedA, b: packedB, tile, multiplyStrips } = packed;
  if (bias === undefined) out.fill(0);
  else for (let i = 0; i < rows; i++) out.set(bias, i * columns);
  for (let j0 = 0; j0 < columns; j0 += BLOCK_COLUMNS) {
    const blockColumns = Math.min(BLOCK_COLUMNS, columns - j0);
    for (let k0 = 0; k0 < inner; k0 += BLOCK_INNER) {
      const depth = Math.min(BLOCK_INNER, inner - k0);
      pack(packedB, TILE_COLUMNS, blockColumns, depth, b, k0 * bStep + j0 * bColumn, bColumn, bStep);
      for (let i0 = 0; i0 < rows; i0 += BLOCK_ROWS) {
        const blockRows = Math.min(BLOCK_ROWS, rows - i0);
        pack(packedA, TILE_ROWS, blockRows, depth, a, i0 * aRow + k0 * aStep, aRow, aStep);
        for (let j = 0; j < blockColumns; j += TILE_COLUMNS) {
          for (let i = 0; i < blockRows; i += TILE_ROWS) {
            multiplyStrips(i * depth, j * depth, depth);
            const height = Math.min(TILE_ROWS, blockRows - i);
            const width = Math.min(TILE_COLUMNS, blockColumns - j);
            addTile(tile, height, width, out, (i0 + i) * columns + j0 + j, columns);
          }
        }
      }
    }
  }
}

/**
 * Copies a block into strips: strip s holds lines s * width to s * width + width - 1 of the block, position by position.
 * The last strip is padded with zeros, whose products are never stored.
 */
function pack(
  into: Float64Array,
  width: number,
  lines: number,
  depth: number,
  from: Floats,
  offset: number,
  lineStride: number,
  stride: number,
): void {
  let at = 0;
  for (let line = 0; line < lines; line += width) {
    const start = offset + line * lineStride;
    if (line + width <= lines && width === 3) {
      for (let k = 0, read = start; k < depth; k++, read += stride, at += 3) {
        into[at] = from[read]!;
        into[at + 1] = from[read + lineStride]!;
        into[at + 2] = from[read + 2 * lineStride]!;
      }
    } else if (line + width <= lines) {
      for (let k = 0, read = start; k < depth; k++, read += stride, at += 2) {
        into[at] = from[read]!;
        into[at + 1] = from[read + lineStride]!;
      }
    } else {
      for (let k = 0, read = start; k < depth; k++, read += stride) {
        for (let w = 0; w < width; w++) into[at++] = line + w < lines ? from[read + w * lineStride]! : 0;
      }
    }
  }
}

/**
 * Creates the buffers and the loop over them. The loop has them as constants of its closure: as arguments they would take
 * registers that the sums need.
 */
function makePacked(): Packed {
  const a = new Float64Array(BLOCK_ROWS * BLOCK_INNER);
  const b = new Float64Array(BLOCK_COLUMNS * BLOCK_INNER);
  const tile = new Float64Array(TILE_ROWS * TILE_COLUMNS);
  const multiplyStrips = (aAt: number, bAt: number, depth: number): void => {
    let s00 = 0;
    let s01 = 0;
    let s02 = 0;
    let s10 = 0;
    let s11 = 0;
    let s12 = 0;
    let p = aAt | 0;
    let q = bAt | 0;
    // 2 and 3, not TILE_ROWS and TILE_COLUMNS: bundlers turn those into variables, which V8 would read at every step
    for (const end = (p + 2 * depth) | 0; p < end; p = (p + 2) | 0, q = (q + 3) | 0) {
      const a0 = a[p]!;
      const a1 = a[(p + 1) | 0]!;
      const b0 = b[q]!;
      s00 += a0 * b0;
      s10 += a1 * b0;
      const b1 = b[(q + 1) | 0]!;
      s01 += a0 * b1;
      s11 += a1 * b1;
      const b2 = b[(q + 2) | 0]!;
      s02 += a0 * b2;
      s12 += a1 * b2;
    }
    tile[0] = s00;
    tile[1] = s01;
    tile[2] = s02;
    tile[3] = s10;
    tile[4] = s11;
    tile[5] = s12;
  };
  return { a, b, tile, multiplyStrips };
}

/** Adds a tile, or the part of it that lies inside the product, to the output. */
function addTile(
  tile: Float64Array,
  height: number,
  width: number,
  out: Floats,
  offset: number,
  columns: number,
): void {
  for (let i = 0, at = offset; i < height; i++, at += columns) {
    if (width === 3) {
      out[at]! += tile[3 * i]!;
      out[at + 1]! += tile[3 * i + 1]!;
      out[at + 2]! += tile[3 * i + 2]!;
    } else {
      for (let j = 0; j < width; j++) out[at + j]! += tile[3 * i + j]!;
    }
  }
}
