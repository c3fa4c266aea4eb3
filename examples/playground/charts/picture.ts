/** Pictures: bytes as small images, drawn enlarged on a canvas. */

export type Color = readonly [red: number, green: number, blue: number];

/** A color for each byte. */
export type Palette = Uint8ClampedArray;

/** Returns the colors for 0 to 255. */
export function paletteOf(colorOf: (byte: number) => Color): Palette {
  const palette = new Uint8ClampedArray(4 * 256);
  for (let byte = 0; byte < 256; byte++) palette.set([...colorOf(byte), 255], 4 * byte);
  return palette;
}

/** Creates a picture with one pixel per byte, row by row. */
export function pictureOf(bytes: Uint8Array, columns: number, rows: number, palette: Palette): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const colors = new Uint32Array(palette.buffer);
  for (let i = 0; i < bytes.length; i++) pixels[i] = colors[bytes[i]!]!;
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Parses a color: "#c04e00" -> [192, 78, 0]. The built page writes "#ffffff" as "#fff". */
export function rgb(hex: string): Color {
  const digits = hex.length === 4 ? hex.replace(/[^#]/g, "$&$&") : hex;
  const part = (at: number): number => parseInt(digits.slice(at, at + 2), 16);
  return [part(1), part(3), part(5)];
}

/** Interpolates between two colors. */
export function mix(from: Color, to: Color, t: number): Color {
  const part = (i: 0 | 1 | 2): number => from[i] + t * (to[i] - from[i]);
  return [part(0), part(1), part(2)];
}
