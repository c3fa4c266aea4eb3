/**
 * Finds the code in the documentation: the @example of every docstring, the ts blocks of every page, the scripts of its html blocks.
 * What each mark on them means stands in docs/contributing.md, "Code in the documentation".
 */

/** A piece of documentation that runs by itself. */
export interface DocProgram {
  /** As in "docs/modes.md:12". */
  readonly name: string;
  /** A docstring may use the library's names without an import; a script runs on a page where the library is the global `batchnorm`. */
  readonly kind: "docstring" | "page" | "script";
  /** The file, as in "docs/modes.md". */
  readonly path: string;
  /** The code, each line at the line number that it has in the file; other lines are empty. */
  readonly text: string;
  /** What it must print. */
  readonly output: string;
}

/** What a file holds: its programs, and what is wrong with the marks on them, one line a finding. */
export interface DocPrograms {
  readonly programs: readonly DocProgram[];
  readonly findings: readonly string[];
}

const CONTINUED = /^\s*\/\/ continued\b/;

/** Lines of a file, all others left empty, so that line numbers stay what they are. */
function atTheirLines(lines: ReadonlyMap<number, string>): string {
  const last = Math.max(...lines.keys());
  return Array.from({ length: last }, (_, index) => lines.get(index + 1) ?? "").join("\n");
}

/** The @example of every docstring of a TypeScript file. An example ends where the comment or the next tag begins. */
export function docstringPrograms(path: string, text: string): DocPrograms {
  const programs: DocProgram[] = [];
  const findings: string[] = [];
  for (const comment of text.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    const first = text.slice(0, comment.index).split("\n").length;
    const lines = comment[0]
      .slice(3, -2)
      .split("\n")
      .map((line) => line.replace(/^\s*\* ?/, ""));
    let example: Map<number, string> | undefined;
    const finish = (): void => {
      if (example === undefined) return;
      const name = `${path}:${Math.min(...example.keys())}`;
      if ([...example.values()].every((line) => line.trim() === "")) findings.push(`${name} is an empty @example`);
      else programs.push({ name, kind: "docstring", path, text: atTheirLines(example), output: "" });
      example = undefined;
    };
    lines.forEach((line, index) => {
      const tag = /^\s*@(\w+)\b *(.*)$/.exec(line);
      if (tag === null) {
        example?.set(first + index, line);
        return;
      }
      finish();
      if (tag[1] === "example") example = new Map([[first + index, tag[2]!]]);
    });
    finish();
  }
  return { programs, findings };
}

interface Fence {
  readonly language: string;
  /** Of the opening line. */
  readonly line: number;
  readonly lines: readonly string[];
}

/** The fenced blocks of a page. */
function fencesOf(text: string): Fence[] {
  const fences: Fence[] = [];
  let open: { indent: number; marks: string; language: string; line: number; lines: string[] } | undefined;
  text.split("\n").forEach((line, index) => {
    const fence = /^( *)(`{3,}|~{3,}) *([^`]*?) *$/.exec(line);
    if (open === undefined) {
      if (fence === null) return;
      open = { indent: fence[1]!.length, marks: fence[2]!, language: fence[3]!, line: index + 1, lines: [] };
    } else if (fence !== null && fence[3] === "" && fence[2]!.startsWith(open.marks)) {
      fences.push(open);
      open = undefined;
    } else {
      open.lines.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)));
    }
  });
  if (open !== undefined) fences.push(open);
  return fences;
}

/** The text of a page outside its fenced blocks and code spans; line numbers stay what they are. */
export function prose(text: string): string {
  const lines = text.split("\n");
  for (const fence of fencesOf(text)) lines.fill("", fence.line - 1, fence.line + fence.lines.length + 1);
  return lines.join("\n").replace(/(`+)[^`][\s\S]*?\1/g, (span) => span.replace(/[^\n]/g, " "));
}

/** The programs of a Markdown page. */
export function pagePrograms(path: string, text: string): DocPrograms {
  const programs: { name: string; kind: "page" | "script"; lines: Map<number, string>; output: string[] }[] = [];
  const findings: string[] = [];
  for (const { language, line, lines } of fencesOf(text)) {
    const name = `${path}:${line}`;
    const code = new Map(lines.map((each, index) => [line + 1 + index, each]));
    const last = programs.at(-1);
    if (language === "ts") {
      if (!CONTINUED.test(lines[0] ?? "")) programs.push({ name, kind: "page", lines: code, output: [] });
      else if (last?.kind === "page") for (const [at, each] of code) last.lines.set(at, each);
      else findings.push(`${name} continues, but no ts block stands above it`);
    } else if (language === "text") {
      if (last === undefined) findings.push(`${name} is an output, but no program stands above it`);
      else last.output.push(...lines);
    } else if (language === "html") {
      const script = scriptLines(lines, line + 1);
      if (script.size > 0) programs.push({ name, kind: "script", lines: script, output: [] });
    } else if (language === "js") {
      const imports = [...lines.join("\n").matchAll(/\bfrom "([^".][^"]*)"/g)].map((match) => match[1]!);
      if (!imports.some((module) => !/^(batchnorm\b|node:)/.test(module))) {
        findings.push(`${name} is a js block, which does not run, and imports no foreign package: make it ts`);
      }
    } else if (!["", "sh", "json", "python"].includes(language)) {
      findings.push(`${name} is a block of unknown language "${language}"`);
    }
  }
  return {
    programs: programs.map(({ name, kind, lines, output }) => {
      return { name, kind, path, text: atTheirLines(lines), output: output.join("\n") };
    }),
    findings,
  };
}

/** The lines inside script elements that have no `src`. */
function scriptLines(lines: readonly string[], first: number): Map<number, string> {
  const found = new Map<number, string>();
  let inside = false;
  lines.forEach((line, index) => {
    if (/<\/script>/.test(line)) inside = false;
    if (inside) found.set(first + index, line);
    if (/<script(?![^>]*\bsrc=)[^>]*>\s*$/.test(line)) inside = true;
  });
  return found;
}
