/** Training and inference: batch statistics or running statistics, and how the outputs differ. */
import { BatchNorm, Random, Tensor } from "batchnorm";

const random = new Random(1);
const norm = new BatchNorm({ features: 1, dtype: "float64" });

/** Returns a batch of 32: a given first value, then values with mean 3 and standard deviation 2. */
function batchWith(first: number): Tensor {
  const others = Array.from({ length: 31 }, () => [random.normal(3, 2)]);
  return Tensor.from([[first], ...others], { dtype: "float64" });
}
const firstOf = (batch: Tensor, mode: "probe" | "inference"): string =>
  norm.forward(batch, { mode }).output.at(0, 0).toFixed(3);

console.log("Before training, there are no running statistics for inference:");
try {
  norm.forward(Tensor.from([[5]], { dtype: "float64" }), { mode: "inference" });
} catch (error) {
  console.log(`  ${String(error)}`);
}

for (let step = 0; step < 200; step++) norm.forward(batchWith(random.normal(3, 2)), { mode: "train" });
const [mean, variance] = [norm.runningMean.values[0]!, norm.runningVariance.values[0]!];
console.log(
  `\nAfter 200 batches, the running mean is ${mean.toFixed(2)} and the running variance ${variance.toFixed(2)}`,
);

// With batch statistics, the output for a value depends on the rest of its batch; at inference it does not.
console.log("\nThe value 5 in three batches:");
for (const mode of ["probe", "inference"] as const) {
  const answers = [batchWith(5), batchWith(5), batchWith(5)].map((batch) => firstOf(batch, mode));
  console.log(`  ${mode.padEnd(9)}  ${answers.join("  ")}`);
}

// Batch statistics remove an offset that all values share; running statistics preserve it.
const raised = Tensor.from(
  Array.from({ length: 32 }, () => [random.normal(3, 2) + 10]),
  { dtype: "float64" },
);
console.log("\nThe first three values of a batch in which every value was raised by 10:");
for (const mode of ["probe", "inference"] as const) {
  const { output } = norm.forward(raised, { mode });
  console.log(`  ${mode.padEnd(9)}  ${[0, 1, 2].map((row) => output.at(row, 0).toFixed(3)).join("  ")}`);
}

console.log("\nTraining on a single value is an error:");
try {
  norm.forward(Tensor.from([[5]], { dtype: "float64" }), { mode: "train" });
} catch (error) {
  console.log(`  ${String(error)}`);
}

/* Prints
Before training, there are no running statistics for inference:
  RangeError: BatchNorm: expected running statistics in mode "inference", got none, because no batch was tracked - run a batch in mode "train", or load statistics

After 200 batches, the running mean is 3.03 and the running variance 3.84

The value 5 in three batches:
  probe      0.659  0.796  1.231
  inference  1.003  1.003  1.003

The first three values of a batch in which every value was raised by 10:
  probe      -0.559  -0.002  0.436
  inference  4.552  5.130  5.585

Training on a single value is an error:
  RangeError: BatchNorm: expected at least 2 values per feature in mode "train", got input shape [1, 1] - use a larger batch, or mode "inference"
*/
