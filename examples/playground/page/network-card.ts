/** A network on the page: its numbers, what it says of the data, and what its units answer to. */
import type { Theme } from "../charts/plot.js";
import { drawUnits, drawView, layoutUnits, unitAt } from "../charts/plane.js";
import type { View } from "../experiment/experiment.js";
import type { Settings } from "../experiment/settings.js";
import { exportMenu, Sheet } from "./card.js";
import type { Drawn } from "./messages.js";

/** What a network's card is drawn from. */
export interface NetworkState {
  readonly name: string;
  readonly settings: Settings;
  readonly view: View | null;
  readonly train: Drawn;
  readonly test: Drawn;
  readonly layer: number;
  readonly unit: number | null;
  readonly loss: number | null;
  readonly accuracy: number | null;
  readonly divergedAt: number | null;
}

/** The card of the left (0) or the right (1) network. */
export class NetworkCard {
  readonly sheets: readonly [Sheet, Sheet];
  readonly #heading: HTMLElement;
  readonly #numbers: HTMLElement;

  constructor(
    place: HTMLElement,
    side: 0 | 1,
    readonly state: () => NetworkState | undefined,
    tools: {
      readonly theme: () => Theme;
      readonly onResize: () => void;
      readonly onChoose: (layer: number, unit: number) => void;
    },
  ) {
    const card = place.appendChild(document.createElement("article"));
    const name = side === 0 ? "left" : "right";
    card.className = `card network ${name}`;
    card.id = `card-${name}`;
    const head = card.appendChild(document.createElement("header"));
    this.#heading = head.appendChild(document.createElement("h3"));
    this.#numbers = card.appendChild(document.createElement("p"));
    this.#numbers.className = "numbers";

    const content = {
      id: `${name}-network`,
      title: `the picture of the ${name} network`,
      draw: (...[context, box, theme]: Parameters<Sheet["content"]["draw"]>) => {
        const now = state();
        if (now === undefined) return;
        const { view, train, test, divergedAt } = now;
        const note = divergedAt === null ? "" : "diverged";
        drawView(context, box, view, { train, test, moved: now.settings.shift !== 0 }, theme, note);
      },
      height: (width: number) => width,
    };
    const view = new Sheet(content, tools.onResize);
    view.canvas.className = "view";
    head.append(exportMenu(content, view, tools.theme));
    const units = new Sheet(
      {
        draw: (context, box, theme) => {
          const now = state();
          if (now?.view == null) return;
          const { depth, width } = now.settings;
          const digits = "guesses" in now.view;
          const data = "guesses" in now.view ? now.view.guesses.units : now.view.plane.units;
          const layout = layoutUnits(depth, width, box.width);
          drawUnits(context, box, layout, data, { depth, width, digits }, { layer: now.layer, unit: now.unit }, theme);
        },
        height: (pixels) => {
          const now = state();
          return now === undefined ? 80 : layoutUnits(now.settings.depth, now.settings.width, pixels).height;
        },
      },
      tools.onResize,
    );
    units.canvas.className = "units";
    units.canvas.addEventListener("click", ({ offsetX, offsetY }) => {
      const now = state();
      if (now === undefined) return;
      const { depth, width } = now.settings;
      const chosen = unitAt(layoutUnits(depth, width, units.width), offsetX, offsetY, depth, width);
      if (chosen !== undefined) tools.onChoose(chosen.layer, chosen.unit);
    });
    card.append(view.canvas, units.canvas);
    this.sheets = [view, units];
  }

  /** Writes what can be read. */
  tell(): void {
    const now = this.state();
    if (now === undefined) return;
    const { name, loss, accuracy, divergedAt, settings } = now;
    this.#heading.textContent = name;
    const part = (label: string, value: string, kind = ""): HTMLElement => {
      const element = document.createElement("span");
      element.className = kind;
      element.append(`${label} `, Object.assign(document.createElement("b"), { textContent: value }));
      return element;
    };
    this.#numbers.replaceChildren(
      ...(divergedAt === null
        ? [
            part("loss", loss === null ? "–" : loss.toFixed(3)),
            part("test accuracy", accuracy === null ? "–" : `${(100 * accuracy).toFixed(1)} %`),
          ]
        : [part("diverged at step", String(divergedAt), "diverged")]),
    );
    const [view, units] = this.sheets;
    const what = settings.data === "digits" ? "the first 24 test digits" : "the plane, with the test points";
    view.canvas.setAttribute("role", "img");
    view.canvas.setAttribute("aria-label", `What ${name} says of ${what}`);
    units.canvas.setAttribute("role", "img");
    units.canvas.setAttribute(
      "aria-label",
      `What each hidden unit of ${name} answers to. To look into one, choose layer and unit below.`,
    );
  }
}
