/** Runs the programs of the documentation and compares what they give with what they say; and compiles them as a user's compiler would. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runInThisContext } from "node:vm";
import ts from "typescript";
import type { DocProgram } from "./doc-programs.js";
import { isExpected, print } from "./doc-values.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

const config = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path)).config as {
  readonly compilerOptions: { readonly paths: Readonly<Record<string, readonly [string]>> };
};
/** The entries of the package: the name that users import, and the file behind it. */
const ENTRIES: readonly (readonly [string, string])[] = Object.entries(config.compilerOptions.paths).map(
  ([name, [path]]) => [name, join(root, path)],
);

async function load(path: string): Promise<object> {
  return (await import(/* @vite-ignore */ path)) as object;
}

/** "src/layers/dense.ts" -> "./src/layers/dense.js", as a file at the root of the repository would import it. */
function specifierOf(path: string): string {
  return `./${path.replace(/\.ts$/, ".js")}`;
}

interface Expectation {
  readonly line: number;
  readonly text: string;
  readonly throws: boolean;
  reached: boolean;
}

/** What a program finds around it: each entry is a parameter of the function that the program becomes. */
interface Host {
  readonly require: (name: string) => object;
  readonly exports: object;
  readonly console: { readonly log: (...values: unknown[]) => void };
  readonly batchnorm: object | undefined;
  /** Compares a value with what the program says. */
  readonly $value: (id: number, value: unknown) => void;
  /** Compares the error of a piece of work with what the program says. */
  readonly $failure: (id: number, work: () => unknown) => Promise<void>;
}

/** Runs a program; gives what is not as it says, one line a finding. */
export async function run(program: DocProgram): Promise<string[]> {
  const { code, expectations, findings } = instrument(program);
  if (findings.length > 0) return findings;
  const printed: string[] = [];
  const compare = (id: number, got: string): void => {
    const expectation = expectations[id]!;
    expectation.reached = true;
    if (isExpected(got, expectation.text)) return;
    findings.push(`${program.path}:${expectation.line} says ${expectation.text}, but it is ${got}`);
  };
  const modules = new Map<string, object>();
  for (const [name, path] of ENTRIES) if (program.text.includes(`"${name}"`)) modules.set(name, await load(path));
  if (program.kind === "docstring") modules.set(specifierOf(program.path), await load(join(root, program.path)));
  const host: Host = {
    require: (name) => {
      const module = modules.get(name);
      if (module === undefined) throw new Error(`${name} is no entry of the package`);
      return module;
    },
    console: {
      log: (...values) =>
        void printed.push(values.map((each) => (typeof each === "string" ? each : print(each))).join(" ")),
    },
    exports: {},
    batchnorm: program.kind === "script" ? await import("batchnorm") : undefined,
    $value: (id, value) => {
      compare(id, print(value));
    },
    $failure: async (id, work) => {
      let got = "no error";
      try {
        await work();
      } catch (error) {
        got = String(error);
      }
      compare(id, got);
    },
  };
  const source = `(async (${Object.keys(host).join(", ")}) => {${code}\n})`;
  try {
    await (runInThisContext(source, program.name) as (...host: unknown[]) => Promise<void>)(
      ...(Object.values(host) as unknown[]),
    );
  } catch (error) {
    findings.push(`${program.name} throws ${String(error)}`);
  }
  if (findings.length === 0) {
    for (const { line, reached } of expectations)
      if (!reached) findings.push(`${program.path}:${line} is never reached`);
    const output = printed.join("\n");
    if (output !== program.output)
      findings.push(`${program.name} prints\n${output}\nbut the page shows\n${program.output}`);
  }
  return findings;
}

const MARK = /\/\/ (=>|throws \w+Error:)/g;

/** Turns `expression; // => value` into a call that compares, and `// throws` into one that catches. */
function instrument({ path, text, kind }: DocProgram): {
  code: string;
  expectations: Expectation[];
  findings: string[];
} {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const expectations: Expectation[] = [];
  const edits: { start: number; end: number; text: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node)) {
      const mark = expected(text.slice(node.end));
      if (mark !== undefined) {
        const id = expectations.length;
        const line = file.getLineAndCharacterOfPosition(node.end).line + 1;
        expectations.push({ ...mark, line, reached: false });
        const expression = node.expression.getText(file);
        const call = mark.throws
          ? `await $failure(${id}, async () => (${expression}));`
          : `$value(${id}, (${expression}));`;
        edits.push({ start: node.getStart(file), end: node.end, text: call });
        return;
      }
    }
    node.forEachChild(visit);
  };
  visit(file);
  const findings: string[] = [];
  const marks = text.match(MARK)?.length ?? 0;
  if (marks !== expectations.length) {
    findings.push(
      `${path}: ${marks - expectations.length} of ${marks} marks in the program stand behind no expression statement`,
    );
  }
  let code = text;
  for (const { start, end, text: call } of edits.reverse()) code = code.slice(0, start) + call + code.slice(end);
  const module = kind === "script" ? ts.ModuleKind.Preserve : ts.ModuleKind.CommonJS;
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module,
    moduleDetection: ts.ModuleDetectionKind.Legacy,
  };
  return { code: ts.transpileModule(code, { compilerOptions }).outputText, expectations, findings };
}

/**
 * What the comment behind a statement, on its line or the next, says that the statement gives. Lines that are comments alone,
 * indented behind the slashes, go on with it, one space between them.
 */
function expected(behind: string): Pick<Expectation, "text" | "throws"> | undefined {
  const mark = /^[ \t]*(?:\n[ \t]*)?\/\/ (=>|throws) +([^\n]*(?:\n[ \t]*\/\/ {3,}[^\n]*)*)/.exec(behind);
  if (mark === null || (mark[1] === "throws" && !/^\w+Error: /.test(mark[2]!))) return undefined;
  return { text: mark[2]!.replace(/\n[ \t]*\/\/ +/g, " "), throws: mark[1] === "throws" };
}

/** The names that modules export, by import specifier, and whether each is a type alone. */
export type ExportedNames = ReadonlyMap<string, ReadonlyMap<string, boolean>>;

/** A program as it is compiled and run: a docstring gets the imports that it does without, from its own file or an entry of the package. */
export function withImports(program: DocProgram, names: ExportedNames): DocProgram {
  if (program.kind !== "docstring") return program;
  const used = new Set(program.text.match(/[\w$]+/g));
  const taken = new Set<string>();
  let imports = "";
  for (const module of [specifierOf(program.path), ...ENTRIES.map(([name]) => name)]) {
    const wanted = [...(names.get(module) ?? [])].filter(([name]) => used.has(name) && !taken.has(name));
    for (const [name] of wanted) taken.add(name);
    const list = wanted.map(([name, isType]) => (isType ? `type ${name}` : name)).join(", ");
    if (list !== "") imports += `import { ${list} } from "${module}"; `;
  }
  // On the first line, which in a source file belongs to no example: the other lines keep their numbers.
  return { ...program, text: imports + program.text };
}

/** The compiler, with the library loaded: it knows what can be imported and checks programs against it. */
export class DocCompiler {
  readonly names: ExportedNames;
  readonly #options: ts.CompilerOptions;
  readonly #library: ts.Program;

  /** Loads the package, and the source files whose docstrings hold programs. */
  constructor(programs: readonly DocProgram[]) {
    this.#options = {
      ...ts.parseJsonConfigFileContent(config, ts.sys, root).options,
      // What the rules of src ask beyond strictness is not asked of examples.
      isolatedDeclarations: false,
      declaration: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
      lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
    };
    const modules = new Map(ENTRIES);
    for (const { kind, path } of programs) if (kind === "docstring") modules.set(specifierOf(path), join(root, path));
    this.#library = ts.createProgram([...modules.values()], this.#options);
    const checker = this.#library.getTypeChecker();
    const exportsOf = (path: string): Map<string, boolean> => {
      const module = checker.getSymbolAtLocation(this.#library.getSourceFile(path)!);
      const symbols = module === undefined ? [] : checker.getExportsOfModule(module);
      const named = symbols.map((symbol) => {
        const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
        return [symbol.name, (target.flags & ts.SymbolFlags.Value) === 0] as const;
      });
      return new Map(named);
    };
    this.names = new Map([...modules].map(([name, path]) => [name, exportsOf(path)]));
  }

  /** What the compiler says about programs, one line a finding. Scripts of pages are plain JavaScript and not compiled. */
  findings(programs: readonly DocProgram[]): string[] {
    const texts = new Map<string, DocProgram>();
    programs.forEach((program, index) => {
      // `export {}` makes a module of a program that imports nothing.
      const text = `${withImports(program, this.names).text}\nexport {};`;
      if (program.kind !== "script") texts.set(join(root, `.docs-${index}.ts`), { ...program, text });
    });
    const host = ts.createCompilerHost(this.#options);
    const { fileExists, getSourceFile } = {
      fileExists: host.fileExists.bind(host),
      getSourceFile: host.getSourceFile.bind(host),
    };
    host.fileExists = (path) => texts.has(path) || fileExists(path);
    host.getSourceFile = (path, language) => {
      const program = texts.get(path);
      if (program === undefined) return this.#library.getSourceFile(path) ?? getSourceFile(path, language);
      const file = ts.createSourceFile(path, program.text, language);
      file.impliedNodeFormat = ts.ModuleKind.ESNext;
      return file;
    };
    const compiled = ts.createProgram([...texts.keys()], this.#options, host, this.#library);
    return [...texts].flatMap(([path, program]) => {
      const file = compiled.getSourceFile(path);
      return [...compiled.getSyntacticDiagnostics(file), ...compiled.getSemanticDiagnostics(file)].map((diagnostic) => {
        const { line } = ts.getLineAndCharacterOfPosition(file!, diagnostic.start ?? 0);
        return `${program.path}:${line + 1} ${ts.flattenDiagnosticMessageText(diagnostic.messageText, " ")}`;
      });
    });
  }
}
