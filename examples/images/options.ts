/** Options of the command line. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { canWrite } from "../shared/files.js";
import { readCount, strictly, UsageError } from "../shared/usage.js";
import { type Architecture, ARCHITECTURES, STEPS } from "./experiment.js";

/** Options for the example. */
export interface Options {
  readonly architectures: readonly Architecture[];
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

  --network NAME  vgg (VGG-13 with an eighth of its channels), resnet (ResNet-20 with half of its channels) or both (default: vgg)
  --steps N       training steps per network (default: ${STEPS})
  --seed N        the random seed (default: 1)
  --out FOLDER    folder for the report, images.html (default: report)
  --json FILE     also write all numbers as JSON
  --help          show this help
`;

/** Reads the command line. */
export function readOptions(args: readonly string[]): Options {
  const { network, steps, seed, out, json, help } = strictly(() => parse(args));
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
  return { architectures, steps: readCount("--steps", steps), seed: readCount("--seed", seed), page, json, help };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      network: { type: "string", default: "vgg" },
      steps: { type: "string", default: String(STEPS) },
      seed: { type: "string", default: "1" },
      out: { type: "string", default: "report" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  }).values;
}
