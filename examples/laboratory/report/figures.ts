/** Figures: draws the plain data of a claim. */
import * as Plot from "@observablehq/plot";
import { type Axis, curveMarks, drawChart, formatTick, ticksOf } from "../../shared/chart.js";
import { framePanels } from "../../demo/report/frame.js";
import { figureHtml } from "../../demo/report/html.js";
import type { Figure, Panel, PanelAxis, Series } from "../claim.js";
import type { Result } from "../run-claim.js";
import { colorOf, labelOf } from "./style.js";
import { escapeHtml } from "./text.js";

/** Returns a figure as HTML. */
export function drawFigure({ title, caption, panels }: Figure): string {
  return figureHtml(escapeHtml(title), escapeHtml(caption), drawPanels(panels));
}

/** Returns the picture of docs/why.md: the loss after a push, by its length, for each kind of network in claim 19. */
export function drawPush(results: readonly Result[]): string {
  const { columns } = results.find(({ name }) => name === "sharp-direction")!;
  return framePanels(drawPanels(columns.map(({ column, figures }) => ({ ...figures[0]!.panels[0]!, title: column }))));
}

/** Draws panels; those with the same vertical axis label share its scale. */
function drawPanels(panels: readonly Panel[]): { readonly title: string; readonly svg: string }[] {
  return panels.map((panel) => {
    const shared = panels.filter(({ y }) => y.label === panel.y.label && y.type === panel.y.type);
    return { title: escapeHtml(panel.title), svg: drawPanel(panel, verticalAxis(panel.y, shared)) };
  });
}

function drawPanel({ title, x, y, series }: Panel, axis: Axis): string {
  const curves = series.map(({ network, label = labelOf(network), dash, dots, points }: Series) => ({
    name: label,
    color: colorOf(network),
    dash,
    dots,
    points: dots !== undefined ? [...points].sort((a, b) => a.x - b.x) : points,
  }));
  return drawChart(`${y.label}: ${title}`, {
    marginLeft: 52,
    marginRight: 104,
    x: horizontalAxis(x, series),
    y: { ...axis, axis: null },
    marks: [...tickMarks(x), ...verticalTicks(y, axis), ...curveMarks(curves, axis)],
  });
}

function horizontalAxis({ label, type, domain, ticks }: PanelAxis, series: readonly Series[]): Plot.ScaleOptions {
  const common = { label: `${label} →`, type, ...(domain !== undefined && { domain: [...domain] }) };
  if (ticks !== undefined) return { ...common, axis: null };
  if (type === "linear") return { ...common, ticks: 4, tickFormat: formatTick };
  const values = series.flatMap(({ points }) => points.map(({ x }) => x));
  const axis = { type, domain: [Math.min(...values) / 1.1, Math.max(...values) * 1.1] } as const;
  return { ...common, domain: [...axis.domain], ticks: ticksOf(axis), tickFormat: formatTick };
}

/** Returns an explicit axis if ticks are given, as Plot's log axes omit some labels. */
function tickMarks({ label, ticks }: PanelAxis): Plot.Markish[] {
  return ticks === undefined ? [] : [Plot.axisX([...ticks], { text: ticks.map(formatTick), label: `${label} →` })];
}

/** Returns an explicit axis with grid lines, for the same reason. */
function verticalTicks({ label, ticks }: PanelAxis, axis: Axis): Plot.Markish[] {
  const named = { label: `↑ ${label}`, tickFormat: formatTick };
  const found = ticks ?? ticksOf(axis);
  if (typeof found === "number") return [Plot.gridY({ ticks: found }), Plot.axisY({ ...named, ticks: found })];
  return [Plot.gridY([...found]), Plot.axisY([...found], { ...named, text: found.map(formatTick) })];
}

/** Returns an axis from the smallest to the largest value that can be drawn, with some padding, up to the ceiling. */
function verticalAxis({ type, domain, ceiling = Infinity }: PanelAxis, panels: readonly Panel[]): Axis {
  if (domain !== undefined) return { type, domain };
  const values = panels
    .flatMap(({ series }) => series.flatMap(({ points }) => points.flatMap(({ y, low, high }) => [y, low, high])))
    .filter((value) => Number.isFinite(value) && (type === "linear" || value > 0));
  if (values.length === 0) return { type, domain: type === "log" ? [0.1, 1] : [0, 1] };
  const least = Math.min(...values);
  const most = Math.min(ceiling, Math.max(...values));
  if (type === "log") return { type, domain: [Math.min(least, most) / 1.3, most * 1.1] };
  const room = 0.05 * (most - least) || 0.05 * Math.abs(most) || 1;
  return { type, domain: [least - room, most + room] };
}
