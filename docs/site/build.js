// Builds the whole site into one static folder, for any host:  npm run site
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Application } from "typedoc";
import { build as buildPage } from "vite";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Typedoc writes links of its own choice as they are, at every depth: this one is made relative afterwards. */
const HOME = "https://home.invalid/index.html";
/** Reports that other commands write, where they have been run. */
const REPORTS = [
  {
    file: "claims.html",
    title: "The claims",
    text: "each with its source, a rule fixed in advance, and the result",
  },
  {
    file: "index.html",
    title: "The demo's report",
    text: "24 networks on handwritten digits, and what the probes measure",
  },
];

/** Writes the site into `folder`, which is emptied first, with the reports of the folder `report`. */
export async function buildSite(folder, report) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await buildPlayground(join(folder, "playground"));
  await buildApi(join(folder, "api"));
  const reports = REPORTS.filter(({ file }) => existsSync(join(report, file)));
  for (const { file } of reports) cpSync(join(report, file), join(folder, "report", file));

  cpSync(join(root, "docs/site/style.css"), join(folder, "style.css"));
  cpSync(join(root, "docs/images/demo.svg"), join(folder, "demo.svg"));
  const parts = {
    presets: (await presets()).join("\n"),
    quickstart: escape(/```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))[1].trim()),
    guides: guides().join("\n"),
    reports: reports
      .map(({ file, title, text }) => `<p><a href="report/${file}">${title}</a>: ${text}.</p>`)
      .join("\n"),
  };
  const page = readFileSync(join(root, "docs/site/index.html"), "utf8");
  const filled = page.replace(/<!-- (\w+) -->/g, (_, name) => parts[name]);
  writeFileSync(join(folder, "index.html"), filled);
}

/** The playground, with a link home. */
async function buildPlayground(outDir) {
  await buildPage({ root: join(root, "examples/playground"), build: { outDir }, logLevel: "warn" });
  const file = join(outDir, "index.html");
  const link = '<a href="../index.html">About batchnorm</a>';
  writeFileSync(file, readFileSync(file, "utf8").replace("<!-- home -->", link));
}

/** The API pages with the guides, each with a link home. */
async function buildApi(folder) {
  const app = await Application.bootstrapWithPlugins({ out: folder, navigationLinks: { batchnorm: HOME } });
  const project = await app.convert();
  if (project === undefined) throw new Error("typedoc: the sources do not compile");
  await app.generateOutputs(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error("typedoc: see the messages above");
  for (const path of readdirSync(folder, { recursive: true })) {
    if (!path.endsWith(".html")) continue;
    const file = join(folder, path);
    const home = relative(dirname(file), join(folder, "../index.html")).replaceAll("\\", "/");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(HOME, home));
  }
  // The page with a script tag, which the guides link to, loads ../dist/batchnorm.global.js.
  const bundle = { bundle: true, format: "iife", globalName: "batchnorm", minify: true };
  await build({
    ...bundle,
    entryPoints: [join(root, "src/global.ts")],
    outfile: join(folder, "dist/batchnorm.global.js"),
  });
}

/** One entry for each preset of the playground, which opens it. */
async function presets() {
  const entry = `
    export { PRESETS } from "./experiment/presets.ts";
    export { formatSettings } from "./experiment/settings.ts";`;
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: join(root, "examples/playground"), loader: "ts" },
    ...{ bundle: true, format: "esm", write: false },
  });
  const code = Buffer.from(outputFiles[0].contents).toString("base64");
  const { PRESETS, formatSettings } = await import(`data:text/javascript;base64,${code}`);
  return PRESETS.map(({ title, text, settings }) => {
    const link = `playground/index.html#${escape(formatSettings(settings))}`;
    return `<li><a href="${link}">${escape(title)}</a> ${escape(/^.*?[.?](?= |$)/.exec(text)[0])}</li>`;
  });
}

/** The guides by title, in the order in which docs/README.md comes to them. */
function guides() {
  const map = readFileSync(join(root, "docs/README.md"), "utf8");
  const names = new Set([...map.matchAll(/\]\(([a-z-]+)\.md/g)].map(([, name]) => name));
  return [...names].map((name) => {
    const [, title] = /^# (.*)/.exec(readFileSync(join(root, `docs/${name}.md`), "utf8"));
    return `<li><a href="api/documents/${name}.html">${escape(title)}</a></li>`;
  });
}

function escape(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildSite(join(root, "site"), join(root, "report"));
  console.log("The site is in site/: serve that folder with any static server.");
}
