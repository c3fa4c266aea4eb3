/** Style: a color and a short name for each network, the same on every page and figure. */
import { STYLE as BASE } from "../../demo/report/style.js";
import type { Curve } from "../claim.js";

interface Look {
  /** The label at the end of a curve. */
  readonly label: string;
  readonly variable: string;
  readonly light: string;
  readonly dark: string;
}

/** Hues of Okabe & Ito's color-blind safe palette, darker on white and lighter on black. */
const LOOKS: Readonly<Record<Curve, Look>> = {
  plain: { label: "plain", variable: "--plain", light: "#c04e00", dark: "#ff9447" },
  "batch norm": { label: "batch norm", variable: "--batch-norm", light: "#0072b2", dark: "#62b8f0" },
  "plain, calibrated": { label: "calibrated", variable: "--calibrated", light: "#6b6b6b", dark: "#b4b4b4" },
  "plain + noise": { label: "plain + noise", variable: "--plain-noise", light: "#9a7400", dark: "#e8c34a" },
  "noisy batch norm": { label: "noisy BN", variable: "--noisy", light: "#a63d7f", dark: "#ea9cc8" },
  "drifting batch norm": { label: "drifting BN", variable: "--drifting", light: "#00795a", dark: "#37d3a5" },
  "stopped gradient": { label: "stopped grad.", variable: "--stopped", light: "#1b1b1b", dark: "#f2f2f0" },
  "mean only": { label: "mean only", variable: "--mean-only", light: "#8a5fbf", dark: "#c3a3f0" },
  "deviation only": { label: "deviation only", variable: "--deviation-only", light: "#9a7400", dark: "#e8c34a" },
  RMS: { label: "RMS", variable: "--rms", light: "#00795a", dark: "#37d3a5" },
  "dynamic tanh": { label: "dynamic tanh", variable: "--dynamic-tanh", light: "#a63d7f", dark: "#ea9cc8" },
  "batch norm after ReLU": { label: "BN after ReLU", variable: "--after-relu", light: "#00795a", dark: "#37d3a5" },
  l1: { label: "l1", variable: "--l1", light: "#00795a", dark: "#37d3a5" },
  l2: { label: "l2", variable: "--l2", light: "#8a5fbf", dark: "#c3a3f0" },
  "l-infinity": { label: "l-infinity", variable: "--l-infinity", light: "#9a7400", dark: "#e8c34a" },
  "group norm": { label: "group norm", variable: "--group-norm", light: "#00795a", dark: "#37d3a5" },
  "layer norm": { label: "layer norm", variable: "--layer-norm", light: "#9a7400", dark: "#e8c34a" },
  "batch renorm": { label: "batch renorm", variable: "--batch-renorm", light: "#8a5fbf", dark: "#c3a3f0" },
  "ghost batch norm": { label: "ghost BN", variable: "--ghost", light: "#a63d7f", dark: "#ea9cc8" },
  SkipInit: { label: "SkipInit", variable: "--skip-init", light: "#00795a", dark: "#37d3a5" },
  theory: { label: "theory", variable: "--theory", light: "#1b1b1b", dark: "#f2f2f0" },
};

export function colorOf(network: Curve): string {
  return `var(${LOOKS[network].variable})`;
}

export function labelOf(network: Curve): string {
  return LOOKS[network].label;
}

const variables = (of: "light" | "dark"): string =>
  Object.values(LOOKS)
    .map((look) => `${look.variable}: ${look[of]};`)
    .join(" ");
const PAPER = "--ink: #1b1b1b; --soft: #5a5a5a; --paper: #ffffff; --line: #d8d8d4;";

/** The style sheet of the page: the demo's, with additions. */
export const STYLE = `${BASE}
  :root { ${variables("light")} }
  @media (prefers-color-scheme: dark) { :root { ${variables("dark")} } }
  .panels { grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr)); }
  h2 { border-top: 1px solid var(--line); padding-top: 1.5rem; }
  h2 a, nav a, table a { color: inherit; text-decoration-color: var(--line); }
  nav { margin: 0.6rem 0; font-size: 0.86rem; line-height: 1.7; }
  nav a { margin-right: 1rem; white-space: nowrap; }
  dl { max-width: 58rem; margin: 1rem 0; display: grid; grid-template-columns: 9rem 1fr; gap: 0.5rem 1rem; }
  dt { font-weight: 600; font-size: 0.9rem; color: var(--soft); padding-top: 0.1rem; }
  dd { margin: 0; }
  @media (max-width: 40rem) { dl { display: block; } dt { margin-top: 0.6rem; } }
  h3.column { font-size: 1.1rem; margin: 1.5rem 0 0.5rem; }
  .verdict { font-weight: 600; }
  .wrap, .summary td, .summary th { white-space: normal; text-align: left; vertical-align: top; }
  td.wrap { min-width: 8rem; }
  .wrap:first-child { padding-left: 0; }
  td.wrap:first-child { min-width: 14rem; }
  .scroll tbody tr td { border-bottom: 1px solid var(--line); vertical-align: top; }
  .summary { width: 100%; font-size: 0.86rem; line-height: 1.35; }
  .summary td, .summary th { padding: 0.16rem 1rem 0.16rem 0; }
  .summary { min-width: 52rem; }
  .summary td:nth-child(2), .summary td:nth-child(3), .summary td:nth-child(4) { min-width: 10.5rem; }
  .summary td.numbers { min-width: 5.5rem; }
  details { margin: 1rem 0; }
  @media print {
    :root { color-scheme: light; ${variables("light")} ${PAPER} }
    body { max-width: none; padding: 0; font-size: 10pt; }
    figure, table, dl { break-inside: avoid; }
    figure:has(.panels) { break-inside: auto; }
    .panels { grid-template-columns: 1fr 1fr; }
    .panels > div, tr { break-inside: avoid; }
    h2, h3 { break-after: avoid; }
    .scroll { overflow: visible; }
    table, .summary { font-size: 8pt; }
    .summary, .summary td:nth-child(n), td.wrap, td.wrap:first-child { min-width: 0; }
    nav { display: none; }
  }
`;
