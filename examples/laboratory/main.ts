/** The claims laboratory: measures each claim, and writes docs/claims.md and a page of figures that is updated with every result. */
import { join } from "node:path";
import { defaultKernels } from "batchnorm";
import { stringifyReport } from "batchnorm/probes";
import { writeWhole } from "../shared/files.js";
import { Pool } from "../shared/pool.js";
import { CLAIMS } from "./catalog.js";
import { openSource } from "./data.js";
import { DataError } from "./fashion-mnist.js";
import { askOnce, measureClaim, type Result, resultOf } from "./run-claim.js";
import type { Job } from "./measure/index.js";
import { UsageError } from "../shared/usage.js";
import { type Options, readOptions, usage } from "./options.js";
import { Progress } from "./progress.js";
import { renderDocument } from "./report/document.js";
import { renderPage } from "./report/page.js";
import { summaryLine } from "./report/text.js";

const DOCUMENT = "docs/claims.md";

async function run({ claims, named, extent, seeds, data, out }: Options): Promise<void> {
  const made = { data: openSource(data).name, kernels: defaultKernels().name };
  const start = performance.now();
  const pool = new Pool<Job, unknown>(new URL("worker.js", import.meta.url), { data });
  const progress = new Progress(process.stderr, claims.length);
  const ask = askOnce((job) => progress.follow(pool.ask(job)));
  const column = "MLP" as const;
  const study = {
    column,
    vgg: "13/8" as const,
    seeds: Array.from({ length: seeds }, (_, i) => i + 1),
    extent,
    steps: (count: number) => count,
    ask,
  };
  // The names of all claims together are too long for a file name.
  const some = named && claims.length < CLAIMS.length;
  const page = join(out, some ? `claims/${claims.map(({ name }) => name).join("+")}.html` : "claims.html");

  const results: (Result | undefined)[] = claims.map(() => undefined);
  try {
    const waiting = [...claims.entries()];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [i, claim] = next;
        const result = resultOf(claim, [await measureClaim(claim, study, made)]);
        results[i] = result;
        writeWhole(join(out, `claims/${claim.name}.json`), `${stringifyReport(result, 1)}\n`);
        // Rewritten with every result, so that an interrupted run keeps what was finished.
        writeWhole(
          page,
          renderPage(
            results.filter((each) => each !== undefined),
            claims.length,
          ),
        );
        progress.finished(summaryLine(result));
      }
    };
    // In order, so that an interrupted run keeps finished claims; two at a time, so that no thread idles at the end of a claim.
    await Promise.all([work(), work()]);
  } finally {
    progress.clear();
    await pool.close();
  }
  const all = results.filter((result) => result !== undefined);
  // Only a default run of all claims updates the documentation.
  if (claims.length === CLAIMS.length && extent === "all" && seeds === 6 && data === undefined) {
    writeWhole(DOCUMENT, await renderDocument(all));
  }
  console.log(`\n${all.map(summaryLine).join("\n")}\n`);
  console.log(`Measured in ${((performance.now() - start) / 1000).toFixed(0)} s on ${made.data}. Figures: ${page}`);
}

// Node runs this handler between two synchronous writes, never during one, so an interrupt leaves no half-written file.
process.on("SIGINT", () => process.exit(130));

try {
  const options = readOptions(process.argv.slice(2), CLAIMS);
  if (options.help) console.log(usage(CLAIMS));
  else await run(options);
} catch (error) {
  if (!(error instanceof UsageError || error instanceof DataError)) throw error;
  console.error(`claims: ${error.message} - see npm run claims -- --help`);
  process.exitCode = 2;
}
