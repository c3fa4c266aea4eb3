/** Just enough of the source-map format to follow an editor's "go to definition" through a declaration map. */

export interface DeclarationMap {
  readonly sources: readonly string[];
  readonly mappings: string;
}

/** A place in a declaration file and the place in a source that it stands for; lines and columns count from 0. */
export interface Mapping {
  readonly line: number;
  readonly column: number;
  readonly source: number;
  readonly sourceLine: number;
  readonly sourceColumn: number;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Base 64 VLQ: five bits a digit, lowest first, the sixth says that more follow; the lowest bit of the number is its sign. */
export function decodeNumbers(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const character of segment) {
    const digit = DIGITS.indexOf(character);
    if (digit < 0) throw new RangeError(`declaration map: expected a base 64 digit, got ${JSON.stringify(character)}`);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit < 32) {
      numbers.push(value & 1 ? -(value >> 1) : value >> 1);
      value = shift = 0;
    }
  }
  return numbers;
}

/** Lines are separated by `;`, segments by `,`; each number is a difference from the one before, the column only within its line. */
export function decodeMappings(map: DeclarationMap): Mapping[] {
  const mappings: Mapping[] = [];
  let source = 0;
  let sourceLine = 0;
  let sourceColumn = 0;
  for (const [line, segments] of map.mappings.split(";").entries()) {
    let column = 0;
    for (const segment of segments.split(",").filter((text) => text !== "")) {
      const [dColumn = 0, dSource = 0, dLine = 0, dSourceColumn = 0] = decodeNumbers(segment);
      column += dColumn;
      source += dSource;
      sourceLine += dLine;
      sourceColumn += dSourceColumn;
      mappings.push({ line, column, source, sourceLine, sourceColumn });
    }
  }
  return mappings;
}
