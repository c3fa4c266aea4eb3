/**
 * What every test of the kernels runs over: both sets, both dtypes, and the sizes around a vector and a tile.
 *
 * The plain set in float64 is what the others are compared to. It is itself held by values computed by hand, closed forms and
 * identities in test/kernels and test/layers, and by PyTorch in test/golden.
 */
import { allocate, type DType, type Floats, isFloats } from "../../src/core/dtype.js";
import type { Random } from "../../src/core/random.js";
import type { AllKernels } from "../../src/kernels/types.js";
import { plainKernels } from "../../src/kernels/plain/kernels.js";
import { wasmOrRefusal } from "../../src/kernels/wasm/instance.js";
import { moduleKernels } from "../../src/kernels/wasm/kernels.js";

const wasm = wasmOrRefusal();
if (typeof wasm === "string") throw new Error(wasm);

/** The WebAssembly kernels at every size: the public set leaves small calls to the plain one. */
export const wasmAtEverySize: AllKernels = moduleKernels(wasm);

export const kernelSets: readonly AllKernels[] = [plainKernels, wasmAtEverySize];

/** "wasm float32" and so on. */
export const kernelCases: readonly { readonly name: string; readonly kernels: AllKernels; readonly dtype: DType }[] =
  kernelSets.flatMap((kernels) =>
    (["float32", "float64"] as const).map((dtype) => ({ name: `${kernels.name} ${dtype}`, kernels, dtype })),
  );

/** All cases but the plain set in float64, which they are compared to. */
export const comparedCases: typeof kernelCases = kernelCases.filter(({ name }) => name !== "plain float64");

/** The arguments of a kernel with all their floating-point arrays copied to Float64Arrays, for the plain set to compute on. */
export function inDoubles<Arguments extends object>(args: Arguments): Arguments {
  const entries = Object.entries(args).map(([name, value]: [string, unknown]) => [
    name,
    isFloats(value) ? Float64Array.from(value) : value,
  ]);
  return Object.fromEntries(entries) as Arguments;
}

/** 1 to 17, and around 32 and 64. */
export const sizes: readonly number[] = [...Array.from({ length: 17 }, (_, i) => i + 1), 31, 32, 33, 63, 64, 65];

/** Values of mean 0.5 and standard deviation 2. */
export function randomFloats(random: Random, dtype: DType, length: number): Floats {
  return allocate(dtype, length).map(() => random.normal(0.5, 2));
}

/** An array whose numbers say that nobody wrote them. */
export function unwritten(dtype: DType, length: number): Floats {
  return allocate(dtype, length).fill(NaN);
}
