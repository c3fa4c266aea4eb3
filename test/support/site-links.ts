/** Links of a static site: follows every one from its front page, as a visitor with a lot of time would. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { parseHTML } from "linkedom";

/** What following the links has shown. */
export interface Followed {
  /** Paths inside of the site that can be reached. */
  readonly reached: ReadonlySet<string>;
  /** Links that lead nowhere, each as `page -> link: why`. */
  readonly broken: readonly string[];
  /** Addresses elsewhere. */
  readonly outside: ReadonlySet<string>;
  /** What stands behind `#` in links to the playground: settings, not places on the page. */
  readonly settings: ReadonlySet<string>;
}

/** Follows links, pictures, styles and scripts from index.html on. */
export function followLinks(folder: string): Followed {
  const reached = new Set<string>(["index.html"]);
  const broken: string[] = [];
  const outside = new Set<string>();
  const settings = new Set<string>();
  const places = new Map<string, ReadonlySet<string>>();
  const waiting = ["index.html"];
  const pending: { from: string; link: string; path: string; place: string }[] = [];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (!path.endsWith(".html")) continue;
    const { document } = parseHTML(readFileSync(join(folder, path), "utf8"));
    const elements = [...document.querySelectorAll("[id], [name]")];
    places.set(path, new Set(elements.flatMap((element) => [element.id, element.getAttribute("name") ?? ""])));
    for (const element of document.querySelectorAll("[href], [src]")) {
      const link = element.getAttribute("href") ?? element.getAttribute("src")!;
      if (/^(data|mailto|javascript):/.test(link)) continue;
      if (/^[a-z]+:|^\/\//.test(link)) {
        outside.add(link);
        continue;
      }
      const [before = "", place = ""] = link.split("#") as [string?, string?];
      const at = before === "" ? path : normalize(join(dirname(path), decodeURIComponent(before.split("?")[0]!)));
      // Every host answers for a folder with its index.html.
      const target = at.replaceAll("\\", "/").replace(/(^|\/)\.?\/?$/, "$1index.html");
      const file = join(folder, target);
      if (relative(folder, file).startsWith("..")) broken.push(`${path} -> ${link}: leaves the site`);
      else if (!existsSync(file) || !statSync(file).isFile()) broken.push(`${path} -> ${link}: no such file`);
      else {
        if (place !== "") pending.push({ from: path, link, path: target, place });
        if (!reached.has(target)) waiting.push(target);
        reached.add(target);
      }
    }
  }
  for (const { from, link, path, place } of pending) {
    if (path === "playground/index.html" && from !== path) settings.add(place);
    else if (places.get(path)?.has(decodeURIComponent(place)) === false)
      broken.push(`${from} -> ${link}: no such place`);
  }
  return { reached, broken, outside, settings };
}
