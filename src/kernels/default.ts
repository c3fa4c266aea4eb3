/** Which kernels a pass runs on when it names none. */

import type { Kernels } from "./kernels.js";
import { plainKernels } from "./plain.js";

/** The best kernel set that this host allows. */
export function defaultKernels(): Kernels {
  return plainKernels;
}
