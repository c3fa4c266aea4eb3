/** Whether this is the module with relaxed instructions. `build.mjs` sets it to true for that module. */
export const RELAXED: bool = false;
