/** Max pooling. */

/**
 * y = the maximum of each window of each plane, argmax = its index in the plane.
 *
 * Float32 takes four windows of a row at once: a branch for each pixel would be mispredicted half of the time. Columns beyond the
 * image count as the nearest ones of it, which the windows cover too; what lies beyond the end of a row is overwritten by the next.
 */
export function largestOfWindows<T>(
  x: usize,
  planes: i32,
  height: i32,
  width: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideY: i32,
  strideX: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  y: usize,
  argmax: usize,
): void {
  for (; planes > 0; planes--, x += <usize>(height * width) * sizeof<T>()) {
    for (let i = 0; i < outHeight; i++) {
      const row = i * strideY - top;
      const lastRow = min(height, row + windowHeight) * width;
      const firstRow = max(0, row) * width;
      for (let j = 0; sizeof<T>() == 4 && j < outWidth; j += 4) {
        const column = j * strideX - left;
        let index = indicesOf(firstRow, column, strideX, width);
        let largest = gather(x, index);
        for (let at = firstRow; at < lastRow; at += width) {
          for (let k = column; k < column + windowWidth; k++) {
            const candidates = indicesOf(at, k, strideX, width);
            const values = gather(x, candidates);
            const wins = v128.or(f32x4.gt(values, largest), f32x4.ne(values, values));
            largest = v128.bitselect(values, largest, wins);
            index = v128.bitselect(candidates, index, wins);
          }
        }
        v128.store(y + 4 * j, largest);
        v128.store(argmax + 4 * j, index);
      }
      for (let j = 0; sizeof<T>() == 8 && j < outWidth; j++) {
        const column = j * strideX - left;
        const count = min(width, column + windowWidth) - max(0, column);
        let index = firstRow + max(0, column);
        let largest = load<T>(x + <usize>index * sizeof<T>());
        for (let at = index; at < lastRow; at += width) {
          for (let k = at; k < at + count; k++) {
            const value = load<T>(x + <usize>k * sizeof<T>());
            if (value > largest || value != value) {
              largest = value;
              index = k;
            }
          }
        }
        store<T>(y + 8 * j, largest);
        store<i32>(argmax + 4 * j, index);
      }
      y += <usize>outWidth * sizeof<T>();
      argmax += 4 * outWidth;
    }
  }
}

/** The indices of one pixel of four windows, whose columns are `stride` apart, in the row that begins at `row`. */
@inline function indicesOf(row: i32, column: i32, stride: i32, width: i32): v128 {
  const columns = i32x4.add(i32x4.splat(column), i32x4.mul(i32x4.splat(stride), i32x4(0, 1, 2, 3)));
  return i32x4.add(i32x4.splat(row), i32x4.max_s(i32x4.splat(0), i32x4.min_s(i32x4.splat(width - 1), columns)));
}

@inline function gather(x: usize, index: v128): v128 {
  const at = i32x4.shl(index, 2);
  let v = v128.load32_zero(x + i32x4.extract_lane(at, 0));
  v = v128.load32_lane(x + i32x4.extract_lane(at, 1), v, 1);
  v = v128.load32_lane(x + i32x4.extract_lane(at, 2), v, 2);
  return v128.load32_lane(x + i32x4.extract_lane(at, 3), v, 3);
}
