/**
 * The documentation is right: every example in a docstring and every ts block of a page compiles, runs and gives what it says, and every
 * relative link leads somewhere. Each rule is first shown pages that break it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { anchorsOf, brokenLinks, type Files } from "./support/doc-links.js";
import { type DocPrograms, docstringPrograms, pagePrograms } from "./support/doc-programs.js";
import { DocCompiler, run, withImports } from "./support/doc-run.js";
import { isExpected, print } from "./support/doc-values.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Files under a folder, by path from the root; what the tools make or install is left out. */
function filesUnder(folder: string, ending: string): string[] {
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return /^docs\/api$|node_modules/.test(path) ? [] : filesUnder(path, ending);
    return path.endsWith(ending) ? [path] : [];
  });
}

const read = (path: string): string => readFileSync(root + path, "utf8");
const pages = new Map(
  ["README.md", ...["docs", "examples", "test"].flatMap((folder) => filesUnder(folder, ".md"))].map((path) => [
    path,
    read(path),
  ]),
);
const found: readonly DocPrograms[] = [
  ...filesUnder("src", ".ts").map((path) => docstringPrograms(path, read(path))),
  ...[...pages].filter(([path]) => !path.startsWith("test/")).map(([path, text]) => pagePrograms(path, text)),
];
const programs = found.flatMap((each) => each.programs);

let compiler: DocCompiler;
beforeAll(() => {
  compiler = new DocCompiler(programs);
}, 120_000);

/** The findings of running each program of a made-up page. */
async function runPage(...lines: string[]): Promise<string[]> {
  const { programs, findings } = pagePrograms("page.md", lines.join("\n"));
  return [...findings, ...(await Promise.all(programs.map(run))).flat()];
}

describe("values", () => {
  it.each([
    [-0, "-0"],
    [0.1 + 0.2, "0.30000000000000004"],
    ["a b", '"a b"'],
    ['say "a"', `'say "a"'`],
    [[1, [NaN, "x"]], '[1, [NaN, "x"]]'],
    [Float32Array.of(1, 0.5), "Float32Array [1, 0.5]"],
    [{ a: 1, "b c": [null, undefined] }, '{ a: 1, "b c": [null, undefined] }'],
    [{}, "{}"],
    [new Map([["a", { b: true }]]), 'Map { "a" => { b: true } }'],
  ])("%j are printed", (value, text) => {
    expect(print(value)).toBe(text);
  });

  it("without content are not printed", () => {
    expect(() =>
      print(
        new (class Counter {
          count = 0;
        })(),
      ),
    ).toThrow("a value of class Counter cannot be shown: pick a part of it");
  });

  it.each([
    ["[1, 2]", "[ 1,2 ]", true],
    ["[1, 2]", "[1, 2, 3]", false],
    ["[1, 2]", "[2, 1]", false],
    ["0.5", "0.50", false],
    ["1.2649", "1.26", false],
    ["1.2649", "about 1.26", true],
    ["1.2651", "about 1.26", false],
    ["1.25", "about 1.3", true],
    ["[-1.26, 12345]", "about [-1.3, 1.23e4]", true],
    ["[1.26, 12345]", "about [-1.3, 1.23e4]", false],
    ["-1.26", "about 1.26", false],
    ["NaN", "about 1", false],
    ['"a  b"', '"a b"', false],
  ])("%s is %s: %s", (printed, expected, agrees) => {
    expect(isExpected(printed, expected)).toBe(agrees);
  });
});

describe("a program", () => {
  const fence = "```";

  it("is compared with the output that it documents", async () => {
    expect(await runPage(`${fence}ts`, "const a = [1, 2];", "a; // => [1, 2]", "a[0]; // => 2", fence)).toEqual([
      "page.md:4 says 2, but it is 1",
    ]);
    expect(await runPage(`${fence}ts`, "[[1], [2]]; // => [[1],", "//    [3]]", fence)).toEqual([
      "page.md:2 says [[1], [3]], but it is [[1], [2]]",
    ]);
  });

  it("may wrap documented output at a space", async () => {
    expect(await runPage(`${fence}ts`, '"a b c";', '// => "a b', '//    c"', fence)).toEqual([]);
  });

  it("may document output on the next line", async () => {
    expect(await runPage(`${fence}ts`, "isNaN(1);", "// => true", "isNaN(2);", "", "// => true", fence)).toEqual([
      "page.md: 1 of 2 marks in the program stand behind no expression statement",
    ]);
    expect(await runPage(`${fence}ts`, "isNaN(1);", "// => true", fence)).toEqual([
      "page.md:2 says true, but it is false",
    ]);
  });

  it("is compared with the error that it documents", async () => {
    const thrown = (line: string): Promise<string[]> => runPage(`${fence}ts`, line, fence);
    expect(await thrown('await Promise.reject(new RangeError("no")); // throws RangeError: no')).toEqual([]);
    expect(await thrown("[].at(0)!.length; // throws RangeError: no")).toEqual([
      "page.md:2 says RangeError: no, but it is TypeError: Cannot read properties of undefined (reading 'length')",
    ]);
    expect(await thrown("1 + 1; // throws RangeError: no")).toEqual([
      "page.md:2 says RangeError: no, but it is no error",
    ]);
    expect(await thrown('throw new RangeError("no");')).toEqual(["page.md:1 throws RangeError: no"]);
  });

  it("cannot hide a marker", async () => {
    expect(await runPage(`${fence}ts`, "const a = 1; // => 2", fence)).toEqual([
      "page.md: 1 of 1 marks in the program stand behind no expression statement",
    ]);
    expect(await runPage(`${fence}ts`, "if (Number.isNaN(1)) {", "  isNaN(1); // => true", "}", fence)).toEqual([
      "page.md:3 is never reached",
    ]);
  });

  it("prints what the page shows", async () => {
    const program = [`${fence}ts`, 'console.log("a", 0.5, [1]);', "console.log();", fence];
    expect(await runPage(...program, `${fence}text`, "a 0.5 [1]", "", fence)).toEqual([]);
    expect(await runPage(...program, `${fence}text`, "a 0.5 [2]", "", fence)).toEqual([
      "page.md:1 prints\na 0.5 [1]\n\nbut the page shows\na 0.5 [2]\n",
    ]);
    expect(await runPage(...program)).toEqual(["page.md:1 prints\na 0.5 [1]\n\nbut the page shows\n"]);
  });

  it("continues an earlier one only where the page says so", async () => {
    const first = [`${fence}ts`, "const a = 1;", fence];
    expect(await runPage(...first, `${fence}ts`, "// continued", "a; // => 1", fence)).toEqual([]);
    expect(await runPage(...first, `${fence}ts`, "a; // => 1", fence)).toEqual([
      "page.md:4 throws ReferenceError: a is not defined",
    ]);
    expect(await runPage(`${fence}ts`, "// continued", fence)).toEqual([
      "page.md:1 continues, but no ts block stands above it",
    ]);
  });

  it("imports the package through its entry points", async () => {
    const program = (name: string): string[] => [
      `${fence}ts`,
      `import { plainKernels } from "${name}";`,
      "plainKernels.name; // => 'x'",
      fence,
    ];
    expect(await runPage(...program("batchnorm/kernels"))).toEqual([`page.md:3 says 'x', but it is "plain"`]);
    expect(await runPage(...program("tensors"))).toEqual([
      "page.md:1 throws Error: tensors is no entry of the package",
    ]);
  });

  it("may be a script in an HTML page", async () => {
    const script = ["<script src='a.js'></script>", "<script>", "  typeof batchnorm.BatchNorm; // => 'x'", "</script>"];
    expect(await runPage(`${fence}html`, ...script, fence)).toEqual([`page.md:4 says 'x', but it is "function"`]);
  });

  it("cannot evade the check by naming another language", async () => {
    expect(await runPage(`${fence}javascript`, fence)).toEqual([
      'page.md:1 is a block of unknown language "javascript"',
    ]);
    expect(await runPage(`${fence}js`, 'import { a } from "batchnorm";', fence)).toEqual([
      "page.md:1 is a js block, which does not run, and imports no foreign package: make it ts",
    ]);
    expect(await runPage(`${fence}js`, 'import { a } from "@tensorflow/tfjs";', fence)).toEqual([]);
    expect(await runPage(`${fence}text`, fence)).toEqual(["page.md:1 is an output, but no program stands above it"]);
  });
});

describe("an example in a docstring", () => {
  const source = [
    "/** @example */",
    "export const a = 1;",
    "/**",
    " * Sentence.",
    " *",
    " * @example",
    " * const x = Tensor.from([1]);",
    " * x.shape;   // => [2]",
    " *",
    " * @example const o: Objective = () => ({ loss: x, gradient: new Float64Array(1) });",
    " * @throws {Error} never",
    " */",
  ].join("\n");

  it("is found with its line, and ends at the next tag", () => {
    const { programs, findings } = docstringPrograms("src/index.ts", source);
    expect(findings).toEqual(["src/index.ts:1 is an empty @example"]);
    expect(programs.map(({ name, text }) => [name, text.trim()])).toEqual([
      ["src/index.ts:6", "const x = Tensor.from([1]);\nx.shape;   // => [2]"],
      ["src/index.ts:10", "const o: Objective = () => ({ loss: x, gradient: new Float64Array(1) });"],
    ]);
  });

  it("runs with the exports of the library and compiles against its types", async () => {
    const [first, second] = docstringPrograms("src/index.ts", source).programs;
    expect(await run(withImports(first!, compiler.names))).toEqual(["src/index.ts:8 says [2], but it is [1]"]);
    expect(compiler.findings([first!, second!])).toEqual(["src/index.ts:10 Cannot find name 'x'."]);
    const elsewhere = { ...first!, path: "src/kernels/relu.ts", text: "\nrelu(1);" };
    expect(compiler.findings([elsewhere])).toEqual([
      "src/kernels/relu.ts:2 Argument of type 'number' is not assignable to parameter of type 'ElementwiseArguments'.",
    ]);
  });
});

describe("links", () => {
  const check = (text: string): string[] => {
    const files: Files = {
      pages: new Map([
        ["docs/page.md", text],
        ["docs/other.md", "# The `other` page\n## Same\n## Same\n"],
        ["docs/README.md", ""],
      ]),
      exists: (path) => path === "src/index.ts" || path === "docs",
    };
    return brokenLinks("docs/page.md", files);
  };

  it.each([
    ["[a](missing.md)", "missing.md, which is not there"],
    ["![a](images/a.svg)", "images/a.svg, which is not there"],
    ['<img src="a.png">', "a.png, which is not there"],
    ["[a]: missing.md", "missing.md, which is not there"],
    ["[a](other.md#none)", "other.md#none, which has no such heading"],
    ["[a](#none)", "#none, which has no such heading"],
    ["[a](../src/index.ts#L1)", "../src/index.ts#L1, but only pages have anchors"],
    ["[a](/docs/other.md)", "/docs/other.md, which is not relative"],
    ["[a]()", ", which is empty"],
  ])("%s is found", (text, finding) => {
    expect(check(`# Page\n${text}`)).toEqual([`docs/page.md:2 links to ${finding}`]);
  });

  it.each([
    "[a](other.md#the-other-page) [b](other.md#same) [c](other.md#same-1)",
    "[a](../src/index.ts) [b](#page) [c](.) [d](https://example.org/none)",
    "`[a](missing.md)`",
    "```\n[a](missing.md)\n```",
  ])("%s is not", (text) => {
    expect(check(`# Page\n${text}`)).toEqual([]);
  });

  it("lead to headings by the anchors that GitHub generates", () => {
    expect(anchorsOf("# A b: `c_d` & [e](f.md)!\n```\n# no heading\n```\n### Über 2.1 - x\n")).toEqual([
      "a-b-c_d--e",
      "über-21---x",
    ]);
  });
});

describe("the documentation", () => {
  it("marks its code by the rules", () => {
    expect(found.flatMap((each) => each.findings)).toEqual([]);
    expect(programs.length).toBeGreaterThan(30);
  });

  it("compiles", () => {
    expect(compiler.findings(programs)).toEqual([]);
  }, 120_000);

  it.each(programs.map((program) => [program.name, program] as const))(
    "%s prints what it documents",
    async (_, program) => {
      expect(await run(withImports(program, compiler.names))).toEqual([]);
    },
  );

  it.each([...pages.keys()])("%s has no broken links", (path) => {
    expect(brokenLinks(path, { pages, exists: (to) => existsSync(root + to) })).toEqual([]);
  });
});
