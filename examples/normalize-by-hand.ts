/** Batch norm by hand: ten lines of arithmetic, next to the library's layer. */
import { BatchNorm, Tensor } from "batchnorm";

// Five people: height in meters, weight in kilograms. One feature is about forty times as large as the other.
const people = [
  [1.6, 55],
  [1.75, 82],
  [1.82, 77],
  [1.68, 64],
  [1.9, 92],
];
const epsilon = 1e-5;
const gamma = [1, 1];
const beta = [0, 0];

// Each feature is a column. Normalizing removes its mean and scale; gamma and beta, which are learned, set new ones.
function normalize(column: number[], feature: number): number[] {
  const mean = column.reduce((sum, x) => sum + x, 0) / column.length;
  const variance = column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / column.length;
  const rstd = 1 / Math.sqrt(variance + epsilon);
  return column.map((x) => {
    const xhat = (x - mean) * rstd;
    return gamma[feature]! * xhat + beta[feature]!;
  });
}
const columns = [0, 1].map((feature) =>
  normalize(
    people.map((row) => row[feature]!),
    feature,
  ),
);

// The layer performs the same computation, here in double precision.
const layer = new BatchNorm({ features: 2, epsilon, dtype: "float64" });
const { output } = layer.forward(Tensor.from(people, { dtype: "float64" }), { mode: "train" });

console.log("         by hand            the layer");
people.forEach((_, row) => {
  const byHand = columns.map((column) => column[row]!.toFixed(3).padStart(7));
  const byLayer = [0, 1].map((feature) => output.at(row, feature).toFixed(3).padStart(7));
  console.log(`person ${row}  ${byHand.join(" ")}    ${byLayer.join(" ")}`);
});

/* Prints
         by hand            the layer
person 0   -1.432  -1.450     -1.432  -1.450
person 1    0.000   0.611      0.000   0.611
person 2    0.668   0.229      0.668   0.229
person 3   -0.668  -0.763     -0.668  -0.763
person 4    1.432   1.374      1.432   1.374
*/
