/** Whether this is the module with relaxed instructions: `build.mjs` compiles it with true. */
export const RELAXED: bool = false;
