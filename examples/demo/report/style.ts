/** Style: the style sheet of the page, for light and dark color schemes and all screen widths. */
import type { Network } from "../experiment.js";

/**
 * The colors of the networks: vermilion and blue of Okabe & Ito's color-blind safe palette, with lighter variants for dark
 * backgrounds.
 */
export const NETWORK_COLORS = `
  :root { --plain: #c04e00; --batch-norm: #0072b2; --ink: #1b1b1b; --soft: #5a5a5a; --paper: #fdfdfc; --line: #d8d8d4; }
  @media (prefers-color-scheme: dark) {
    :root { --plain: #ff9447; --batch-norm: #62b8f0; --ink: #ececea; --soft: #a9a9a5; --paper: #16181b; --line: #3a3d42; }
  }`;

/** The color of each network, the same in every figure. */
export const COLORS: Readonly<Record<Network, string>> = { plain: "var(--plain)", "batch norm": "var(--batch-norm)" };

/** The style sheet of the page. */
export const STYLE = `${NETWORK_COLORS}
  :root { color-scheme: light dark; }
  body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
    font: 1rem/1.55 system-ui, sans-serif; }
  h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 0.5rem; }
  h2 { font-size: 1.3rem; line-height: 1.3; margin: 3rem 0 0.5rem; }
  h3 { font-size: 1rem; margin: 0; }
  p, ul { max-width: 44rem; }
  .soft, .remark, figcaption { color: var(--soft); }
  .plain { color: var(--plain); font-weight: 600; }
  .batch-norm { color: var(--batch-norm); font-weight: 600; }
  figure { margin: 1.5rem 0; }
  figcaption { max-width: 44rem; margin-bottom: 0.8rem; font-size: 0.94rem; }
  .panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(21rem, 100%), 1fr)); gap: 1.25rem 2rem; }
  .panels svg { display: block; width: 100%; height: auto; }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
  th, td { padding: 0.2rem 0 0.2rem 1.1rem; text-align: right; font-weight: normal; }
  thead th { border-bottom: 1px solid var(--line); color: var(--soft); }
  th[scope="row"], th[scope="rowgroup"], .remark { text-align: left; padding-left: 0; }
  th[scope="row"], .remark { padding-left: 1rem; }
  th[scope="rowgroup"] { padding-top: 0.6rem; }
  code { font-size: 0.92em; }
`;
