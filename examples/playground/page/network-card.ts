/** A network on the page: its numbers, its predictions, and the responses of its units. */
import type { Theme } from "../charts/plot.js";
import { drawUnits, drawView, layoutUnits, unitAt } from "../charts/plane.js";
import { exportMenu, Sheet, STUCK } from "./card.js";
import type { Run } from "./run.js";

/** The card of the left (0) or right (1) network. */
export class NetworkCard {
  readonly sheets: readonly [Sheet, Sheet];
  readonly #heading: HTMLElement;
  readonly #numbers: HTMLElement;

  constructor(
    place: HTMLElement,
    readonly side: 0 | 1,
    readonly run: () => Run,
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
      title: `The ${name} network`,
      names: () => run().names,
      draw: (...[context, box, theme]: Parameters<Sheet["content"]["draw"]>) => {
        const { data, views, history, settings } = run();
        if (data === undefined) return;
        const note = history.divergedAt[side] === null ? "" : "diverged";
        drawView(context, box, views[side]!, { ...data, moved: settings.shift !== 0 }, theme, note);
      },
      height: (width: number) => width,
    };
    const view = new Sheet(content, tools.onResize);
    view.canvas.className = "view";
    head.append(exportMenu(content, view, tools.theme));
    const units = new Sheet(
      {
        draw: (context, box, theme) => {
          const { settings, views, chosen } = run();
          const view = views[side]!;
          if (view === null) return;
          const { depth, width } = settings;
          const digits = "guesses" in view;
          const data = digits ? view.guesses.units : view.plane.units;
          drawUnits(context, box, layoutUnits(depth, width, box.width), data, { depth, width, digits }, chosen, theme);
        },
        height: (pixels) => layoutUnits(run().settings.depth, run().settings.width, pixels).height,
      },
      tools.onResize,
    );
    units.canvas.className = "units";
    units.canvas.addEventListener("click", ({ offsetX, offsetY }) => {
      const { depth, width } = run().settings;
      const chosen = unitAt(layoutUnits(depth, width, units.width), offsetX, offsetY, depth, width);
      if (chosen !== undefined) tools.onChoose(chosen.layer, chosen.unit);
    });
    for (const { canvas } of [view, units]) canvas.setAttribute("role", "img");
    const caption = document.createElement("p");
    caption.className = "caption";
    caption.textContent =
      "The response of each hidden unit, layer by layer. Click a unit to inspect it. A uniformly gray unit responds the same to every input.";
    card.append(view.canvas, units.canvas, caption);
    this.sheets = [view, units];
  }

  /** Marks the pictures for redrawing, and updates the numbers. */
  changed(): void {
    for (const sheet of this.sheets) sheet.changed();
    const { names, history, accuracies, settings } = this.run();
    const name = names[this.side];
    const divergedAt = history.divergedAt[this.side]!;
    const accuracy = accuracies[this.side]!;
    const loss = this.run().lossOf(this.side);
    this.#heading.textContent = name;
    this.#numbers.replaceChildren(
      ...(divergedAt === null
        ? [
            number("loss", loss === null ? "–" : loss.toFixed(3)),
            number("accuracy", accuracy === null ? "–" : `${(100 * accuracy).toFixed(1)}%`),
            ...(this.run().stuck[this.side] ? [stuckMark()] : []),
          ]
        : [number("diverged at step", String(divergedAt), "diverged")]),
    );
    const [view, units] = this.sheets;
    const what = settings.data === "digits" ? "the first 24 test digits" : "the plane and the test points";
    view.canvas.setAttribute("aria-label", `Predictions of ${name} for ${what}`);
    const how = "To inspect a unit, select its layer and number below.";
    units.canvas.setAttribute("aria-label", `The response of each hidden unit of ${name}. ${how}`);
  }
}

function stuckMark(): HTMLElement {
  return Object.assign(document.createElement("span"), {
    className: "stuck",
    textContent: "stuck: no gradient reaches layer 1",
    title: STUCK,
  });
}

function number(label: string, value: string, kind = ""): HTMLElement {
  const element = document.createElement("span");
  element.className = kind;
  element.append(`${label} `, Object.assign(document.createElement("b"), { textContent: value }));
  return element;
}
