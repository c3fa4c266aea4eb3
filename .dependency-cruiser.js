// Which module of src may import which: the order of the folders, no cycles, nothing from outside. `npx depcruise src` shows what breaks it.

/** What each folder may import besides itself: folders, or files of one. */
const MAY_IMPORT = {
  core: [],
  kernels: ["core"],
  layers: ["core", "kernels"],
  training: ["core", "kernels", "layers"],
  variants: ["core", "kernels", "layers"],
  objective: ["core"],
  probes: ["core", "objective"],
  model: ["core", "kernels", "layers", "training", "variants", "objective", "probes"],
  formats: ["core", "layers", "training", "model/state", "model/tree"],
};
const FOLDERS = Object.keys(MAY_IMPORT);
/** An entry point gathers what it publishes, wherever that stands. */
const ENTRY = "/index\\.ts$";

const rule = (name, from, to) => ({ name, severity: "error", from, to });
const inside = (places) => `^src/(${places.join("|")})[/.]`;

export default {
  forbidden: [
    ...FOLDERS.map((folder) =>
      rule(
        `imports of ${folder}`,
        { path: inside([folder]), pathNot: ENTRY },
        { path: inside(FOLDERS), pathNot: inside([folder, ...MAY_IMPORT[folder]]) },
      ),
    ),
    rule(
      "arrays, not tensors",
      { path: inside(["kernels", "objective", "probes"]) },
      { path: inside(["core/tensor"]) },
    ),
    // global.ts gathers them for the script tag and for CommonJS.
    rule("entries are for users", { pathNot: [ENTRY, "^src/global\\.ts$"] }, { path: ENTRY }),
    // Node's modules, packages, files beside src, folders that the order does not know.
    rule("nothing from outside", {}, { pathNot: [inside(FOLDERS), "^src/index\\.ts$"] }),
    rule("no cycles", {}, { circular: true }),
  ],
  options: {
    // Types count as well.
    tsPreCompilationDeps: true,
    // AssemblyScript: another language, with names of its own.
    exclude: "^src/kernels/wasm/assembly/",
  },
};
