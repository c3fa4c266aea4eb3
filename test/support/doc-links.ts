/** Links between the pages: each relative one must lead somewhere, its #anchor included. */
import { dirname, join, posix } from "node:path";
import { parseSettings } from "../../examples/playground/experiment/settings.js";
import { prose } from "./doc-programs.js";

/** Reads its settings from the anchor. */
const PLAYGROUND = "examples/playground/index.html";

/** What the pages may lead to: the text of a page, or that something else is there. */
export interface Files {
  /** By path from the root of the repository. */
  readonly pages: ReadonlyMap<string, string>;
  readonly exists: (path: string) => boolean;
}

/** The anchors of a page: one a heading, as GitHub and most other forges name them. */
export function anchorsOf(text: string): string[] {
  const counts = new Map<string, number>();
  return [...prose(keepSpans(text)).matchAll(/^#{1,6} +(.*?) *#*$/gm)].map((match) => {
    const anchor = match[1]!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
      .replaceAll(" ", "-");
    const count = counts.get(anchor) ?? 0;
    counts.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

/** Code spans in headings belong to the anchor. */
function keepSpans(text: string): string {
  return text.replace(/^#{1,6} .*$/gm, (heading) => heading.replaceAll("`", ""));
}

/** The links of a page that lead nowhere, one line a finding. */
export function brokenLinks(path: string, { pages, exists }: Files): string[] {
  const text = prose(pages.get(path)!);
  const targets = [
    ...text.matchAll(/\]\(\s*<?([^()\s<>]*(?:\([^()\s]*\))?[^()\s<>]*)>?(?:\s+"[^"]*")?\s*\)/g),
    ...text.matchAll(/^ *\[[^\]]+\]: +<?(\S+?)>?(?: +"[^"]*")?$/gm),
    ...text.matchAll(/<(?:img|a|source)\b[^>]*?\b(?:src|srcset|href)="([^"]*)"/g),
  ];
  return targets.flatMap((match) => {
    const target = match[1]!;
    const line = text.slice(0, match.index).split("\n").length;
    const finding = (why: string): string[] => [`${path}:${line} links to ${target}, ${why}`];
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
    if (target === "") return finding("which is empty");
    if (target.startsWith("/")) return finding("which is not relative");
    const [file, anchor] = target.split("#", 2) as [string, string | undefined];
    const to = file === "" ? path : posix.normalize(join(dirname(path), decodeURI(file)).replaceAll("\\", "/"));
    const page = pages.get(to) ?? pages.get(posix.join(to, "README.md"));
    if (page === undefined) {
      if (!exists(to)) return finding("which is not there");
      if (to === PLAYGROUND) return parseSettings(anchor ?? "").notes.flatMap((note) => finding(`but ${note}`));
      return anchor === undefined ? [] : finding("but only pages have anchors");
    }
    return anchor === undefined || anchorsOf(page).includes(anchor) ? [] : finding("which has no such heading");
  });
}
