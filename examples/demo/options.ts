/** Options of the command line. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { canWrite } from "../shared/files.js";
import { readCount, strictly, UsageError } from "../shared/usage.js";

/** Options for the demo. */
export interface Options {
  readonly steps: number;
  readonly seeds: number;
  /** The folder for the report. */
  readonly out: string;
  /** The JSON file for all numbers, or undefined. */
  readonly json: string | undefined;
  /** The file for the picture of the README, or undefined. */
  readonly picture: string | undefined;
  readonly help: boolean;
}

export const USAGE = `Trains networks on 1797 handwritten digits, with and without batch norm, and probes them.

  npm run demo -- [options]

  --steps N       training steps per network (default: 600)
  --seeds N       random seeds per network (default: 3)
  --out FOLDER    folder for the report, index.html (default: report)
  --json FILE     also write all numbers as JSON
  --picture FILE  also write the picture in the README, as SVG
  --help          show this help
`;

/** Reads the command line. */
export function readOptions(args: readonly string[]): Options {
  const { steps, seeds, out, json, picture, help } = strictly(() => parse(args));
  const files = { "--out": join(out, "index.html"), "--json": json, "--picture": picture };
  for (const [name, path] of Object.entries(files)) {
    if (path !== undefined && !canWrite(path)) {
      throw new UsageError(`${name}: expected a place where ${JSON.stringify(path)} can be written`);
    }
  }
  return { steps: readCount("--steps", steps), seeds: readCount("--seeds", seeds), out, json, picture, help };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      steps: { type: "string", default: "600" },
      seeds: { type: "string", default: "3" },
      out: { type: "string", default: "report" },
      json: { type: "string" },
      picture: { type: "string" },
      help: { type: "boolean", default: false },
    },
  }).values;
}
