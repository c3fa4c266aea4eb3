// Builds the playground and serves it on this machine:  npm run playground [-- --port 8080]
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildPlayground } from "./build.js";

const TYPES = { ".css": "text/css", ".html": "text/html; charset=utf-8", ".js": "text/javascript" };

const { values } = parseArgs({ options: { port: { type: "string", default: "8080" } } });
const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`playground: expected --port to be a whole number from 0 to 65535, got ${values.port}`);
  process.exit(2);
}
const folder = fileURLToPath(new URL("../../.build/playground", import.meta.url));
await buildPlayground(folder);

const server = createServer(async (request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
  try {
    const bytes = await readFile(file);
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(bytes);
  } catch {
    response.writeHead(404);
    response.end("not found");
  }
});
server.on("error", (error) => {
  const cure = error.code === "EADDRINUSE" ? " - choose another with --port" : "";
  console.error(`playground: ${error.message}${cure}`);
  process.exit(1);
});
server.listen(port, "127.0.0.1", () => {
  console.log(`The playground is at http://localhost:${server.address().port}/ (Ctrl+C ends it)`);
});
