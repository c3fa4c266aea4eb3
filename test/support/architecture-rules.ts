/**
 * The rules of the house, as functions of a file's path (from src/) and its text. Each returns what breaks the rule, one line a finding.
 * They read the syntax tree, so comments and strings cannot mislead them. `architecture.test.ts` applies them to src, and first to bad code.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";

/** Path from src/ to text, for example `tensor/shape.ts`. */
export type Sources = ReadonlyMap<string, string>;

export const MAXIMUM_LINES = 250;

/**
 * What each floor may import besides itself: floors, or single files of one.
 * Kernels know shapes and flat arrays, never a Tensor; the measuring tower knows neither.
 */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  ground: [],
  tensor: ["ground"],
  kernels: ["ground", "tensor/shape.ts"],
  layers: ["ground", "tensor", "kernels"],
  variants: ["ground", "tensor", "kernels", "layers"],
  training: ["ground", "tensor", "kernels", "layers"],
  formats: ["ground", "tensor", "layers", "training"],
  objective: ["ground"],
  probes: ["ground", "objective"],
  // on the bridge: sees models and measures them
  tools: ["ground", "tensor", "kernels", "layers", "variants", "training", "objective", "probes"],
};
const BRIDGE: readonly string[] = ["model-objective.ts", "check-layer.ts"];
const WASM_FOLDER = "kernels/wasm/";
/** AssemblyScript: another language in TypeScript's clothes, with names of its own. */
const ASSEMBLY_FOLDER = "kernels/wasm/assembly/";

/** Names of the language that src must do without. */
const FORBIDDEN: ReadonlyMap<string, string> = new Map([
  ["eval", "runs text as code"],
  ["Function", "runs text as code"],
  ["Date", "reads the host's clock"],
  ["globalThis", "reaches host names"],
]);

/** The functions of Math whose result the standard fixes to the bit: any other differs between engines. */
const EXACT_MATH = new Set(
  "E LN2 LN10 LOG2E LOG10E PI SQRT1_2 SQRT2 abs ceil clz32 floor fround imul max min round sign sqrt trunc".split(" "),
);

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => {
    walk(child, visit);
  });
}

function at(node: ts.Node, message: string): string {
  const file = node.getSourceFile();
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1} ${message}`;
}

/** Every module that a file names, types included: import and export declarations, `import x = require()`, `import()` as value and as type. */
function importsOf(file: ts.SourceFile): { readonly node: ts.Node; readonly module: string }[] {
  const found: { node: ts.Node; module: string }[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined): void => {
    if (specifier === undefined) return;
    found.push({ node, module: ts.isStringLiteralLike(specifier) ? specifier.text : specifier.getText() });
  };
  walk(file, (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node, node.moduleSpecifier);
    else if (ts.isExternalModuleReference(node)) add(node, node.expression);
    else if (ts.isImportTypeNode(node))
      add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node, node.arguments[0]);
  });
  return found;
}

/** `../tensor/shape.js` in `layers/dense.ts` -> `tensor/shape.ts`; undefined for anything but a relative path with its suffix. */
function target(from: string, module: string): string | undefined {
  if (!module.startsWith(".") || !module.endsWith(".js")) return undefined;
  return join(dirname(from), module).replaceAll("\\", "/").replace(/\.js$/, ".ts");
}

function floorOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

function mayImport(from: string, to: string): boolean {
  if (from === "index.ts") return to !== "index.ts";
  if (BRIDGE.includes(from)) return floorOf(to) in FLOORS || BRIDGE.includes(to);
  const floor = floorOf(from);
  const allowed = FLOORS[floor] ?? [];
  return floor === floorOf(to) || allowed.includes(floorOf(to)) || allowed.includes(to);
}

/** Imports that climb, cross to the other tower, or leave src. */
export function floorViolations(path: string, text: string): string[] {
  const known = path === "index.ts" || BRIDGE.includes(path) || floorOf(path) in FLOORS;
  const findings = known ? [] : [`${path} stands on no floor of the house`];
  for (const { node, module } of importsOf(parse(path, text))) {
    const to = target(path, module);
    if (to === undefined) findings.push(at(node, `imports ${module}, which is no relative path ending in .js`));
    else if (to.startsWith("../")) findings.push(at(node, `imports ${module}, which lies outside src`));
    else if (!mayImport(path, to)) findings.push(at(node, `may not import ${to}`));
  }
  return findings;
}

/** Import cycles, types included: each as `a.ts -> b.ts -> a.ts`. */
export function importCycles(sources: Sources): string[] {
  const findings: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      findings.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    const text = sources.get(path);
    if (finished.has(path) || text === undefined) return;
    for (const { module } of importsOf(parse(path, text))) {
      const to = target(path, module);
      if (to !== undefined) visit(to, [...trail, path]);
    }
    finished.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
  return findings;
}

/** The global names of ECMAScript 2023 and of TypeScript's utility types, read from the compiler's own library without DOM. */
const STANDARD_NAMES: ReadonlySet<string> = standardNames();

function standardNames(): Set<string> {
  const folder = dirname(ts.getDefaultLibFilePath({}));
  const names = new Set(["undefined", "arguments"]);
  for (const name of readdirSync(folder)) {
    if (
      !/^lib\.(es5|es2015|es2016|es2017|es2018|es2019|es202[0-3])(\.\w+)*\.d\.ts$/.test(name) ||
      name.includes(".full.")
    )
      continue;
    for (const statement of parse(name, readFileSync(join(folder, name), "utf8")).statements) {
      if (ts.isVariableStatement(statement)) {
        for (const declaration of statement.declarationList.declarations) names.add(declaration.name.getText());
      } else if (
        ts.isInterfaceDeclaration(statement) ||
        ts.isTypeAliasDeclaration(statement) ||
        ts.isFunctionDeclaration(statement) ||
        ts.isModuleDeclaration(statement)
      ) {
        if (statement.name !== undefined) names.add(statement.name.text);
      }
    }
  }
  return names;
}

/** Whether the identifier refers to a variable or type, rather than being a key, a property after a dot, or a label. */
function isReference(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isQualifiedName(parent)) return parent.left === node;
  if (ts.isBindingElement(parent)) return parent.propertyName !== node;
  if (ts.isExportSpecifier(parent))
    return parent.parent.parent.moduleSpecifier === undefined && (parent.propertyName ?? parent.name) === node;
  if (ts.isImportSpecifier(parent)) return parent.name === node;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isPropertyDeclaration(parent)) return parent.initializer === node;
  if (ts.isNamedTupleMember(parent)) return parent.name !== node;
  if (ts.isImportTypeNode(parent) || ts.isNamespaceExport(parent) || ts.isMetaProperty(parent)) return false;
  if (ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent)) return false;
  return !(
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isPropertySignature(parent) ||
    ts.isAccessor(parent) ||
    ts.isEnumMember(parent)
  );
}

/** Whether the identifier is where a variable, parameter, function, class, type or import gets its name. */
function isDeclaration(node: ts.Identifier): boolean {
  const parent = node.parent;
  return (
    (ts.isVariableDeclaration(parent) ||
      ts.isParameter(parent) ||
      ts.isBindingElement(parent) ||
      ts.isFunctionDeclaration(parent) ||
      ts.isFunctionExpression(parent) ||
      ts.isClassLike(parent) ||
      ts.isInterfaceDeclaration(parent) ||
      ts.isTypeAliasDeclaration(parent) ||
      ts.isTypeParameterDeclaration(parent) ||
      ts.isEnumDeclaration(parent) ||
      ts.isModuleDeclaration(parent) ||
      ts.isImportClause(parent) ||
      ts.isImportSpecifier(parent) ||
      ts.isNamespaceImport(parent) ||
      ts.isImportEqualsDeclaration(parent)) &&
    parent.name === node
  );
}

/**
 * Names that a file neither declares nor imports and that are not the language's: all of Node and the DOM, without a list of them.
 * `declare` would smuggle one in, so only the WebAssembly folder may use it, and for that one name.
 */
export function hostNames(path: string, text: string): string[] {
  const file = parse(path, text);
  const mayDeclare = path.startsWith(WASM_FOLDER) ? "WebAssembly" : undefined;
  const declared = new Set<string>();
  const findings: string[] = [];
  walk(file, (node) => {
    if (ts.isIdentifier(node) && isDeclaration(node)) declared.add(node.text);
    if (node.kind !== ts.SyntaxKind.DeclareKeyword || ts.isPropertyDeclaration(node.parent)) return;
    const statement = node.parent;
    const names = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map((declaration) => declaration.name.getText())
      : [(statement as ts.DeclarationStatement).name?.getText() ?? "?"];
    for (const name of names) if (name !== mayDeclare) findings.push(at(node, `declares ${name}, a name of the host`));
  });
  walk(file, (node) => {
    if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword)
      findings.push(at(node, "uses import.meta"));
    if (!ts.isIdentifier(node) || !isReference(node) || declared.has(node.text)) return;
    const reason = FORBIDDEN.get(node.text);
    if (reason !== undefined) findings.push(at(node, `uses ${node.text}, which ${reason}`));
    else if (node.text !== "const" && !STANDARD_NAMES.has(node.text))
      findings.push(at(node, `uses ${node.text}, a name of the host`));
  });
  return findings;
}

/**
 * Uses of Math beyond what every engine computes to the same bits, and Math itself in any form but `Math.name`.
 * The standard leaves powers to the engine too; all engines multiply for squares, and constants like `2 ** 32` are exact.
 */
export function inexactMath(path: string, text: string): string[] {
  const findings: string[] = [];
  walk(parse(path, text), (node) => {
    if (ts.isBinaryExpression(node) && isPower(node.operatorToken.kind)) {
      const harmless = node.right.getText() === "2" || (isNumber(node.left) && isNumber(node.right));
      if (!harmless)
        findings.push(at(node, `uses ${node.operatorToken.getText()}, which differs between engines: multiply`));
    }
    if (!ts.isIdentifier(node) || node.text !== "Math" || !isReference(node)) return;
    const parent = node.parent;
    if (!ts.isPropertyAccessExpression(parent)) findings.push(at(node, "uses Math other than as Math.name"));
    else if (!EXACT_MATH.has(parent.name.text))
      findings.push(at(node, `uses Math.${parent.name.text}, which differs between engines or runs`));
  });
  return findings;
}

function isPower(operator: ts.SyntaxKind): boolean {
  return operator === ts.SyntaxKind.AsteriskAsteriskToken || operator === ts.SyntaxKind.AsteriskAsteriskEqualsToken;
}

function isNumber(node: ts.Expression): boolean {
  return ts.isNumericLiteral(ts.isPrefixUnaryExpression(node) ? node.operand : node);
}

/** Errors whose message is not made by `complaint`, and so may read unlike all others. */
export function loneErrors(path: string, text: string): string[] {
  const findings: string[] = [];
  walk(parse(path, text), (node) => {
    if (!ts.isNewExpression(node) || !/^(Shape|Range|Type)Error$/.test(node.expression.getText())) return;
    const message = node.arguments?.[0];
    const worded =
      message !== undefined && ts.isCallExpression(message) && message.expression.getText() === "complaint";
    if (!worded) findings.push(at(node, `words a ${node.expression.getText()} by itself, without complaint()`));
  });
  return findings;
}

/** Streams that src would start by itself: whoever wants randomness passes it in. */
export function ownSeeds(path: string, text: string): string[] {
  const findings: string[] = [];
  walk(parse(path, text), (node) => {
    if (ts.isNewExpression(node) && node.expression.getText() === "Random")
      findings.push(at(node, "starts a random stream of its own"));
  });
  return findings;
}

const DOCSTRING_PARTS = ["Shapes", "Units", "Modes", "Numerics", "Cost", "Source", "@throws", "@example"];

/** Docstrings whose parts do not stand in the order that all of them share. */
export function unorderedDocstrings(path: string, text: string): string[] {
  return [...text.matchAll(/\/\*\*.*?\*\//gs)].flatMap((docstring) => {
    const parts = [...docstring[0].matchAll(/^ *\* (?:([A-Z][a-z]+) {2,}|(@throws|@example)\b)/gm)]
      .map(([, word, tag]) => word ?? tag!)
      .filter((part) => DOCSTRING_PARTS.includes(part));
    const sorted = parts.toSorted((a, b) => DOCSTRING_PARTS.indexOf(a) - DOCSTRING_PARTS.indexOf(b));
    if (parts.join() === sorted.join()) return [];
    const line = text.slice(0, docstring.index).split("\n").length;
    return [`${path}:${line} has its docstring's parts in the order ${parts.join(", ")}`];
  });
}

export function countLines(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

export function oversized(path: string, text: string): string[] {
  const lines = countLines(text);
  return lines <= MAXIMUM_LINES ? [] : [`${path} has ${lines} lines, more than ${MAXIMUM_LINES}`];
}

/** What a manifest would make its users install. */
export function runtimeDependencies(manifest: Readonly<Record<string, unknown>>): string[] {
  const fields = [
    "dependencies",
    "peerDependencies",
    "optionalDependencies",
    "bundleDependencies",
    "bundledDependencies",
  ];
  return fields.filter((field) => field in manifest);
}

/** All TypeScript files under a folder, AssemblyScript left out. */
export function readSources(folder: string): Sources {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return new Map(
    paths
      .map((path) => path.replaceAll("\\", "/"))
      .filter((path) => path.endsWith(".ts") && !path.startsWith(ASSEMBLY_FOLDER))
      .sort()
      .map((path) => [path, readFileSync(join(folder, path), "utf8")]),
  );
}
