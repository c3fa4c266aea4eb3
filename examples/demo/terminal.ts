/** Terminal: tables in columns, with the networks in color where supported. */
import type { WriteStream } from "node:tty";
import type { Network } from "./experiment.js";
import type { Table } from "./tables.js";

const NAME_WIDTH = 14;
const CELL_WIDTH = 10;
/** Orange and blue of the 256-color palette, as on the page. */
const COLORS: Readonly<Record<Network, number>> = { plain: 208, "batch norm": 39 };

/** Formats a table as text for a stream. */
export function printTable({ title, head, noteHead, rows }: Table, stream: WriteStream): string {
  const line = (cells: readonly string[]): string => cells.map((cell) => cell.padStart(CELL_WIDTH)).join("");
  // Node's `hasColors` respects NO_COLOR.
  const colors = stream.isTTY && stream.hasColors(256);
  const paint = (network: Network, text: string): string =>
    colors ? `\x1b[38;5;${COLORS[network]}m${text}\x1b[39m` : text;

  const lines = rows.flatMap(({ condition, network, cells, note }, i) => {
    const figures = paint(network, `  ${network.padEnd(NAME_WIDTH - 2)}${line(cells)}`);
    const row = note === "" ? figures : `${figures}   ${note}`;
    // The rows of a condition are adjacent: its name precedes the first.
    return rows[i - 1]?.condition === condition ? [row] : [condition, row];
  });
  return `${title}\n\n${" ".repeat(NAME_WIDTH)}${`${line(head)}   ${noteHead}`.trimEnd()}\n${lines.join("\n")}\n`;
}
