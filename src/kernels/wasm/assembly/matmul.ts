/**
 * The matrix product of dense layers and convolutions: out = addend + a b.
 *
 * Both operands are first copied ("packed") into strips, in the order in which the innermost loop reads them. That loop
 * makes a tile of 4 rows by 2 vectors at once in eight registers: every number that it loads takes part in two or four
 * products. More than eight accumulators would not fit V8's registers beside the operands.
 *
 * Each sum runs over the inner index in order, in blocks of INNER that are added to the output one after the other, so an
 * output depends on its row of a and its column of b alone, wherever it stands in a tile.
 */

import { addProduct, broadcast, zero } from "./vectors";

const TILE_ROWS: i32 = 4;
/** Bytes of a tile's row: two vectors. */
const TILE_WIDTH: usize = 32;
// One block of a and one of b fit the level-2 cache together, a strip of each fits level 1.
const ROWS: i32 = 96;
const INNER: i32 = 256;
const COLUMNS: i32 = 512;

/** Bytes of working memory that `multiply` needs. */
export function workOfMultiply<T>(): usize {
  return <usize>((ROWS + COLUMNS) * INNER) * sizeof<T>() + <usize>TILE_ROWS * TILE_WIDTH;
}

/**
 * out = addend + a b with a(i, k) at a + i aRow + k aStep, b(k, j) at b + k bStep + j bColumn, strides in elements.
 * Row i of out starts at out + i outStride, that of the addend at addend + i addendRow: a bias with
 * addendRow 0, out itself to go on with an earlier part of the inner index, or nothing with addend 0.
 *
 * With a table of the columns of out, the places are those of a convolution: aRow, aStep, bStep, bColumn are the addresses of tables
 * too, of distances in bytes, and an addend other than out has one number per row, as often as a tile has columns. The columns of
 * out ascend. The tables of lines go on to the end of their last strip, with any places that may be read.
 */
export function multiply<T>(
  rows: i32,
  inner: i32,
  columns: i32,
  a: usize,
  aRow: i32,
  aStep: i32,
  b: usize,
  bStep: i32,
  bColumn: i32,
  out: usize,
  outStride: i32,
  addend: usize,
  addendRow: i32,
  work: usize,
  table: usize,
): void {
  if (rows < TILE_ROWS && bColumn == 1 && table == 0) {
    for (let i = 0; i < rows; i++) {
      const start = addend == 0 ? 0 : addend + bytes<T>(i * addendRow);
      multiplyRow<T>(inner, columns, a + bytes<T>(i * aRow), bytes<T>(aStep), b, bytes<T>(bStep), out + bytes<T>(i * outStride), start, work);
    }
    return;
  }
  const tileColumns = <i32>(TILE_WIDTH / sizeof<T>());
  const packedA = work;
  const packedB = packedA + bytes<T>(ROWS * INNER);
  const tile = packedB + bytes<T>(COLUMNS * INNER);
  const outRow = bytes<T>(outStride);
  for (let j0 = 0; j0 < columns; j0 += COLUMNS) {
    const width = min(COLUMNS, columns - j0);
    let from = addend;
    let fromRow = bytes<T>(addendRow);
    for (let k0 = 0; k0 < inner; k0 += INNER) {
      const depth = min(INNER, inner - k0);
      // a bias of the rows has no columns
      const mask: usize = table == 0 || from == out ? -1 : 0;
      if (table != 0) gather<T>(packedB, tileColumns, width, depth, b, bColumn + 4 * j0, bStep + 4 * k0);
      else pack<T>(packedB, tileColumns, width, depth, b + bytes<T>(k0 * bStep + j0 * bColumn), bytes<T>(bColumn), bytes<T>(bStep));
      for (let i0 = 0; i0 < rows; i0 += ROWS) {
        const height = min(ROWS, rows - i0);
        if (table != 0) gather<T>(packedA, TILE_ROWS, height, depth, a, aRow + 4 * i0, aStep + 4 * k0);
        else pack<T>(packedA, TILE_ROWS, height, depth, a + bytes<T>(i0 * aRow + k0 * aStep), bytes<T>(aRow), bytes<T>(aStep));
        for (let j = 0; j < width; j += tileColumns) {
          const columns = table == 0 ? 0 : table + 4 * (j0 + j);
          const column = columns == 0 ? bytes<T>(j0 + j) : load<usize>(columns);
          const isWhole = j + tileColumns <= width &&
            (columns == 0 || load<usize>(columns + 4 * (tileColumns - 1)) - column == TILE_WIDTH - sizeof<T>());
          for (let i = 0; i < height; i += TILE_ROWS) {
            const stripA = packedA + bytes<T>(i * depth);
            const stripB = packedB + bytes<T>(j * depth);
            const to = out + <usize>(i0 + i) * outRow + column;
            const start = from == 0 ? 0 : from + <usize>(i0 + i) * fromRow + (column & mask);
            if (isWhole && i + TILE_ROWS <= height) {
              multiplyTile<T>(stripA, stripB, depth, to, outRow, start, fromRow);
            } else {
              multiplyTile<T>(stripA, stripB, depth, tile, TILE_WIDTH, 0, 0);
              storePart<T>(tile, min(TILE_ROWS, height - i), min(tileColumns, width - j), to, outRow, start, fromRow, columns, mask);
            }
          }
        }
      }
      from = out;
      fromRow = outRow;
    }
  }
}

@inline function bytes<T>(count: i32): usize {
  return <usize>count * sizeof<T>();
}

/**
 * One row of out. Packing b takes longer than its few products, so it is read where it lies: for each four numbers of a, four of its
 * rows. The sums of a block of the inner index are collected in `sums`, and added up in the same order as those of a tile. There
 * is room for as many columns as a block of packed numbers has in all.
 */
function multiplyRow<T>(
  inner: i32,
  columns: i32,
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  out: usize,
  addend: usize,
  sums: usize,
): void {
  const width = bytes<T>(columns);
  for (let k0 = 0; k0 < inner; k0 += INNER) {
    memory.fill(sums, 0, width);
    let k = min(INNER, inner - k0);
    for (; k >= 4; k -= 4, a += 4 * aStep, b += 4 * bStep) {
      const a0 = broadcast<T>(a);
      const a1 = broadcast<T>(a + aStep);
      const a2 = broadcast<T>(a + 2 * aStep);
      const a3 = broadcast<T>(a + 3 * aStep);
      const b1 = b + bStep;
      const b2 = b1 + bStep;
      const b3 = b2 + bStep;
      for (let j: usize = 0; j < width; j += 16) {
        let sum = addProduct<T>(v128.load(sums + j), a0, v128.load(b + j));
        sum = addProduct<T>(sum, a1, v128.load(b1 + j));
        sum = addProduct<T>(sum, a2, v128.load(b2 + j));
        v128.store(sums + j, addProduct<T>(sum, a3, v128.load(b3 + j)));
      }
    }
    for (; k > 0; k--, a += aStep, b += bStep) {
      const a0 = broadcast<T>(a);
      for (let j: usize = 0; j < width; j += 16) v128.store(sums + j, addProduct<T>(v128.load(sums + j), a0, v128.load(b + j)));
    }
    for (let j: usize = 0; j < width; j += sizeof<T>()) {
      const sum = load<T>(sums + j);
      store<T>(out + j, addend == 0 ? sum : <T>(load<T>(addend + j) + sum));
    }
    addend = out;
  }
}

/** tile = start + Σ_k a[i, k] b[k, j] over one strip of each. */
function multiplyTile<T>(a: usize, b: usize, depth: i32, out: usize, outRow: usize, start: usize, startRow: usize): void {
  let c00 = zero();
  let c01 = zero();
  let c10 = zero();
  let c11 = zero();
  let c20 = zero();
  let c21 = zero();
  let c30 = zero();
  let c31 = zero();
  const end = a + bytes<T>(depth * TILE_ROWS);
  do { // unroll 8
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = broadcast<T>(a);
    c00 = addProduct<T>(c00, a0, b0);
    c01 = addProduct<T>(c01, a0, b1);
    const a1 = broadcast<T>(a + sizeof<T>());
    c10 = addProduct<T>(c10, a1, b0);
    c11 = addProduct<T>(c11, a1, b1);
    const a2 = broadcast<T>(a + 2 * sizeof<T>());
    c20 = addProduct<T>(c20, a2, b0);
    c21 = addProduct<T>(c21, a2, b1);
    const a3 = broadcast<T>(a + 3 * sizeof<T>());
    c30 = addProduct<T>(c30, a3, b0);
    c31 = addProduct<T>(c31, a3, b1);
    a += TILE_ROWS * sizeof<T>();
    b += TILE_WIDTH;
  } while (a < end);
  if (start != 0) {
    c00 = v128.add<T>(v128.load(start), c00);
    c01 = v128.add<T>(v128.load(start, 16), c01);
    start += startRow;
    c10 = v128.add<T>(v128.load(start), c10);
    c11 = v128.add<T>(v128.load(start, 16), c11);
    start += startRow;
    c20 = v128.add<T>(v128.load(start), c20);
    c21 = v128.add<T>(v128.load(start, 16), c21);
    start += startRow;
    c30 = v128.add<T>(v128.load(start), c30);
    c31 = v128.add<T>(v128.load(start, 16), c31);
  }
  v128.store(out, c00);
  v128.store(out, c01, 16);
  out += outRow;
  v128.store(out, c10);
  v128.store(out, c11, 16);
  out += outRow;
  v128.store(out, c20);
  v128.store(out, c21, 16);
  out += outRow;
  v128.store(out, c30);
  v128.store(out, c31, 16);
}

/** The part of a tile that lies within the output, or a tile of columns that are no neighbors there. */
function storePart<T>(
  tile: usize,
  height: i32,
  width: i32,
  out: usize,
  outRow: usize,
  start: usize,
  startRow: usize,
  columns: usize,
  mask: usize,
): void {
  const hasStart = start != 0;
  for (let i = 0; i < height; i++, tile += TILE_WIDTH, out += outRow, start += startRow) {
    for (let j = 0; j < width; j++) {
      const at = columns == 0 ? bytes<T>(j) : load<usize>(columns + 4 * j) - load<usize>(columns);
      const sum = load<T>(tile + bytes<T>(j));
      store<T>(out + at, hasStart ? <T>(load<T>(start + (at & mask)) + sum) : sum);
    }
  }
}

/**
 * Copies a block into strips: strip s holds lines s * width to s * width + width - 1 of the block, position by position.
 * The last strip is filled up with zeros, whose products are never stored.
 */
function pack<T>(to: usize, width: i32, lines: i32, depth: i32, from: usize, lineStride: usize, stride: usize): void {
  const strip = bytes<T>(width);
  for (let line = 0; line < lines; line += width, from += <usize>width * lineStride, to += strip * <usize>depth) {
    if (line + width > lines) packPart<T>(to, width, lines - line, depth, from, lineStride, stride);
    else if (lineStride == sizeof<T>()) packNeighbors<T>(to, strip, depth, from, stride);
    else packTransposed<T>(to, strip, depth, from, lineStride, stride);
  }
}

function packPart<T>(to: usize, width: i32, lines: i32, depth: i32, from: usize, lineStride: usize, stride: usize): void {
  for (let k = 0; k < depth; k++, from += stride) {
    for (let line = 0; line < width; line++, to += sizeof<T>()) {
      store<T>(to, line < lines ? load<T>(from + <usize>line * lineStride) : <T>0);
    }
  }
}

/** The lines are neighbors in memory: whole vectors are copied. */
function packNeighbors<T>(to: usize, strip: usize, depth: i32, from: usize, stride: usize): void {
  for (let k = 0; k < depth; k++, from += stride, to += strip) {
    v128.store(to, v128.load(from));
    if (strip == 32) v128.store(to, v128.load(from, 16), 16);
  }
}

/** The same for lines and positions at the distances of tables: a block of patches, read from the image itself. */
function gather<T>(to: usize, width: i32, lines: i32, depth: i32, from: usize, line: usize, steps: usize): void {
  const strip = bytes<T>(width);
  for (; lines > 0; lines -= width, to += strip * <usize>depth) {
    for (let column: usize = 0; column < strip; column += 16, line += 64 / sizeof<T>()) {
      gatherVector<T>(to + column, strip, from, line, steps, steps + 4 * depth);
    }
  }
}

/** Lines that are neighbors, as pixels of a row, are copied as a vector; else positions that are neighbors are transposed. */
function gatherVector<T>(to: usize, strip: usize, from: usize, line: usize, step: usize, end: usize): void {
  const lanes: usize = 16 / sizeof<T>();
  const p0 = from + load<usize>(line);
  const p1 = from + load<usize>(line, 4);
  const p2 = from + load<usize>(line, 8);
  const p3 = from + load<usize>(line, 12);
  if (areNeighbors<T>(line)) {
    for (; step < end; step += 4, to += strip) v128.store(to, v128.load(p0 + load<usize>(step)));
    return;
  }
  while (step < end) {
    const k = load<usize>(step);
    if (step + 4 * lanes <= end && areNeighbors<T>(step)) {
      transpose<T>(p0 + k, p1 + k, p2 + k, p3 + k, to, strip);
      step += 4 * lanes;
      to += lanes * strip;
    } else {
      store<T>(to, load<T>(p0 + k));
      store<T>(to + sizeof<T>(), load<T>(p1 + k));
      if (sizeof<T>() == 4) {
        store<T>(to + 8, load<T>(p2 + k));
        store<T>(to + 12, load<T>(p3 + k));
      }
      step += 4;
      to += strip;
    }
  }
}

/** Whether the distances of a vector's numbers are those of neighbors. */
@inline function areNeighbors<T>(table: usize): bool {
  if (sizeof<T>() == 8) return load<i32>(table, 4) - load<i32>(table) == 8;
  const expected = i32x4.add(v128.load32_splat(table), i32x4(0, 4, 8, 12));
  return i32x4.all_true(i32x4.eq(v128.load(table), expected));
}

/** The positions are neighbors in memory: squares of 4 x 4 (float32) or 2 x 2 (float64) are transposed in registers. */
function packTransposed<T>(to: usize, strip: usize, depth: i32, from: usize, line: usize, stride: usize): void {
  const lanes = <i32>(16 / sizeof<T>());
  for (let column: usize = 0; column < strip; column += 16, from += <usize>lanes * line) {
    let p = from;
    let q = to + column;
    let k = 0;
    if (stride == sizeof<T>()) {
      for (; k + lanes <= depth; k += lanes, p += 16, q += <usize>lanes * strip) transpose<T>(p, p + line, p + 2 * line, p + 3 * line, q, strip);
    }
    for (; k < depth; k++, p += stride, q += strip) {
      for (let i: usize = 0; i < <usize>lanes; i++) store<T>(q + i * sizeof<T>(), load<T>(p + i * line));
    }
  }
}

@inline function transpose<T>(p0: usize, p1: usize, p2: usize, p3: usize, to: usize, strip: usize): void {
  const r0 = v128.load(p0);
  const r1 = v128.load(p1);
  if (sizeof<T>() == 4) {
    const r2 = v128.load(p2);
    const r3 = v128.load(p3);
    const a = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const b = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const c = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const d = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f64>(a, c, 0, 2));
    v128.store(to + strip, v128.shuffle<f64>(a, c, 1, 3));
    v128.store(to + 2 * strip, v128.shuffle<f64>(b, d, 0, 2));
    v128.store(to + 3 * strip, v128.shuffle<f64>(b, d, 1, 3));
  } else {
    v128.store(to, v128.shuffle<f64>(r0, r1, 0, 2));
    v128.store(to + strip, v128.shuffle<f64>(r0, r1, 1, 3));
  }
}
