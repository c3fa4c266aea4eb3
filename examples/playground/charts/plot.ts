/** Plot: axes and marks. Draws on a canvas, or as SVG through svgcanvas, which has the same methods. */
import { ticks } from "d3-array";

/** The colors of the page. */
export interface Theme {
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly paper: string;
  /** The colors of the left and right network. */
  readonly networks: readonly [string, string];
  /** The colors of the two classes of points. */
  readonly classes: readonly [string, string];
  readonly wrong: string;
}

export type Context = CanvasRenderingContext2D;

/** A rectangle on the canvas. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly log?: boolean;
  readonly label?: string;
  /** Labels at given values, instead of numbers. */
  readonly names?: readonly (readonly [number, string])[];
}

export const FONT = "11px system-ui, sans-serif";
const MARGIN = { left: 44, right: 10, top: 12, bottom: 32 };

/** A chart with a pair of axes. */
export class Plot {
  readonly inner: Box;

  constructor(
    readonly context: Context,
    box: Box,
    readonly theme: Theme,
    readonly xAxis: Axis,
    readonly yAxis: Axis,
    title?: string,
  ) {
    const top = box.top + MARGIN.top + (title === undefined ? 0 : 14);
    this.inner = {
      left: box.left + MARGIN.left,
      top,
      width: Math.max(1, box.width - MARGIN.left - MARGIN.right),
      height: Math.max(1, box.top + box.height - MARGIN.bottom - top),
    };
    this.#drawAxes(title);
  }

  x(value: number): number {
    return this.inner.left + this.inner.width * share(this.xAxis, value);
  }

  /** Clamps values to the axis, so that a curve shows where it leaves the chart. */
  y(value: number): number {
    return this.inner.top + this.inner.height * (1 - Math.min(1.02, Math.max(-0.02, share(this.yAxis, value))));
  }

  #drawAxes(title: string | undefined): void {
    const { context, theme, inner } = this;
    context.font = FONT;
    context.lineWidth = 1;
    context.strokeStyle = theme.line;
    context.fillStyle = theme.soft;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const [value, text] of labelsOf(this.yAxis, Math.max(2, Math.floor(inner.height / 32)))) {
      const y = Math.round(this.y(value)) + 0.5;
      segment(context, inner.left, y, inner.left + inner.width, y);
      context.fillText(text, inner.left - 6, y);
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const [value, text] of labelsOf(this.xAxis, Math.max(2, Math.floor(inner.width / 60)))) {
      context.fillText(text, this.x(value), inner.top + inner.height + 4);
    }
    segment(
      context,
      inner.left,
      inner.top + inner.height + 0.5,
      inner.left + inner.width,
      inner.top + inner.height + 0.5,
    );
    if (this.xAxis.label !== undefined) {
      context.fillText(this.xAxis.label, inner.left + inner.width / 2, inner.top + inner.height + 18);
    }
    context.textAlign = "left";
    context.textBaseline = "bottom";
    if (this.yAxis.label !== undefined) context.fillText(this.yAxis.label, inner.left + 3, inner.top - 1);
    if (title !== undefined) {
      context.fillStyle = theme.ink;
      // Squeezed on narrow screens.
      context.fillText(title, inner.left + 3, inner.top - (this.yAxis.label === undefined ? 1 : 14), inner.width - 3);
    }
  }

  /** Draws a line through points; values that are not finite are drawn at the top. */
  line(xs: ArrayLike<number>, ys: ArrayLike<number>, color: string, width = 1.5): void {
    if (xs.length === 0) return;
    const { context } = this;
    context.strokeStyle = color;
    context.lineWidth = width;
    context.lineJoin = "round";
    context.beginPath();
    for (let i = 0; i < xs.length; i++) {
      const y = this.y(Number.isFinite(ys[i]) ? ys[i]! : Infinity);
      if (i === 0) context.moveTo(this.x(xs[i]!), y);
      else context.lineTo(this.x(xs[i]!), y);
    }
    context.stroke();
  }

  /** Fills the area between two lines. */
  band(xs: ArrayLike<number>, lows: ArrayLike<number>, highs: ArrayLike<number>, color: string, alpha: number): void {
    if (xs.length === 0) return;
    const { context } = this;
    const at = (value: number): number => this.y(Number.isNaN(value) ? Infinity : value);
    context.fillStyle = color;
    context.globalAlpha = alpha;
    context.beginPath();
    context.moveTo(this.x(xs[0]!), at(highs[0]!));
    for (let i = 1; i < xs.length; i++) context.lineTo(this.x(xs[i]!), at(highs[i]!));
    for (let i = xs.length - 1; i >= 0; i--) context.lineTo(this.x(xs[i]!), at(lows[i]!));
    context.closePath();
    context.fill();
    context.globalAlpha = 1;
  }

  dots(xs: ArrayLike<number>, ys: ArrayLike<number>, color: string, radius = 2.5): void {
    const { context } = this;
    context.fillStyle = color;
    for (let i = 0; i < xs.length; i++) {
      context.beginPath();
      context.arc(this.x(xs[i]!), this.y(ys[i]!), radius, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /** Draws text at a point, kept inside the axes. */
  note(x: number, y: number, text: string, color: string): void {
    const { context, inner } = this;
    context.fillStyle = color;
    context.font = FONT;
    context.textBaseline = "bottom";
    context.textAlign = x > (this.xAxis.low + this.xAxis.high) / 2 ? "right" : "left";
    context.fillText(text, this.x(x), Math.max(inner.top + 12, this.y(y) - 3));
  }
}

/** Draws a straight line. */
export function segment(context: Context, x0: number, y0: number, x1: number, y1: number): void {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** Draws text in the middle of an empty figure. */
export function emptyNote(context: Context, box: Box, theme: Theme, text: string): void {
  context.fillStyle = theme.soft;
  context.font = FONT;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, box.left + box.width / 2, box.top + box.height / 2, box.width - 8);
}

function share({ low, high, log = false }: Axis, value: number): number {
  if (!log) return (value - low) / (high - low);
  return (Math.log(Math.max(value, 1e-300)) - Math.log(low)) / (Math.log(high) - Math.log(low));
}

function labelsOf(axis: Axis, count: number): readonly (readonly [number, string])[] {
  if (axis.names !== undefined) return axis.names;
  if (!axis.log) return ticks(axis.low, axis.high, count).map((value) => [value, shortNumber(value)]);
  const first = Math.ceil(Math.log10(axis.low) - 1e-9);
  const last = Math.floor(Math.log10(axis.high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(2, count)));
  const decades = Array.from(
    { length: Math.max(0, Math.floor((last - first) / every) + 1) },
    (_, i) => 10 ** (first + i * every),
  );
  const values = decades.length >= 2 ? decades : [axis.low, axis.high];
  return values.map((value) => [value, shortNumber(value)]);
}

/** Formats a number for a label. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(0).replace("e+", "e");
  return String(Number(value.toPrecision(3)));
}
