// Creates digits-text.ts from scikit-learn's digits.csv.gz:  node examples/data/make-digits.js path/to/digits.csv.gz
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const csv = gunzipSync(readFileSync(process.argv[2])).toString().trim();
const lines = csv.split("\n").map((line) => {
  const numbers = line.split(",").map(Number);
  const pixels = numbers.slice(0, 64).map((pixel) => pixel.toString(17));
  return `${pixels.join("")} ${numbers[64]}`;
});
const text = `// Made by make-digits.js; source and license in NOTICE.md. One image per line: 8 rows of 8 pixels from 0 to g (16), then the digit.
export const digitsText: string = \`
${lines.join("\n")}
\`;
`;
writeFileSync(new URL("digits-text.ts", import.meta.url), text);
