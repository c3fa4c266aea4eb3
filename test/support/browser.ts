/** A real browser for tests: Chromium where one is installed, driven by playwright-core, and a static server for its pages. */
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { type Browser, chromium } from "playwright-core";
import { preview } from "vite";

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

/** A server of one folder on this machine. */
export interface Site {
  /** Its address, without a slash at the end. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Serves a folder, with the given headers on every answer (a content security policy, say). */
export async function serveFolder(folder: string, headers: Readonly<Record<string, string>> = {}): Promise<Site> {
  const server = await preview({
    ...{ configFile: false, appType: "mpa", build: { outDir: folder } },
    preview: { host: "127.0.0.1", port: 0, headers },
  });
  const { port } = server.httpServer.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
