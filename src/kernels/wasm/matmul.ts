/** The three matrix products and column sums: large matrices pass through the memory in blocks. */

import type { Floats } from "../../core/dtype.js";
import { expectColumnSums, expectMatmul } from "../checks.js";
import type { Kernels, MatmulArguments } from "../types.js";
import type { Wasm } from "./instance.js";
import type { Memory } from "./memory.js";
import type { Routines } from "./module.js";
import { type ChannelGroup, channelGroups, loadPiece, sizeOfPiece } from "./pieces.js";

// The largest block of a is ROWS x INNER, of b INNER x COLUMNS, of the output ROWS x COLUMNS: 10 MB in float64.
// INNER is a multiple of the module's own block, so that the blocks do not show in the sums.
const ROWS = 512;
const INNER = 1024;
const COLUMNS = 512;

/** A matrix, row-major: its numbers and the length of its rows. */
interface Matrix {
  readonly values: Floats;
  readonly width: number;
}

/** What the products need of a module. */
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
      for (const group of channelGroups({ outer: rows, channels: columns, inner: 1 })) addColumns(wasm, x, out, group);
    },
  };
}

function addColumns({ memory, routinesFor }: Wasm, x: Floats, out: Floats, { from, to, pieces }: ChannelGroup): void {
  const columns = to - from;
  memory.reset();
  const at = memory.reserve(x, sizeOfPiece(pieces[0]!));
  const zeros = memory.reserveDoubles(columns);
  const sums = memory.reserveDoubles(columns);
  const { double } = memory;
  double.fill(0, zeros / 8, zeros / 8 + columns);
  double.fill(0, sums / 8, sums / 8 + columns);
  for (const piece of pieces) {
    loadPiece(memory, at, x, piece);
    routinesFor(x).addRows(at, piece.outer, columns, zeros, sums);
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
  const a: Matrix = { values: args.a, width: transposedA ? rows : inner };
  const b: Matrix = { values: args.b, width: transposedB ? inner : columns };
  memory.reset();
  const height = Math.min(ROWS, rows);
  const depth = Math.min(INNER, inner);
  const width = Math.min(COLUMNS, columns);
  const atA = memory.reserve(out, height * depth);
  const atB = memory.reserve(out, depth * width);
  const atOut = memory.reserve(out, height * width);
  const atBias = memory.reserve(out, width);
  const work = memory.reserveBytes(routines.workOfMultiply());
  for (let j0 = 0; j0 < columns; j0 += COLUMNS) {
    const j1 = Math.min(columns, j0 + COLUMNS);
    if (bias !== undefined) memory.load(atBias, bias, j0, j1);
    for (let i0 = 0; i0 < rows; i0 += ROWS) {
      const i1 = Math.min(rows, i0 + ROWS);
      for (let k0 = 0; k0 < inner; k0 += INNER) {
        const k1 = Math.min(inner, k0 + INNER);
        if (transposedA) loadBlock(memory, atA, a, k0, k1, i0, i1);
        else loadBlock(memory, atA, a, i0, i1, k0, k1);
        // If the inner index is not divided, the block of b is in the memory already.
        if (i0 === 0 || inner > INNER) {
          if (transposedB) loadBlock(memory, atB, b, j0, j1, k0, k1);
          else loadBlock(memory, atB, b, k0, k1, j0, j1);
        }
        const [aRow, aStep] = transposedA ? [1, i1 - i0] : [k1 - k0, 1];
        const [bStep, bColumn] = transposedB ? [1, k1 - k0] : [j1 - j0, 1];
        const addend = k0 > 0 ? atOut : bias !== undefined ? atBias : 0;
        const addendRow = k0 > 0 ? j1 - j0 : 0;
        routines.multiply(
          i1 - i0,
          k1 - k0,
          j1 - j0,
          atA,
          aRow,
          aStep,
          atB,
          bStep,
          bColumn,
          atOut,
          addend,
          addendRow,
          work,
        );
      }
      storeBlock(memory, atOut, { values: out, width: columns }, i0, i1, j0, j1);
    }
  }
}

/** Copies rows top..bottom, columns left..right of a matrix in. */
function loadBlock(
  memory: Memory,
  at: number,
  { values, width }: Matrix,
  top: number,
  bottom: number,
  left: number,
  right: number,
): void {
  if (right - left === width) {
    memory.load(at, values, top * width, bottom * width);
    return;
  }
  const bytes = (right - left) * values.BYTES_PER_ELEMENT;
  for (let row = top; row < bottom; row++, at += bytes)
    memory.load(at, values, row * width + left, row * width + right);
}

/** Copies rows top..bottom, columns left..right of a matrix out. */
function storeBlock(
  memory: Memory,
  at: number,
  { values, width }: Matrix,
  top: number,
  bottom: number,
  left: number,
  right: number,
): void {
  if (right - left === width) {
    memory.store(at, values, top * width, bottom * width);
    return;
  }
  const bytes = (right - left) * values.BYTES_PER_ELEMENT;
  for (let row = top; row < bottom; row++, at += bytes)
    memory.store(at, values, row * width + left, row * width + right);
}
