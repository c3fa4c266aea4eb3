/** Format: numbers for the terminal and the page. */

/** Formats an accuracy, as in "0.967". One test image corresponds to 0.002. */
export function formatAccuracy(accuracy: number): string {
  return accuracy.toFixed(3);
}

/** Formats a number with three significant digits in at most nine characters. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "-" : value > 0 ? "∞" : "-∞";
  const size = Math.abs(value);
  if (size >= 1e4 || (size > 0 && size < 1e-3)) return value.toExponential(1);
  return size >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
