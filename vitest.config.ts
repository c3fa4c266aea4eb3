import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));
const PACKAGE = ["test/package.test.ts", "test/copies.test.ts"];

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
      // `npm test`: Node alone, no network, no build.
      {
        extends: true,
        test: { name: "unit", include: ["test/**/*.test.ts"], exclude: [...PACKAGE, "test/browser/**"] },
      },
      // Part of `npm run check:package`: looks at what `npm run build` made and at the packed tarball.
      { extends: true, test: { name: "package", include: PACKAGE, testTimeout: 120_000 } },
      // `npm run test:browser`: in a real Chromium, on what `npm run build` made.
      {
        extends: true,
        test: { name: "browser", include: ["test/browser/**/*.test.ts"], testTimeout: 180_000, hookTimeout: 180_000 },
      },
    ],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // AssemblyScript, which is compiled into a module; its tests are those of the kernels
      exclude: ["src/kernels/wasm/assembly/**"],
      reporter: ["text", "json-summary"],
      reportsDirectory: ".build/coverage",
      thresholds: { lines: 99, branches: 97 },
    },
  },
});
