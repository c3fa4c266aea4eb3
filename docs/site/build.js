// Builds the whole site into one static folder, for any host:  npm run site
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Application, IndexEvent, JSX, RendererEvent } from "typedoc";
import { build as buildPage } from "vite";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Typedoc writes links of its own choice as they are, at every depth: those to this address are made relative afterwards. */
const SITE = "https://home.invalid/";
const NAMES = { prev: "Previous", next: "Next" };
/** The languages of the sources that the guides link to. */
const LANGUAGES = { ".ts": "typescript", ".js": "javascript", ".json": "json", ".md": "text", "": "text" };
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

const PLAYGROUND_PAGE = "examples/playground/index.html";

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

/** The API pages with the guides, and links to the front page and the playground on each. */
async function buildApi(folder) {
  const guides = guidesInOrder();
  const app = await Application.bootstrapWithPlugins({
    ...{ out: folder, customCss: join(root, "docs/site/api.css") },
    navigationLinks: { Home: `${SITE}index.html`, Playground: `${SITE}playground/index.html` },
    projectDocuments: guides.map(({ file }) => file),
    ...{ searchInDocuments: true, searchInComments: true },
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("typedoc: the sources have errors");
  const documents = guides.map(({ file }) => project.documents.find((each) => pathOf(project, each) === file));
  project.documents = documents;
  for (const group of project.groups) {
    if (group.title === "Documents") group.children = documents;
  }
  // A document's first name determines its address, and its later name is what readers see.
  for (const [i, { address }] of guides.entries()) documents[i].name = address;
  for (const [i, { isReference }] of guides.entries()) documents[i].relevanceBoost = isReference ? 1 : 20;
  app.renderer.on(IndexEvent.PREPARE_INDEX, addHeadings);
  app.renderer.on(RendererEvent.BEGIN, () => {
    for (const [i, { title }] of guides.entries()) documents[i].name = title;
  });
  app.renderer.hooks.on("content.end", (context) => neighbors(context, documents));
  let sources = new Map();
  // Before typedoc writes the style sheet with the colors that were used.
  app.renderer.on(RendererEvent.END, () => (sources = highlightSources(app, project)), 1000);
  await app.generateOutputs(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error("typedoc: see the messages above");
  for (const [name, page] of sources) {
    writeFileSync(join(folder, "media", `${name}.html`), page);
    rmSync(join(folder, "media", name));
  }
  // Guides link to the page of the playground in examples/; on the site, it is in playground/.
  const playground = [...project.files.getNameToAbsoluteMap()].find(([, path]) => path.endsWith(PLAYGROUND_PAGE))?.[0];
  if (playground !== undefined) rmSync(join(folder, "media", playground));
  for (const path of readdirSync(folder, { recursive: true })) {
    if (!path.endsWith(".html")) continue;
    const file = join(folder, path);
    const home = `${relative(dirname(file), join(folder, "..")).replaceAll("\\", "/")}/`;
    const text = readFileSync(file, "utf8")
      .replaceAll(SITE, home)
      .replace(/href="[^"]*media\/([^"#/]+)/g, (link, name) =>
        name === playground ? `href="${home}playground/index.html` : link,
      )
      .replace('<div class="col-content">', '<div class="col-content" role="main">')
      // What is too wide scrolls, so it needs the focus.
      .replaceAll("<pre><code>", '<pre tabindex="0"><code>')
      .replaceAll("<table>", '<table tabindex="0">')
      .replace(/(href="[^"]*media\/([^"#/]+))/g, (link, _, name) => (sources.has(name) ? `${link}.html` : link));
    writeFileSync(file, text);
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

/** The guides in reading order: as docs/README.md mentions them, and the others last. */
function guidesInOrder() {
  const map = join(root, "docs/README.md");
  const mentioned = [...readFileSync(map, "utf8").matchAll(/\]\(([a-z-]+\.md|\.\.\/examples\/README\.md)/g)];
  const all = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  const files = [map, ...[...mentioned.map(([, path]) => path), ...all].map((path) => join(root, "docs", path))];
  const [, reference] = readFileSync(map, "utf8").split("## Reference");
  return [...new Set(files)].map((file) => {
    const [, title] = /^# (.*)/.exec(readFileSync(file, "utf8"));
    const address = file === join(root, "examples/README.md") ? "examples" : basename(file, ".md");
    const isReference = reference.includes(`](${basename(file)})`);
    return { file, title: title.replaceAll("`", ""), address, isReference };
  });
}

/** The list of the guides on the front page. */
function guides() {
  return guidesInOrder().map(
    ({ title, address }) => `<li><a href="api/documents/${address}.html">${escape(title)}</a></li>`,
  );
}

function pathOf(project, document) {
  return project.files.getReflectionPath(document);
}

/** Makes the headings of the guides count for more in the search than their text, with the lists of terms below some of them. */
function addHeadings(event) {
  event.searchFieldWeights.headings = 20;
  for (const [i, reflection] of event.searchResults.entries()) {
    if (!reflection.isDocument()) continue;
    const text = reflection.content.map((part) => part.text).join("");
    const headings = text.match(/^#+ .*$|^`.*` · .*$/gm) ?? [];
    event.searchFields[i] = { ...event.searchFields[i], headings: headings.join("\n") };
  }
}

/** The links to the previous and next guide, below a guide. */
function neighbors(context, documents) {
  const at = documents.indexOf(context.page.model);
  const link = (document, text) =>
    document &&
    JSX.createElement("a", { href: context.urlTo(document), rel: text }, `${NAMES[text]}: ${document.name}`);
  if (at < 0) return JSX.createElement(JSX.Fragment, null);
  const links = [link(documents[at - 1], "prev"), link(documents[at + 1], "next")];
  return JSX.createElement("nav", { class: "neighbors", "aria-label": "Guides" }, ...links);
}

/** A page with highlighted text for each source file that a guide links to, by its name in the folder `media`. */
function highlightSources(app, project) {
  const template = readFileSync(join(root, "docs/site/source.html"), "utf8");
  const pages = new Map();
  for (const [name, path] of project.files.getNameToAbsoluteMap()) {
    const language = LANGUAGES[extname(name)];
    if (language === undefined) continue;
    const text = readFileSync(path, "utf8");
    const parts = {
      path: escape(relative(root, path).replaceAll("\\", "/")),
      code:
        language === "text"
          ? escape(text)
          : app.renderer.markedPlugin.getHighlighted(text, language).replaceAll("<br/>", "\n"),
    };
    pages.set(
      name,
      template.replace(/<!-- (\w+) -->/g, (_, part) => parts[part]),
    );
  }
  return pages;
}

function escape(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildSite(join(root, "site"), join(root, "report"));
  console.log("The site is in site/: serve that folder with any static server.");
}
