/**
 * `npm run build:wasm`: compiles the AssemblyScript kernels and writes them as a TypeScript module, ../module.ts.
 *
 * Every exported function of a kernel file is generic in the dtype; it is compiled twice and exported as `name32` and
 * `name64`. The signatures become the interface `Routines` of the written module, so that the caller's types cannot
 * drift from the code. The output depends on nothing but the sources and the compiler's version.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const here = fileURLToPath(new URL(".", import.meta.url));
const KERNELS = ["matmul", "rows", "planes", "elementwise", "losses", "optimizers"];
const HELPERS = ["vectors", "exp"];

/** Bytes of memory, all that the kernels ever have. */
const PAGES = 256;

const signature = /^export function (\w+)<T>\(([^)]*)\): (\w+)/gm;

/** The exported functions of one kernel file: name, parameters as [name, type], result. */
function functionsOf(text) {
  return [...text.matchAll(signature)].map(([, name, list, result]) => {
    const parameters = list
      .split(",")
      .map((parameter) => parameter.trim())
      .filter((parameter) => parameter !== "")
      .map((parameter) => parameter.split(": "));
    return { name, parameters, result };
  });
}

function instantiate({ name, parameters, result }, type, suffix) {
  const list = parameters.map(([parameter, kind]) => `${parameter}: ${kind === "T" ? type : kind}`).join(", ");
  const values = parameters.map(([parameter]) => parameter).join(", ");
  return `export function ${name}${suffix}(${list}): ${result} { return ${name}<${type}>(${values}); }`;
}

function declare({ name, parameters, result }) {
  const typeOf = (kind) => (kind === "bool" ? "boolean" : kind === "void" ? "void" : "number");
  const list = parameters.map(([parameter, kind]) => `${parameter}: ${typeOf(kind)}`);
  const line = `  ${name}(${list.join(", ")}): ${typeOf(result)};\n`;
  return line.length <= 121
    ? line
    : `  ${name}(\n${list.map((each) => `    ${each},\n`).join("")}  ): ${typeOf(result)};\n`;
}

/**
 * Writes a loop marked `do { // unroll N` out N times, with its exit test after each step. The tests matter: without them V8
 * hoists the loads of the next steps and runs out of registers.
 */
function unroll(text) {
  return text.replace(
    /( *)do \{ \/\/ unroll (\d+)\n(.*?)\n\1\} while \((.*?)\);/gs,
    (_, indent, times, body, condition) => {
      const step = `${indent}  {\n${body}\n${indent}  }\n${indent}  if (!(${condition})) break;\n`;
      return `${indent}while (true) {\n${step.repeat(Number(times))}${indent}}`;
    },
  );
}

/**
 * The printable characters but for space, quote, backslash and "<", the commonest of minified code first: what is common in the
 * module takes the codes that gzip gives to what is common around it.
 */
const CHARACTERS = "etr,nao()si=l.uhf:cd;{}mpwyg+0[]bvk1*>`?!2E$&T-KMALNRx/|BSO634HFz#PVj8DWUGI95q_7CYQZJX^'%@~";

/** The text of some bytes, as ../encoding.ts reads it. */
export function encodeBytes(bytes) {
  const counts = new Array(256).fill(0);
  for (const byte of bytes) counts[byte]++;
  const byCount = [...counts.keys()].filter((byte) => counts[byte] > 0).sort((a, b) => counts[b] - counts[a] || a - b);
  const key = new Array(256).fill(" ");
  byCount.slice(0, CHARACTERS.length).forEach((byte, rank) => (key[byte] = CHARACTERS[rank]));
  const half = (value) => String.fromCharCode(97 + value);
  const parts = Array.from(bytes, (byte) => (key[byte] === " " ? ` ${half(byte >> 4)}${half(byte & 15)}` : key[byte]));
  return key.join("") + parts.join("");
}

/** The text of module.ts. */
export async function build() {
  const sources = new Map(
    [...KERNELS, ...HELPERS].map((name) => [`${name}.ts`, unroll(readFileSync(`${here}${name}.ts`, "utf8"))]),
  );
  const functions = KERNELS.map((name) => ({ file: name, list: functionsOf(sources.get(`${name}.ts`)) }));
  const lines = [];
  for (const { file, list } of functions) {
    lines.push(`import { ${list.map(({ name }) => name).join(", ")} } from "./${file}";`);
    for (const each of list) lines.push(instantiate(each, "f32", "32"), instantiate(each, "f64", "64"));
  }
  lines.push("export function scratchStart(): usize { return __heap_base; }");
  sources.set("kernels.ts", `${lines.join("\n")}\n`);

  const written = new Map();
  const options = ["-O3", "--noAssert", "--runtime", "stub", "--use", "abort=", "--enable", "simd"];
  const memory = ["--initialMemory", `${PAGES}`, "--maximumMemory", `${PAGES}`];
  const { error, stderr } = await asc.main(["kernels.ts", ...options, ...memory, "--outFile", "kernels.wasm"], {
    readFile: (name) => sources.get(name) ?? null,
    writeFile: (name, data) => void written.set(name, data),
    listFiles: () => [],
  });
  if (error) throw new Error(stderr.toString());
  const bytes = written.get("kernels.wasm");
  const routines = functions.flatMap(({ list }) => list.map(declare)).join("");
  return `// Generated by \`npm run build:wasm\` from the AssemblyScript sources in assembly/. Do not edit.

/** The routines of the module; each is exported twice, with 32 and with 64 behind its name, for the two dtypes. */
export interface Routines {
${routines}}

/** The compiled module, to be read by \`decodeBytes\`. */
export const moduleText: string =
  "${encodeBytes(bytes)}";
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(`${here}../module.ts`, await build());
}
