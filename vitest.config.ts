import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));
/** Spawn whole programs, and take as long as these do. */
const PROGRAMS = [
  "test/examples.test.ts",
  "test/claims/**/*.test.ts",
  "test/playground*.test.ts",
  "test/exercises.test.ts",
];
/** Look at what `npm run build` made. */
const PACKAGE = ["test/package.test.ts", "test/copies.test.ts"];
const BROWSER = ["test/browser/**/*.test.ts"];

// The time limits are for tests that hang: a busy machine takes ten times as long as an idle one.
const patient = { testTimeout: 120_000, hookTimeout: 120_000 };
const slow = { testTimeout: 600_000, hookTimeout: 600_000 };

export default defineConfig({
  resolve: {
    // The public names lead to the source, as `paths` in tsconfig.json does for the compiler: tests need no build.
    alias: [
      { find: /^batchnorm$/, replacement: source("index.ts") },
      { find: /^batchnorm\/kernels$/, replacement: source("kernels/index.ts") },
      { find: /^batchnorm\/probes$/, replacement: source("probes/index.ts") },
      { find: /^batchnorm\/variants$/, replacement: source("variants/index.ts") },
      { find: /^batchnorm\/formats$/, replacement: source("formats/index.ts") },
      { find: /^batchnorm\/tools$/, replacement: source("model/index.ts") },
    ],
  },
  test: {
    projects: [
      // `npm test` runs the first two: Node alone, no network, no build.
      {
        extends: true,
        test: {
          ...{ name: "unit", ...patient },
          ...{ include: ["test/**/*.test.ts"], exclude: [...PROGRAMS, ...PACKAGE, ...BROWSER] },
        },
      },
      { extends: true, test: { name: "programs", include: PROGRAMS, ...slow } },
      { extends: true, test: { name: "package", include: PACKAGE, ...slow } },
      // In a real Chromium, on what `npm run build` made.
      { extends: true, test: { name: "browser", include: BROWSER, ...slow } },
    ],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // AssemblyScript, which is compiled into a module; its tests are those of the kernels. And the list of all entries.
      exclude: ["src/kernels/wasm/assembly/**", "src/global.ts"],
      reporter: ["text", "json-summary"],
      reportsDirectory: ".build/coverage",
      thresholds: { lines: 99, branches: 97 },
    },
  },
});
