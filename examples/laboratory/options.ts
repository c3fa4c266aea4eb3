/** Options of the command line. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { VGG_SIZES, type VggSize } from "../images/architectures.js";
import type { DataOption } from "../images/data.js";
import { readData } from "../images/options.js";
import { canWrite } from "../shared/files.js";
import { readCount, strictly, UsageError } from "../shared/usage.js";
import type { Claim, Column, Study } from "./claim.js";

/** Options for the laboratory. */
export interface Options {
  /** The kind of network to measure. */
  readonly column: Column;
  /** The claims to measure. */
  readonly claims: readonly Claim[];
  /** The claims on the page, which also shows what has been measured on the other kind of network. */
  readonly shown: readonly Claim[];
  /** Whether claims were named on the command line. */
  readonly named: boolean;
  readonly extent: Study["extent"];
  readonly seeds: number;
  /** For MLPs, the folder of Fashion-MNIST, or undefined for the digits. */
  readonly data: string | undefined;
  /** For VGGs, the full data set to use instead of the subset of Fashion-MNIST, or undefined. */
  readonly images: DataOption | undefined;
  readonly vgg: VggSize;
  /** Whether to make measurements again that are stored. */
  readonly fresh: boolean;
  readonly out: string;
  readonly help: boolean;
}

/** Returns the number of seeds used unless --seeds is given. */
export function defaultSeeds(column: Column, extent: Study["extent"]): number {
  return column === "VGG" && extent !== "full" ? 3 : 6;
}

/** Returns the text of --help. */
export function usage(catalog: readonly Claim[]): string {
  const lines = catalog.map(
    ({ number, name, title, seconds }) =>
      `  ${String(number).padStart(2)}  ${name.padEnd(19)}${title}${seconds.VGG === undefined ? "" : " [also VGG]"}`,
  );
  return `Tests ${catalog.length} claims about why batch norm works, and gives each a verdict.

  npm run claims -- [options] [claims]
  npm run claims -- landscape
  npm run claims -- --networks vgg
  npm run claims -- --networks vgg --data cifar-10 FILES... --vgg 16/1

  --networks NAME mlp, or vgg for the claims that are also measured on VGG-13/8 and Fashion-MNIST (default: mlp);
                  the page shows both
  --quick         run only the central claims, with reduced settings; takes about a minute (VGG: 200 steps, 7 minutes)
  --full          use larger sizes or more settings in claims 1, 11, 14, 22 and 23; takes 17 minutes on two cores (VGG: six seeds)
  --seeds N       number of random seeds (default: 6; 3 for VGG)
  --data FOLDER   for mlp: folder with the four files of Fashion-MNIST, used instead of the digits
  --data NAME     for vgg: a full data set, as in npm run example -- images: fashion-mnist FOLDER or cifar-10 FILES
  --vgg SIZE      for vgg: 13/8, or 16/1 for VGG-16 with all of its channels, which takes many hours (default: 13/8)
  --fresh         measure again what this version has already measured and stored
  --out FOLDER    folder for claims.html, claims/*.json and measurements/ (default: report)
  --help          show this help

Claims:
${lines.join("\n")}
`;
}

/** Reads the command line. */
export function readOptions(args: readonly string[], catalog: readonly Claim[]): Options {
  const { values, positionals } = strictly(() => parse(args));
  const { networks, quick, full, seeds, data, vgg, fresh, out, help } = values;
  if (quick && full) throw new UsageError("expected --quick or --full, got both");
  if (networks !== "mlp" && networks !== "vgg") {
    throw new UsageError(`--networks: expected mlp or vgg, got ${JSON.stringify(networks)}`);
  }
  const column = networks === "mlp" ? "MLP" : "VGG";
  const extent = quick ? "quick" : full ? "full" : "all";
  const names = positionals.filter((name) => catalog.some((claim) => claim.name === name));
  const others = positionals.filter((name) => !names.includes(name));
  const withImages = column === "VGG" && data !== undefined;
  if (others.length > 0 && !withImages) {
    const known = catalog.map(({ name }) => name).join(", ");
    throw new UsageError(`expected names of claims (${known}), got ${JSON.stringify(others[0])}`);
  }
  const page = join(out, "claims.html");
  if (!canWrite(page)) throw new UsageError(`--out: expected a place where ${JSON.stringify(page)} can be written`);
  const named = names.length > 0;
  const shown = catalog.filter((claim) => (named ? names.includes(claim.name) : !quick || claim.quick));
  return {
    ...{ column, named, shown, extent, fresh, out, help },
    claims: measuredOn(column, shown),
    seeds: seeds === undefined ? defaultSeeds(column, extent) : readCount("--seeds", seeds),
    data: column === "MLP" ? data : undefined,
    images: withImages ? readData(data, others) : undefined,
    vgg: readSize(vgg, column),
  };
}

/** Returns the claims that are measured on a kind of network. */
function measuredOn(column: Column, claims: readonly Claim[]): Claim[] {
  const measured = claims.filter(({ seconds }) => seconds[column] !== undefined);
  if (measured.length > 0) return measured;
  const got = claims.map(({ name }) => name).join(", ");
  throw new UsageError(`expected claims that are measured on ${column} (see --help), got ${got}`);
}

function readSize(text: string | undefined, column: Column): VggSize {
  const size = VGG_SIZES.find((known) => known === (text ?? "13/8"));
  if (size === undefined) {
    throw new UsageError(`--vgg: expected ${VGG_SIZES.join(" or ")}, got ${JSON.stringify(text)}`);
  }
  if (text !== undefined && column === "MLP") throw new UsageError("--vgg: expected --networks vgg beside it, got mlp");
  return size;
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      networks: { type: "string", default: "mlp" },
      quick: { type: "boolean", default: false },
      full: { type: "boolean", default: false },
      seeds: { type: "string" },
      data: { type: "string" },
      vgg: { type: "string" },
      fresh: { type: "boolean", default: false },
      out: { type: "string", default: "report" },
      help: { type: "boolean", default: false },
    },
  });
}
