import js from "@eslint/js";
import tseslint from "typescript-eslint";

const LONE_ERROR = {
  selector: "NewExpression[callee.name=/^(Shape|Range|Type)Error$/]:not([arguments.0.callee.name='complaint'])",
  message: "Word it with complaint(), as all errors are.",
};
const OWN_SEED = { selector: "NewExpression[callee.name='Random']", message: "Let the caller pass the randomness in." };
const HOST_DECLARATION = {
  selector: ":matches(VariableDeclaration, ClassDeclaration, TSDeclareFunction, TSModuleDeclaration)[declare=true]",
  message: "src knows no name of a host.",
};
const WEBASSEMBLY = "[declarations.0.id.name='WebAssembly']";
const TASK_QUEUE = "[declarations.0.id.name=/^(MessageChannel|setTimeout)$/]";
/** Globals of the language that read a clock, run text as code or reach the host. */
const HIDDEN_GLOBALS = ["Date", "Function", "eval", "globalThis"];
/** The functions of Math whose result the standard fixes to the bit: any other differs between engines. */
const EXACT_MATH =
  /^(E|LN2|LN10|LOG2E|LOG10E|PI|SQRT1_2|SQRT2|abs|ceil|clz32|floor|fround|imul|max|min|round|sign|sqrt|trunc)$/;
const SYNTAX = [
  LONE_ERROR,
  OWN_SEED,
  HOST_DECLARATION,
  { selector: "MetaProperty[meta.name='import']", message: "src knows nothing of its host." },
  { selector: `MemberExpression[object.name='Math'][property.name!=${EXACT_MATH}]`, message: "Engines differ in it." },
  { selector: ":not(MemberExpression) > Identifier[name='Math']", message: "Write Math.name, so that one sees which." },
  // All engines multiply for squares, and constants like `2 ** 32` are exact.
  {
    selector:
      "BinaryExpression[operator='**']:not([right.value=2], [left.type='Literal']:matches([right.type='Literal'], [right.argument.type='Literal']))",
    message: "Engines differ in powers: multiply.",
  },
  { selector: "AssignmentExpression[operator='**=']", message: "Engines differ in powers: multiply." },
];
const restricted = (...rules) => ({ "no-restricted-syntax": ["error", ...rules] });

export default tseslint.config(
  { ignores: ["dist/", "docs/api/", "report/", "site/", ".build/", "examples/**/*.js", "src/kernels/wasm/assembly/"] },
  // No rule can be switched off from inside a file.
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: "error",
      // Numeric code: numbers and sizes in messages, and `x[i]!` where the loop's bounds prove that the element is there.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-non-null-assertion": "off",
      // Public functions check at run time what the types already say: their callers may be plain JavaScript.
      "@typescript-eslint/no-unnecessary-condition": "off",
      // `(x) => run(x)` and `return run(x)` are plain ways to pass on a call, and an aborted signal's reason is thrown as it came.
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/only-throw-error": ["error", { allowThrowingUnknown: true, allowThrowingAny: false }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
  // The library runs in every host, gives the same bits in all of them, and speaks in one voice. Which file may import which:
  // .dependency-cruiser.js.
  {
    files: ["src/**"],
    languageOptions: { parserOptions: { lib: ["es2023"] } },
    rules: {
      // Of the globals only the language's, and of these none that reads a clock, runs text as code or reaches the host.
      "no-undef": ["error", { typeof: true }],
      "no-restricted-globals": ["error", ...HIDDEN_GLOBALS],
      ...restricted(...SYNTAX),
    },
  },
  { files: ["src/core/random.ts"], rules: restricted(...SYNTAX.filter((rule) => rule !== OWN_SEED)) },
  {
    files: ["src/kernels/wasm/**"],
    languageOptions: { globals: { WebAssembly: "readonly" } },
    rules: restricted(...SYNTAX.filter((rule) => rule !== HOST_DECLARATION), {
      ...HOST_DECLARATION,
      selector: `${HOST_DECLARATION.selector}:not(${WEBASSEMBLY})`,
    }),
  },
  // Probes of an objective that answers at once would never let the host deliver an abort: here they give the event loop a
  // turn, by the host's task queue where it has one, whenever a clock says that it is time. No result depends on either.
  {
    files: ["src/objective/evaluate.ts"],
    languageOptions: { globals: { MessageChannel: "readonly", setTimeout: "readonly" } },
    rules: {
      "no-restricted-globals": ["error", ...HIDDEN_GLOBALS.filter((name) => name !== "Date")],
      ...restricted(...SYNTAX.filter((rule) => rule !== HOST_DECLARATION), {
        ...HOST_DECLARATION,
        selector: `${HOST_DECLARATION.selector}:not(${TASK_QUEUE})`,
      }),
    },
  },
  {
    files: ["test/**"],
    rules: restricted({
      selector: "MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(skip|only|todo|skipIf|fails)$/]",
      message: "Every test runs.",
    }),
  },
  // Lines that must not compile: their values have no type.
  {
    files: ["test/types.ts"],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { "@typescript-eslint/no-unused-expressions": "off" },
  },
  // The tools' own configuration: typed by the compiler (test/tsconfig.json), outside the projects that eslint reads types from.
  {
    files: ["*.js", "scripts/*.js", "*.config.ts", "test/**/*.mjs", "docs/site/*"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      parserOptions: { projectService: false },
      globals: {
        process: "readonly",
        console: "readonly",
        performance: "readonly",
        URL: "readonly",
        Buffer: "readonly",
      },
    },
  },
);
