/** Scales: at which places measurements are made. Apart from them, so that the page can draw without loading the library. */

/** The plane that is shown reaches from -PLANE to PLANE both ways. */
export const PLANE = 2.5;
/** Points a side of the grid over the plane; every second one is shown of the hidden units. */
export const GRID = 40;
export const UNIT_GRID = GRID / 2;

/** The percentiles of figure 1 of Ioffe & Szegedy 2015, with wider ones around them. */
export const LEVELS = [0.05, 0.15, 0.5, 0.85, 0.95] as const;
/** Cells of a histogram. */
export const CELLS = 40;

/** How far the landscape is looked at along the gradient, in learning rates. */
export const DISTANCES = [0.1, 0.25, 0.5, 1, 2, 4] as const;
/** The distances from which on the least and the largest loss make the band: those of Santurkar et al. 2018, figure 4. */
export const BAND_FROM = 0.5;
