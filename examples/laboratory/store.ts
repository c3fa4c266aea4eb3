/** Store: finished measurements as JSON files, so that an interrupted run continues and a later one need not measure again. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseReport, stringifyReport } from "batchnorm/probes";
import { writeWhole } from "../shared/files.js";
import type { Job } from "./measure/index.js";
import type { Made } from "./run-claim.js";

/** Measurements of one program. Those of other versions of it are deleted, as their numbers may differ. */
export class Store {
  readonly #folder: string;

  /**
   * Opens the store in a folder.
   *
   * @param program - the file that makes the measurements
   */
  constructor(folder: string, program: URL) {
    const version = hash(readFileSync(program, "utf8"));
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      if (VERSION.test(name) && name !== version) rmSync(join(folder, name), { recursive: true });
    }
    this.#folder = join(folder, version);
  }

  /** Returns the result of a measurement, or undefined if it has not been made. */
  find(job: Job, made: Made): unknown {
    const path = this.#path(job, made);
    return existsSync(path) ? (parseReport(readFileSync(path, "utf8")) as { result: unknown }).result : undefined;
  }

  /** Writes a result, together with what it is the result of. */
  keep(job: Job, made: Made, result: unknown): void {
    writeWhole(this.#path(job, made), stringifyReport({ ...made, ...job, result }));
  }

  #path({ name, input }: Job, { data, kernels }: Made): string {
    return join(this.#folder, `${name}-${hash(JSON.stringify([data, kernels, input]))}.json`);
  }
}

const VERSION = /^[0-9a-f]{16}$/;

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
