/** The theme: the colors of the style sheet, for the canvases. */
import type { Theme } from "../charts/plot.js";

/** Reads the current colors, light or dark. */
export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: color("ink"),
    soft: color("soft"),
    line: color("line"),
    paper: color("paper"),
    networks: [color("left"), color("right")],
    classes: [color("class-0"), color("class-1")],
    wrong: color("wrong"),
  };
}
