/** Card: a figure on the page, with its caption, canvas and export menu. */
import type { Table } from "../charts/figure.js";
import type { Theme } from "../charts/plot.js";
import { csvOf, type Draw, pngOf, save, type SavedFigure, svgOf } from "./export.js";

/** What it means that a network is marked as stuck. */
export const STUCK =
  "Stuck: its loss is no better than with uniform guessing, and hardly any gradient reaches its first layer. Values that do not change here are no sign of stability.";

/** The content of a card. */
export interface CardContent {
  readonly id: string;
  readonly title: string;
  readonly caption?: string;
  readonly draw: Draw;
  /** Returns the height for a width. */
  readonly height: (width: number) => number;
  readonly table?: () => Table;
  /** Returns the names of the left and right network. */
  readonly names: () => readonly [string, string];
}

/** A figure on the page. */
export interface Card {
  readonly sheet: Sheet;
  readonly element: HTMLElement;
  /** Marks networks that are stuck; none if the text is empty. */
  readonly markStuck: (text: string) => void;
}

/** A canvas that is redrawn if something has changed while it is visible. */
export class Sheet {
  readonly canvas: HTMLCanvasElement = document.createElement("canvas");
  #stale = true;
  #seen = false;
  #width = 0;

  constructor(
    readonly content: Pick<CardContent, "draw" | "height">,
    readonly onResize: () => void,
  ) {
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry!.contentRect.width);
      if (width === this.#width) return;
      this.#width = width;
      this.changed();
      onResize();
    }).observe(this.canvas);
    new IntersectionObserver(
      ([entry]) => {
        this.#seen = entry!.isIntersecting;
        if (this.#seen) onResize();
      },
      { rootMargin: "100px" },
    ).observe(this.canvas);
  }

  get width(): number {
    return this.#width;
  }

  changed(): void {
    this.#stale = true;
  }

  drawIfNeeded(theme: Theme): void {
    if (!this.#stale || this.#width === 0) return;
    const { canvas } = this;
    const [width, height, ratio] = [this.#width, Math.round(this.content.height(this.#width)), window.devicePixelRatio];
    // A canvas that is not visible has its height too, so that nothing moves when it is drawn.
    canvas.style.height = `${height}px`;
    if (!this.#seen) return;
    this.#stale = false;
    const [pixelsWide, pixelsHigh] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== pixelsWide || canvas.height !== pixelsHigh) {
      [canvas.width, canvas.height] = [pixelsWide, pixelsHigh];
    }
    const context = canvas.getContext("2d")!;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.content.draw(context, { left: 0, top: 0, width, height }, theme);
  }
}

/** Adds a figure with its heading to the page. */
export function addCard(place: HTMLElement, content: CardContent, theme: () => Theme, onResize: () => void): Card {
  const card = place.appendChild(document.createElement("article"));
  card.className = "card";
  card.id = `card-${content.id}`;
  const head = card.appendChild(document.createElement("header"));
  head.appendChild(document.createElement("h3")).textContent = content.title;
  const stuck = head.appendChild(document.createElement("span"));
  stuck.className = "stuck";
  stuck.title = STUCK;
  if (content.caption !== undefined) {
    const caption = card.appendChild(document.createElement("p"));
    caption.className = "caption";
    caption.textContent = content.caption;
  }
  const sheet = new Sheet(content, onResize);
  sheet.canvas.setAttribute("role", "img");
  sheet.canvas.setAttribute("aria-label", `Chart: ${content.title}. The data can be exported as CSV.`);
  head.append(exportMenu(content, sheet, theme));
  card.append(sheet.canvas);
  return { sheet, element: card, markStuck: (text) => (stuck.textContent = text) };
}

/** Creates the export menu of a figure. */
export function exportMenu(content: CardContent, sheet: Sheet, theme: () => Theme): HTMLElement {
  const menu = document.createElement("details");
  menu.className = "export";
  const summary = menu.appendChild(document.createElement("summary"));
  summary.textContent = "Export";
  summary.setAttribute("aria-label", `Export ${content.title}`);
  const buttons = menu.appendChild(document.createElement("div"));
  const add = (name: string, make: () => Blob | Promise<Blob>): void => {
    const button = buttons.appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = name.toUpperCase();
    button.addEventListener("click", () => {
      void Promise.resolve(make()).then((blob) => save(blob, `${content.id}.${name}`));
      menu.open = false;
    });
  };
  const figure = (): SavedFigure => {
    const [width, height] = [sheet.width, Math.round(content.height(sheet.width))];
    return { draw: content.draw, width, height, heading: { title: content.title, names: content.names() } };
  };
  add("png", () => pngOf(figure(), theme()));
  add("svg", () => svgOf(figure(), theme()));
  const { table } = content;
  if (table) add("csv", () => csvOf(table()));
  return menu;
}
