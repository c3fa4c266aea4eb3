/** The claims laboratory: measures each claim, and writes docs/claims.md, a picture, and a page of figures that is updated with every result. */
import { join } from "node:path";
import { defaultKernels } from "batchnorm";
import { stringifyReport } from "batchnorm/probes";
import { DataError } from "../data/full-sets.js";
import { loadImages } from "../images/data.js";
import { writeWhole } from "../shared/files.js";
import { Pool } from "../shared/pool.js";
import { UsageError } from "../shared/usage.js";
import { CLAIMS } from "./catalog.js";
import type { Claim, Column, Study } from "./claim.js";
import { type Data, openSource } from "./data.js";
import type { Job } from "./measure/index.js";
import { defaultSeeds, type Options, readOptions, usage } from "./options.js";
import { Progress } from "./progress.js";
import { renderDocument } from "./report/document.js";
import { drawPush } from "./report/figures.js";
import { renderPage } from "./report/page.js";
import { COLUMNS, summaryLine } from "./report/text.js";
import { askOnce, type Made, type Measured, measureClaim, questionOf, type Result, resultOf } from "./run-claim.js";
import { Store } from "./store.js";

const DOCUMENT = "docs/claims.md";
const PICTURE = "docs/images/push.svg";

async function run(options: Options): Promise<void> {
  const { column, claims, shown, named, out } = options;
  const start = performance.now();
  const worker = new URL("worker.js", import.meta.url);
  const store = new Store(join(out, "measurements"), worker);
  const data = await dataOf(column, options);
  const made = madeOn(data);
  const pool = new Pool<Job, unknown>(worker, { data });
  const progress = new Progress(
    process.stderr,
    claims.map(({ name, seconds }) => ({ name, weight: seconds[column]! })),
  );
  let reused = 0;
  let measured = 0;
  const ask = askOnce(async (job) => {
    const question = questionOf(job);
    const known = options.fresh ? undefined : store.find(job, made);
    if (known !== undefined) {
      reused++;
      progress.update(question, 1, true);
      return known;
    }
    const steps = (job.input as { readonly steps?: unknown }).steps;
    const result = await pool.ask(job, (done) => {
      if (typeof steps === "number") progress.update(question, done / steps);
    });
    store.keep(job, made, result);
    measured++;
    progress.update(question, 1);
    return result;
  });
  const study = studyOf(options, column, options.seeds);
  const other = await recall(options, store);

  const found = new Map<Claim, Measured>();
  const results = (): Result[] =>
    shown.flatMap((claim) => {
      const columns = COLUMNS.flatMap((each) => (each === column ? found : other).get(claim) ?? []);
      return columns.length === 0 ? [] : [resultOf(claim, columns)];
    });
  // The names of all claims together are too long for a file name.
  const some = named && shown.length < CLAIMS.length;
  const page = join(out, some ? `claims/${shown.map(({ name }) => name).join("+")}.html` : "claims.html");
  try {
    const waiting = [...claims];
    const work = async (): Promise<void> => {
      for (let claim = waiting.shift(); claim !== undefined; claim = waiting.shift()) {
        const { name } = claim;
        const askFor = ((...job: Parameters<Study["ask"]>) => {
          progress.asked(name, questionOf({ name: job[0], input: job[1] }));
          return ask(...job);
        }) as Study["ask"];
        found.set(claim, await measureClaim(claim, { ...study, ask: askFor }, made));
        const all = results();
        const result = all.find((each) => each.name === name)!;
        writeWhole(join(out, `claims/${name}.json`), `${stringifyReport(result, 1)}\n`);
        // Rewritten with every result, so that an interrupted run keeps what was finished.
        writeWhole(page, renderPage(all, claims.length - found.size));
        progress.finished(name, summaryLine(result));
      }
    };
    // In order, so that an interrupted run keeps finished claims; two at a time, so that no thread idles at the end of a claim.
    await Promise.all([work(), work()]);
  } finally {
    progress.clear();
    await pool.close();
  }
  const all = results();
  console.log(`\n${all.map(summaryLine).join("\n")}\n`);
  if (isDefault(options)) await document(all);
  if (reused > 0) {
    console.log(`${reused} of ${reused + measured} measurements are from an earlier run; --fresh makes them again.`);
  }
  console.log(`Measured in ${((performance.now() - start) / 1000).toFixed(0)} s on ${made.data}. Figures: ${page}`);
}

function dataOf(column: Column, { data, images }: Pick<Options, "data" | "images">): Promise<Data> {
  return column === "VGG" ? loadImages(images) : Promise.resolve(data);
}

function madeOn(data: Data): Made {
  return { data: openSource(data).name, kernels: defaultKernels().name };
}

function studyOf({ extent, vgg }: Options, column: Column, seeds: number): Omit<Study, "ask"> {
  return {
    ...{ column, vgg, extent },
    seeds: Array.from({ length: seeds }, (_, i) => i + 1),
    steps: (count) => count,
  };
}

/** Returns what an earlier run has measured on the other kind of network at its default settings. */
async function recall(options: Options, store: Store): Promise<Map<Claim, Measured>> {
  const column = options.column === "MLP" ? "VGG" : "MLP";
  const claims = options.shown.filter(({ seconds }) => seconds[column] !== undefined);
  const recalled = new Map<Claim, Measured>();
  if (claims.length === 0) return recalled;
  const made = madeOn(await dataOf(column, { data: undefined, images: undefined }));
  const missing = new Error("not measured");
  const ask = askOnce((job) => {
    const known = store.find(job, made);
    return known === undefined ? Promise.reject(missing) : Promise.resolve(known);
  });
  const study = { ...studyOf({ ...options, vgg: "13/8" }, column, defaultSeeds(column, options.extent)), ask };
  for (const claim of claims) {
    try {
      recalled.set(claim, await measureClaim(claim, study, made));
    } catch (error) {
      if (error !== missing) throw error;
    }
  }
  return recalled;
}

/** Only a default run of all claims updates the documentation. */
function isDefault({ named, column, extent, seeds, data, images, vgg }: Options): boolean {
  const asDelivered = data === undefined && images === undefined && vgg === "13/8";
  return !named && extent === "all" && asDelivered && seeds === defaultSeeds(column, extent);
}

/** Writes the page of the documentation and the picture of docs/why.md if all claims have been measured on the MLP. */
async function document(results: readonly Result[]): Promise<void> {
  const has = (column: Column): readonly Claim[] =>
    CLAIMS.filter(({ name }) =>
      results.find((result) => result.name === name)?.columns.some((measured) => measured.column === column),
    );
  if (has("MLP").length < CLAIMS.length) {
    console.log(`${DOCUMENT} is written when the MLP has been measured too: npm run claims`);
    return;
  }
  writeWhole(DOCUMENT, await renderDocument(results));
  writeWhole(PICTURE, drawPush(results));
  const complete = has("VGG").length === CLAIMS.filter(({ seconds }) => seconds.VGG !== undefined).length;
  console.log(
    complete
      ? `Written: ${DOCUMENT}`
      : `Written: ${DOCUMENT}, without all of its VGG column: npm run claims -- --networks vgg`,
  );
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
