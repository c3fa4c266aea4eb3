/** Theorem 4.1 (Santurkar et al. 2018): batch norm removes two directions from the gradient and rescales the rest. */
import { BatchNorm, Dense, Random, ReLU, Sequential, softmaxCrossEntropy, Tensor } from "batchnorm";
import { theorem41 } from "batchnorm/probes";
import { loadDigits, pickDigits } from "./data/digits.js";

const random = new Random(1);
const digits = loadDigits();
const { images, labels } = pickDigits(
  digits,
  Array.from({ length: 64 }, (_, i) => i),
);

// The model is split into three parts, to access the gradients above and below the BatchNorm layer.
const below = new Dense({ inputs: 64, outputs: 8, bias: false, random, dtype: "float64" });
const norm = new BatchNorm({ features: 8, epsilon: 0, dtype: "float64" });
const above = new Sequential([new ReLU(), new Dense({ inputs: 8, outputs: 10, random, dtype: "float64" })]);
const gammas = [0.5, 0.75, 1, 1, 1.25, 1.5, 1.75, 2];
norm.gamma!.update((gamma) => {
  gamma.set(gammas);
});

const mode = { mode: "probe" } as const;
const y = below.forward(new Tensor(Float64Array.from(images.data), images.shape), mode).output;
const normalized = norm.forward(y, mode);
const { output, backward } = above.forward(normalized.output, mode);
const gradOutput = backward(softmaxCrossEntropy(output, labels).gradOutput).gradInput; // above BatchNorm: gz
const { gradInput } = normalized.backward(gradOutput); // below BatchNorm: gy

const { features } = theorem41(y, gradOutput, { epsilon: 0, gamma: gammas, gradInput });
console.log("       share of ||gz||² (%)               left side   right side   as first printed");
console.log("unit   mean   y direction   remainder      ||gy||²     with 1/m     with 1/sqrt(m)");
features.forEach(({ scale, mean, projection, lhs, rhs, rhsPrinted }, unit) => {
  const parts = [mean, projection!, scale - mean - projection!].map((part) => ((100 * part) / scale).toFixed(0));
  const [first, second, third] = parts as [string, string, string];
  const sides = [lhs!, rhs!, rhsPrinted!].map((side) => side.toExponential(3)) as [string, string, string];
  console.log(
    `${String(unit).padStart(4)}${first.padStart(7)}${second.padStart(14)}${third.padStart(12)}` +
      `${sides[0].padStart(15)}${sides[1].padStart(13)}${sides[2].padStart(15)}`,
  );
});

/* Prints
       share of ||gz||² (%)               left side   right side   as first printed
unit   mean   y direction   remainder      ||gy||²     with 1/m     with 1/sqrt(m)
   0      6            11          83       1.404e-3     1.404e-3       1.002e-4
   1     12            10          78       3.328e-3     3.328e-3       2.876e-4
   2     15             3          83       2.468e-3     2.468e-3       1.934e-3
   3      6            12          81       1.257e-2     1.257e-2      -8.823e-4
   4      1             5          94       1.260e-2     1.260e-2       8.280e-3
   5     14             1          85       2.797e-2     2.797e-2       2.528e-2
   6     26            10          64       4.676e-2     4.676e-2      -3.546e-3
   7      2             1          98       1.217e-2     1.217e-2       1.169e-2
*/
