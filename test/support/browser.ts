/** A real browser for tests: Chromium where one is installed, driven by playwright-core, and a static server for its pages. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { type Browser, chromium } from "playwright-core";

/** Where distributions put it; CHROMIUM names another. */
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The browser's executable, or undefined where there is none. */
export const browserPath: string | undefined = [process.env["CHROMIUM"] ?? "", ...PLACES].find(
  (path) => path !== "" && existsSync(path),
);

/** Starts the browser. */
export async function launchBrowser(): Promise<Browser> {
  if (browserPath === undefined) throw new Error("no Chromium found: install one, or set CHROMIUM to its path");
  return chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
}

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".map": "application/json",
  ".svg": "image/svg+xml",
};

/** A server of one folder on this machine. */
export interface Site {
  /** Its address, without a slash at the end. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Serves a folder, with the given headers on every answer (a content security policy, say). */
export async function serveFolder(folder: string, headers: Readonly<Record<string, string>> = {}): Promise<Site> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    readFile(file).then(
      (bytes) => {
        response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", ...headers });
        response.end(bytes);
      },
      () => {
        response.writeHead(404, headers);
        response.end("not found");
      },
    );
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((done, fail) => {
        server.closeAllConnections();
        server.close((error) => (error === undefined ? done() : fail(error)));
      }),
  };
}
