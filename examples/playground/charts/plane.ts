/** The plane and the digits: the predictions of a network and the responses of its hidden units. */
import { GRID, PLANE, UNIT_GRID } from "../experiment/scales.js";
import type { View } from "../experiment/experiment.js";
import type { Drawn } from "../page/messages.js";
import { mix, paletteOf, pictureOf, rgb } from "./picture.js";
import { type Box, type Context, FONT, type Theme } from "./plot.js";

/** Draws the predictions of a network, over the plane with its points or for some digits. */
export function drawView(
  context: Context,
  box: Box,
  view: View | null,
  data: { readonly train: Drawn; readonly test: Drawn; readonly moved: boolean },
  theme: Theme,
  note: string,
): void {
  if (data.test.classes === 2) {
    drawPlane(context, box, view && "plane" in view ? view.plane.probabilities : null, data, theme);
  } else drawDigits(context, box, view && "guesses" in view ? view.guesses : null, data.test, theme);
  if (note !== "") {
    context.globalAlpha = 0.85;
    context.fillStyle = theme.paper;
    context.fillRect(box.left, box.top, box.width, 40);
    context.globalAlpha = 1;
    context.fillStyle = theme.wrong;
    context.font = "bold 22px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "top";
    context.fillText(note, box.left + box.width / 2, box.top + 8);
  }
}

function drawPlane(
  context: Context,
  box: Box,
  probabilities: Uint8Array | null,
  { train, test, moved }: { readonly train: Drawn; readonly test: Drawn; readonly moved: boolean },
  theme: Theme,
): void {
  if (probabilities !== null) {
    const [paper, first, second] = [rgb(theme.paper), rgb(theme.classes[0]), rgb(theme.classes[1])];
    const palette = paletteOf((byte) => {
      // At most halfway to the color of the class, so that points remain visible.
      const t = (0.5 * (byte - 127.5)) / 127.5;
      return mix(paper, t < 0 ? first : second, Math.abs(t));
    });
    context.imageSmoothingEnabled = true;
    context.drawImage(pictureOf(probabilities, GRID, GRID, palette), box.left, box.top, box.width, box.height);
  }
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  if (moved) drawPoints(context, box, train, theme, 0.25);
  drawPoints(context, box, test, theme, 1);
  context.restore();
}

function drawPoints(context: Context, box: Box, { inputs, labels }: Drawn, theme: Theme, alpha: number): void {
  context.globalAlpha = alpha;
  context.lineWidth = 0.7;
  context.strokeStyle = theme.paper;
  for (const side of [0, 1] as const) {
    context.fillStyle = theme.classes[side];
    for (const [i, label] of labels.entries()) {
      if (label !== side) continue;
      const x = box.left + (box.width * (inputs[2 * i]! / PLANE + 1)) / 2;
      const y = box.top + (box.height * (1 - inputs[2 * i + 1]! / PLANE)) / 2;
      context.beginPath();
      context.arc(x, y, 2.3, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

function drawDigits(
  context: Context,
  box: Box,
  guesses: { readonly classes: readonly number[]; readonly probabilities: readonly number[] } | null,
  { inputs, labels }: Drawn,
  theme: Theme,
): void {
  const columns = 6;
  const lines = Math.ceil(labels.length / columns);
  const [width, height] = [box.width / columns, box.height / lines];
  const side = Math.min(width - 6, height - 20);
  const [paper, ink] = [rgb(theme.paper), rgb(theme.ink)];
  const palette = paletteOf((byte) => mix(paper, ink, byte / 255));
  context.imageSmoothingEnabled = false;
  for (const [i, label] of labels.entries()) {
    const left = box.left + (i % columns) * width + (width - side) / 2;
    const top = box.top + Math.floor(i / columns) * height + 2;
    const pixels = Uint8Array.from(
      inputs.subarray(64 * i, 64 * (i + 1)),
      (value) => 255 * Math.min(1, Math.max(0, value)),
    );
    context.drawImage(pictureOf(pixels, 8, 8, palette), left, top, side, side);
    if (guesses === null) continue;
    const right = guesses.classes[i] === label;
    context.font = FONT;
    context.textAlign = "left";
    context.textBaseline = "top";
    context.fillStyle = right ? theme.ink : theme.wrong;
    context.fillText(
      `${right ? "✓" : "✗"} ${guesses.classes[i]! < 0 ? "?" : guesses.classes[i]!}`,
      left,
      top + side + 2,
    );
    // On narrow screens there is no room for the confidence.
    if (side < 36) continue;
    context.fillStyle = theme.line;
    context.fillRect(left + 24, top + side + 6, side - 24, 4);
    context.fillStyle = right ? theme.soft : theme.wrong;
    context.fillRect(left + 24, top + side + 6, (side - 24) * guesses.probabilities[i]!, 4);
  }
}

/** The layout of the unit pictures. */
export interface UnitLayout {
  readonly columns: number;
  /** Rows of pictures per layer. */
  readonly lines: number;
  readonly cell: number;
  readonly height: number;
}

const LAYER_GAP = 5;

/** Computes the layout of the units for a given width. */
export function layoutUnits(depth: number, width: number, pixels: number): UnitLayout {
  const columns = Math.min(16, width);
  const lines = Math.ceil(width / columns);
  const cell = Math.min(22, pixels / columns);
  return { columns, lines, cell, height: depth * (lines * cell + LAYER_GAP) };
}

/** Returns the unit at a position, or undefined between units. */
export function unitAt(
  { columns, lines, cell }: UnitLayout,
  x: number,
  y: number,
  depth: number,
  width: number,
): { readonly layer: number; readonly unit: number } | undefined {
  const layer = Math.floor(y / (lines * cell + LAYER_GAP));
  const line = Math.floor((y - layer * (lines * cell + LAYER_GAP)) / cell);
  const column = Math.floor(x / cell);
  const unit = line * columns + column;
  const known = layer < depth && line < lines && column < columns && unit < width;
  return known ? { layer, unit } : undefined;
}

/** Draws the response of each hidden unit: over the plane, or as one bar for each of the ten digits. */
export function drawUnits(
  context: Context,
  box: Box,
  layout: UnitLayout,
  units: Uint8Array,
  how: { readonly depth: number; readonly width: number; readonly digits: boolean },
  chosen: { readonly layer: number; readonly unit: number | null },
  theme: Theme,
): void {
  const [columns, rows] = how.digits ? [10, 1] : [UNIT_GRID, UNIT_GRID];
  const [low, high] = [rgb(theme.paper), rgb(theme.ink)];
  const palette = paletteOf((byte) => mix(low, high, 0.06 + (0.7 * byte) / 255));
  // One picture with all units, one below the other.
  const all = pictureOf(units, columns, units.length / columns, palette);
  const { cell, lines } = layout;
  context.imageSmoothingEnabled = !how.digits;
  for (let layer = 0; layer < how.depth; layer++) {
    for (let unit = 0; unit < how.width; unit++) {
      const at = (layer * how.width + unit) * rows;
      const left = box.left + (unit % layout.columns) * cell;
      const top = box.top + layer * (lines * cell + LAYER_GAP) + Math.floor(unit / layout.columns) * cell;
      context.drawImage(all, 0, at, columns, rows, left, top, cell - 1.5, cell - 1.5);
      if (layer === chosen.layer && (unit === chosen.unit || chosen.unit === null)) {
        context.strokeStyle = chosen.unit === null ? theme.soft : theme.wrong;
        context.lineWidth = chosen.unit === null ? 0.5 : 2;
        context.strokeRect(left - 0.25, top - 0.25, cell - 1, cell - 1);
      }
    }
  }
}
