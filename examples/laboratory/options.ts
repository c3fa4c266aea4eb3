/** Options of the command line. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { canWrite } from "../shared/files.js";
import { readCount, strictly, UsageError } from "../shared/usage.js";
import type { Claim, Study } from "./claim.js";

/** Options for the laboratory. */
export interface Options {
  readonly claims: readonly Claim[];
  /** Whether claims were named on the command line. */
  readonly named: boolean;
  readonly extent: Study["extent"];
  readonly seeds: number;
  /** The folder of Fashion-MNIST, or undefined for the digits. */
  readonly data: string | undefined;
  readonly out: string;
  readonly help: boolean;
}

/** Returns the text of --help. */
export function usage(catalog: readonly Claim[]): string {
  const lines = [...catalog]
    .sort((a, b) => a.number - b.number)
    .map(({ number, name, title }) => `  ${String(number).padStart(2)}  ${name.padEnd(19)}${title}`);
  return `Tests 18 claims about why batch norm works, and gives each a verdict.

  npm run claims -- [options] [claims]
  npm run claims -- landscape

  --quick         run only the central claims, with reduced settings; takes about a minute
  --full          use the sizes of the papers in claims 1, 11 and 14; takes 17 minutes on two cores
  --seeds N       number of random seeds (default: 6)
  --data FOLDER   folder with the four files of Fashion-MNIST, used instead of the digits
  --out FOLDER    folder for claims.html and claims/*.json (default: report)
  --help          show this help

Claims:
${lines.join("\n")}
`;
}

/** Reads the command line. */
export function readOptions(args: readonly string[], catalog: readonly Claim[]): Options {
  const { values, positionals } = strictly(() => parse(args));
  const { quick, full, seeds, data, out, help } = values;
  if (quick && full) throw new UsageError("expected --quick or --full, got both");
  const unknown = positionals.find((name) => !catalog.some((claim) => claim.name === name));
  if (unknown !== undefined) {
    const names = catalog.map(({ name }) => name).join(", ");
    throw new UsageError(`expected names of claims (${names}), got ${JSON.stringify(unknown)}`);
  }
  const page = join(out, "claims.html");
  if (!canWrite(page)) throw new UsageError(`--out: expected a place where ${JSON.stringify(page)} can be written`);
  const named = positionals.length > 0;
  const wanted = named ? catalog.filter(({ name }) => positionals.includes(name)) : catalog;
  return {
    claims: quick && !named ? wanted.filter((claim) => claim.quick) : wanted,
    named,
    extent: quick ? "quick" : full ? "full" : "all",
    seeds: readCount("--seeds", seeds),
    data,
    out,
    help,
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      full: { type: "boolean", default: false },
      seeds: { type: "string", default: "6" },
      data: { type: "string" },
      out: { type: "string", default: "report" },
      help: { type: "boolean", default: false },
    },
  });
}
