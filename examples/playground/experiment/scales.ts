/** Scales: where measurements are made. A separate file, so that the page can draw without loading the library. */

/** The plane shown extends from -PLANE to PLANE in both directions. */
export const PLANE = 2.5;
/** Grid points per side of the plane; hidden units are shown at every second one. */
export const GRID = 40;
export const UNIT_GRID = GRID / 2;

/** The percentiles of figure 1 of Ioffe & Szegedy 2015, and two wider ones. */
export const LEVELS = [0.05, 0.15, 0.5, 0.85, 0.95] as const;
/** Bins of a histogram. */
export const CELLS = 40;

/** Distances of the landscape probe along the gradient, in learning rates. */
export const DISTANCES = [0.1, 0.25, 0.5, 1, 2, 4] as const;
/** The smallest distance that counts for the loss band, as in figure 4 of Santurkar et al. 2018. */
export const BAND_FROM = 0.5;
