/** Options of the command line. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { canWrite } from "../shared/files.js";
import { readCount, strictly, UsageError } from "../shared/usage.js";
import { DATA_SETS, type DataOption } from "./data.js";
import { type Architecture, ARCHITECTURES, STEPS } from "./experiment.js";

/** Options for the example. */
export interface Options {
  readonly architectures: readonly Architecture[];
  /** The full data set to use instead of the subset of Fashion-MNIST, or undefined. */
  readonly data: DataOption | undefined;
  readonly steps: number;
  readonly seed: number;
  /** The file for the report. */
  readonly page: string;
  /** The JSON file for all numbers, or undefined. */
  readonly json: string | undefined;
  readonly help: boolean;
}

export const USAGE = `Trains a convolutional network on 5000 images of Fashion-MNIST, with and without batch norm.

  npm run example -- images [options]
  npm run example -- images --data fashion-mnist FOLDER [options]
  npm run example -- images --data cifar-10 FILES... [options]

  --network NAME  vgg (VGG-13 with an eighth of its channels), resnet (ResNet-20 with half of its channels) or both (default: vgg)
  --data NAME     a full data set instead: fashion-mnist, from the folder with its four IDX files (.gz or unpacked),
                  or cifar-10, from its binary batches (data_batch_1.bin ... and test_batch.bin)
  --steps N       training steps per network (default: ${STEPS})
  --seed N        the random seed (default: 1)
  --out FOLDER    folder for the report, images.html (default: report)
  --json FILE     also write all numbers as JSON
  --help          show this help
`;

/** Reads the command line. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = strictly(() => parse(args));
  const { network, data: name, steps, seed, out, json, help } = values;
  const page = join(out, "images.html");
  for (const [name, path] of Object.entries({ "--out": page, "--json": json })) {
    if (path !== undefined && !canWrite(path)) {
      throw new UsageError(`${name}: expected a place where ${JSON.stringify(path)} can be written`);
    }
  }
  const architectures = ARCHITECTURES.filter((name) => network === name || network === "both");
  if (architectures.length === 0) {
    throw new UsageError(`--network: expected ${ARCHITECTURES.join(", ")} or both, got ${JSON.stringify(network)}`);
  }
  const data = readData(name, positionals);
  return { architectures, data, steps: readCount("--steps", steps), seed: readCount("--seed", seed), page, json, help };
}

/** Reads `--data` and the paths after it. */
export function readData(option: string | undefined, paths: readonly string[]): DataOption | undefined {
  if (option === undefined) {
    if (paths.length === 0) return undefined;
    throw new UsageError(`expected only options, got ${JSON.stringify(paths[0])}`);
  }
  const name = DATA_SETS.find((known) => known === option);
  if (name === undefined) {
    throw new UsageError(`--data: expected ${DATA_SETS.join(" or ")}, got ${JSON.stringify(option)}`);
  }
  const wanted = name === "fashion-mnist" ? "one folder" : "the files of the batches";
  if (paths.length === 0 || (name === "fashion-mnist" && paths.length > 1)) {
    throw new UsageError(`--data ${name}: expected ${wanted}, got ${paths.length === 0 ? "none" : paths.length}`);
  }
  return { name, paths };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      network: { type: "string", default: "vgg" },
      data: { type: "string" },
      steps: { type: "string", default: String(STEPS) },
      seed: { type: "string", default: "1" },
      out: { type: "string", default: "report" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
}
