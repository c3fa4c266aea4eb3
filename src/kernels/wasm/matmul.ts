/** The three matrix products and column sums. Large matrices are processed in blocks. */

import type { Floats } from "../../core/dtype.js";
import { expectColumnSums, expectMatmul } from "../checks.js";
import type { Kernels, MatmulArguments } from "../types.js";
import type { Wasm } from "./instance.js";
import type { Memory } from "./memory.js";
import type { Routines } from "./module.js";
import { type ChannelGroup, channelGroups, loadPiece, type Place, placeOf, sizeOfPiece } from "./pieces.js";

// The largest blocks are ROWS x INNER for a, INNER x COLUMNS for b and ROWS x COLUMNS for the output: 10 MB in float64. INNER
// is a multiple of the block size in the module, so the division into blocks does not affect the sums.
const ROWS = 512;
const INNER = 1024;
const COLUMNS = 512;

/** A row-major matrix: its values and the length of its rows. */
interface Matrix {
  readonly values: Floats;
  readonly width: number;
  /** The address of a resident matrix, or 0. */
  readonly address: number;
  /** The address to which its blocks are copied, if it is not resident. */
  readonly scratch: number;
}

/** The routines of a module that the products use. */
export type MatmulRoutines = Pick<Routines, "multiply" | "workOfMultiply">;

/** The products of the WebAssembly kernel set. */
export function matmulKernels(
  wasm: Wasm<MatmulRoutines>,
): Pick<Kernels, "matmul" | "matmulTransposedA" | "matmulTransposedB"> {
  return {
    matmul(args) {
      expectMatmul("matmul", args);
      multiplyInBlocks(wasm, args, false, false);
    },
    matmulTransposedA(args) {
      expectMatmul("matmulTransposedA", args);
      multiplyInBlocks(wasm, args, true, false);
    },
    matmulTransposedB(args) {
      expectMatmul("matmulTransposedB", args);
      multiplyInBlocks(wasm, args, false, true);
    },
  };
}

/** The column sums of the WebAssembly kernel set. */
export function columnSumsKernel(wasm: Wasm): Pick<Kernels, "columnSums"> {
  return {
    columnSums(args) {
      expectColumnSums("columnSums", args);
      const { rows, columns, x, out } = args;
      const view = { outer: rows, channels: columns, inner: 1 };
      const groups = channelGroups(view, wasm.memory.addressOf(x) !== 0);
      for (const group of groups) addColumns(wasm, x, out, group);
    },
  };
}

function addColumns({ memory, routinesFor }: Wasm, x: Floats, out: Floats, { from, to, pieces }: ChannelGroup): void {
  const columns = to - from;
  memory.reset();
  const scratch = memory.addressOf(x) === 0 ? memory.reserve(x, sizeOfPiece(pieces[0]!)) : 0;
  const zeros = memory.reserveDoubles(columns);
  const sums = memory.reserveDoubles(columns);
  const { double } = memory;
  double.fill(0, zeros / 8, zeros / 8 + columns);
  double.fill(0, sums / 8, sums / 8 + columns);
  for (const piece of pieces) {
    const place = placeOf(memory, x, piece, scratch);
    loadPiece(memory, place, x, piece);
    routinesFor(x).addRows(place.at, place.stride, piece.outer, columns, zeros, sums);
  }
  for (let c = 0; c < columns; c++) out[from + c] = double[sums / 8 + c]!;
}

function multiplyInBlocks(
  wasm: Wasm<MatmulRoutines>,
  args: MatmulArguments,
  transposedA: boolean,
  transposedB: boolean,
): void {
  const { rows, inner, columns, bias, out } = args;
  const { memory } = wasm;
  const routines = wasm.routinesFor(out);
  memory.reset();
  const height = Math.min(ROWS, rows);
  const depth = Math.min(INNER, inner);
  const width = Math.min(COLUMNS, columns);
  const a = matrix(memory, args.a, transposedA ? rows : inner, height * depth);
  const b = matrix(memory, args.b, transposedB ? inner : columns, depth * width);
  const to = matrix(memory, out, columns, height * width);
  const atBias = memory.reserve(out, width);
  const work = memory.reserveBytes(routines.workOfMultiply());
  for (let j0 = 0; j0 < columns; j0 += COLUMNS) {
    const j1 = Math.min(columns, j0 + COLUMNS);
    if (bias !== undefined) memory.load(atBias, bias, j0, j1);
    for (let i0 = 0; i0 < rows; i0 += ROWS) {
      const i1 = Math.min(rows, i0 + ROWS);
      const atOut = placeOfBlock(to, i0, j0, j1);
      for (let k0 = 0; k0 < inner; k0 += INNER) {
        const k1 = Math.min(inner, k0 + INNER);
        const atA = transposedA ? loadBlock(memory, a, k0, k1, i0, i1) : loadBlock(memory, a, i0, i1, k0, k1);
        // If the inner index is not divided, the block of b is already in the memory.
        const load = i0 === 0 || inner > INNER;
        const atB = transposedB
          ? loadBlock(memory, b, j0, j1, k0, k1, load)
          : loadBlock(memory, b, k0, k1, j0, j1, load);
        const [aRow, aStep] = transposedA ? [1, atA.stride] : [atA.stride, 1];
        const [bStep, bColumn] = transposedB ? [1, atB.stride] : [atB.stride, 1];
        const addend = k0 > 0 ? atOut.at : bias !== undefined ? atBias : 0;
        const addendRow = k0 > 0 ? atOut.stride : 0;
        routines.multiply(
          i1 - i0,
          k1 - k0,
          j1 - j0,
          atA.at,
          aRow,
          aStep,
          atB.at,
          bStep,
          bColumn,
          atOut.at,
          atOut.stride,
          addend,
          addendRow,
          work,
          0,
        );
      }
      storeBlock(memory, to, i0, i1, j0, j1);
    }
  }
}

/** Returns a matrix with scratch for one of its blocks, unless it is resident. */
function matrix(memory: Memory, values: Floats, width: number, block: number): Matrix {
  const address = memory.addressOf(values);
  return { values, width, address, scratch: address === 0 ? memory.reserve(values, block) : 0 };
}

/** Returns the address of the block from row `top` and column `left` to column `right`. */
function placeOfBlock({ values, width, address, scratch }: Matrix, top: number, left: number, right: number): Place {
  if (address === 0) return { at: scratch, stride: right - left };
  return { at: address + (top * width + left) * values.BYTES_PER_ELEMENT, stride: width };
}

/**
 * Returns the address of rows top..bottom, columns left..right of a matrix. Copies them in if the matrix is not resident and
 * `load` is true.
 */
function loadBlock(
  memory: Memory,
  matrix: Matrix,
  top: number,
  bottom: number,
  left: number,
  right: number,
  load = true,
): Place {
  const place = placeOfBlock(matrix, top, left, right);
  if (matrix.address !== 0 || !load) return place;
  const { values, width } = matrix;
  let { at } = place;
  if (right - left === width) {
    memory.load(at, values, top * width, bottom * width);
    return place;
  }
  const bytes = (right - left) * values.BYTES_PER_ELEMENT;
  for (let row = top; row < bottom; row++, at += bytes)
    memory.load(at, values, row * width + left, row * width + right);
  return place;
}

/** Copies rows top..bottom, columns left..right of an output out of the memory, unless the output is resident. */
function storeBlock(
  memory: Memory,
  { values, width, address, scratch }: Matrix,
  top: number,
  bottom: number,
  left: number,
  right: number,
): void {
  if (address !== 0) return;
  if (right - left === width) {
    memory.store(scratch, values, top * width, bottom * width);
    return;
  }
  const bytes = (right - left) * values.BYTES_PER_ELEMENT;
  for (let row = top, at = scratch; row < bottom; row++, at += bytes)
    memory.store(at, values, row * width + left, row * width + right);
}
