import js from "@eslint/js";
import tseslint from "typescript-eslint";

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
  {
    files: ["test/**"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector:
            "MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(skip|only|todo|skipIf|fails)$/]",
          message: "Every test runs.",
        },
      ],
    },
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
