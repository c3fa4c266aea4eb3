// Serves the page during development (`npm run playground`) and builds it into a folder: a static site with relative paths, which
// works at any URL and needs no network.
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  // Resolves "batchnorm" to the source, as the compiler does.
  resolve: { tsconfigPaths: true },
  server: { port: 8080 },
  worker: { format: "es" },
  build: { target: "es2022", assetsDir: "", sourcemap: true, modulePreload: { polyfill: false }, emptyOutDir: true },
});
