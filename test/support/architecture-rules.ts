/** What a linter cannot say of the sources: the order in which a docstring says things. */

/** Where each part of a docstring stands, if it is there. */
const PARTS = ["Shapes", "Units", "Modes", "Numerics", "Cost", "Source", "@throws", "@example"];
/** A list item `- **Shapes**: ...`, a line `Shapes   ...`, or a tag. */
const PART = /^ *\* (?:- \*\*([A-Z][a-z]+)\*\*:|([A-Z][a-z]+) {2,}|(@throws|@example)\b)/gm;

/** Docstrings whose parts do not stand in the order that all of them share, as `line: the parts as they stand`. */
export function unorderedDocstrings(text: string): string[] {
  return [...text.matchAll(/\/\*\*.*?\*\//gs)].flatMap((docstring) => {
    const parts = [...docstring[0].matchAll(PART)]
      .map(([, item, line, tag]) => (item ?? line ?? tag)!)
      .filter((part) => PARTS.includes(part));
    const sorted = parts.toSorted((a, b) => PARTS.indexOf(a) - PARTS.indexOf(b));
    if (parts.join() === sorted.join()) return [];
    return [`${text.slice(0, docstring.index).split("\n").length}: ${parts.join(", ")}`];
  });
}
