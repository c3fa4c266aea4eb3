/** The picture in the README. */
import type { Run } from "../train.js";
import { accuracyFigure, lossBandFigure, type Panel } from "./figures.js";
import { framePanels } from "./frame.js";
import { percentileFigure } from "./percentiles.js";

/** Draws the accuracy where the two networks differ most (top), and probes in a setting where both learn (bottom). */
export function drawPicture(runs: readonly Run[]): string {
  return framePanels([
    panelOf(accuracyFigure(runs), "sigmoid, learning rate 0.1"),
    panelOf(accuracyFigure(runs), "ReLU, learning rate 2"),
    panelOf(percentileFigure(runs), "ReLU, learning rate 0.1"),
    panelOf(lossBandFigure(runs), "ReLU, learning rate 0.1"),
  ]);
}

function panelOf(panels: readonly Panel[], title: string): Panel {
  return panels.find((panel) => panel.title === title)!;
}
