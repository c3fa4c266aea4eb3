/** Panels: axes shared by many figures. */
import type { Panel, PanelAxis, Series } from "./claim.js";

export const TEST_ACCURACY: PanelAxis = { label: "test accuracy", type: "linear", domain: [0, 1] };
export const TRAINING_ACCURACY: PanelAxis = { label: "training accuracy", type: "linear", domain: [0, 1] };
export const STEP_SHIFT: PanelAxis = { label: "step shift (standard deviations)", type: "log" };

/** Returns a panel over a number of training steps. */
export function overSteps(title: string, steps: number, y: PanelAxis, series: readonly Series[]): Panel {
  return { title, x: { label: "steps", type: "linear", domain: [0, steps] }, y, series };
}
