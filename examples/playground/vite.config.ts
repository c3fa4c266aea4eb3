// Serves the page while it is worked on (`npm run playground`) and builds it into a folder: a plain static site with relative paths,
// which works under any address and needs no network.
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  // "batchnorm" leads to the source, as it does for the compiler.
  resolve: { tsconfigPaths: true },
  server: { port: 8080 },
  worker: { format: "es" },
  build: { target: "es2022", assetsDir: "", sourcemap: true, modulePreload: { polyfill: false }, emptyOutDir: true },
});
