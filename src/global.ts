/** The script-tag build: the names of the main entry, and the other entries as namespaces, `batchnorm.probes.alongGradient`. */

export * from "./index.js";
export * as formats from "./formats/index.js";
export * as kernels from "./kernels/index.js";
export * as probes from "./probes/index.js";
export * as tools from "./model/index.js";
export * as variants from "./variants/index.js";
