/**
 * `npm run figures`: draws the figures of docs/probes.md and prints the numbers that it quotes.
 *
 *   npm run figures -- [names of figures] [--out FOLDER]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeWhole } from "../../shared/files.js";
import { framePanels } from "../../demo/report/frame.js";
import { edgeFigure, sliceFigure, spectrumFigure } from "./curvature.js";
import type { Figure } from "./draw.js";
import { alongGradientFigure, covariateShiftFigure, lipschitzFigure } from "./gradients.js";
import { depthFigure, theoremFigure } from "./theory.js";
import { distancesFigure, mmdFigure, permutationFigure, recorderFigure, shiftFigure } from "./values.js";

const drawings: Readonly<Record<string, () => Figure | Promise<Figure>>> = {
  recorder: recorderFigure,
  distances: distancesFigure,
  shift: shiftFigure,
  permutation: permutationFigure,
  mmd: mmdFigure,
  "covariate-shift": covariateShiftFigure,
  "along-gradient": alongGradientFigure,
  lipschitz: lipschitzFigure,
  "edge-of-stability": edgeFigure,
  spectrum: spectrumFigure,
  slice: sliceFigure,
  theorem41: theoremFigure,
  depth: depthFigure,
};

const { values, positionals } = parseArgs({
  options: { out: { type: "string", default: "docs/images" } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !(name in drawings));
if (unknown.length > 0) {
  console.error(`figures: expected names out of ${Object.keys(drawings).join(", ")}, got ${unknown.join(", ")}`);
  process.exit(2);
}
for (const [name, draw] of Object.entries(drawings)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const { panels, numbers } = await draw();
  writeWhole(join(values.out, `probe-${name}.svg`), framePanels(panels));
  console.log([name, ...numbers.map((line) => `  ${line}`)].join("\n"));
}
