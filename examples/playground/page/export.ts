/** Export: a figure as PNG or SVG, its data as CSV, a whole run as JSON. */
import type { Figure, FigureInput, Table } from "../charts/figure.js";
import type { Box, Context, Theme } from "../charts/plot.js";
import type { Settings } from "../experiment/settings.js";

/** Draws something into a box. */
export type Draw = (context: Context, box: Box, theme: Theme) => void;

/** A figure to save. It is self-contained, with a title and a color legend. */
export interface SavedFigure {
  readonly draw: Draw;
  readonly width: number;
  readonly height: number;
  readonly heading: { readonly title: string; readonly names: readonly [string, string] };
}

/** Height of the title and, below it, the names of the networks in their colors. */
const HEADING = 46;

/** Renders a figure at twice its size on screen, on the page's background color. */
export async function pngOf({ draw, width, height, heading }: SavedFigure, theme: Theme): Promise<Blob> {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * width, 2 * (height + HEADING)];
  const context = canvas.getContext("2d")!;
  context.scale(2, 2);
  drawOnPaper(context, { draw, width, height, heading }, theme);
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob === null ? reject(new Error("the browser could not create the image")) : resolve(blob)),
      "image/png",
    );
  });
}

/** Renders a figure as SVG. Loads svgcanvas on first use. */
export async function svgOf(figure: SavedFigure, theme: Theme): Promise<Blob> {
  const { Context: SvgContext } = await import("svgcanvas");
  const context = new SvgContext(figure.width, figure.height + HEADING);
  drawOnPaper(context as unknown as Context, figure, theme);
  return new Blob([context.getSerializedSvg(true)], { type: "image/svg+xml" });
}

function drawOnPaper(context: Context, { draw, width, height, heading }: SavedFigure, theme: Theme): void {
  context.fillStyle = theme.paper;
  context.fillRect(0, 0, width, height + HEADING);
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.font = "bold 13px system-ui, sans-serif";
  context.fillStyle = theme.ink;
  context.fillText(heading.title, 8, 14);
  let left = 8;
  for (const side of [0, 1] as const) {
    context.fillStyle = theme.networks[side];
    context.fillText(heading.names[side], left, 32);
    left += context.measureText(heading.names[side]).width + 14;
  }
  draw(context, { left: 0, top: HEADING, width, height }, theme);
}

/** Formats a table as CSV (RFC 4180): lines end in CR LF, and cells that contain a comma, a quote or a line break are quoted. */
export function csvOf(table: Table): Blob {
  const cell = (value: string | number | null): string => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = table.map((row) => row.map(cell).join(","));
  return new Blob([lines.map((line) => `${line}\r\n`).join("")], { type: "text/csv" });
}

/** Returns all measurements as JSON. JSON has no infinity, so an infinite loss is written as the string "Infinity". */
export function jsonOf(settings: Settings, kernels: string, input: FigureInput, figures: readonly Figure[]): Blob {
  const { step, divergedAt } = input.history;
  const data = Object.fromEntries(
    figures.map((figure) => {
      const [columns, ...rows] = figure.table(input);
      return [figure.id, { columns, rows }];
    }),
  );
  const all = { settings, kernels, names: input.names, step, divergedAt, figures: data };
  const plain = (_: string, value: unknown): unknown =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  return new Blob([JSON.stringify(all, plain, 1)], { type: "application/json" });
}

/** Downloads a file. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Delayed, because the browser may not have read it yet.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
