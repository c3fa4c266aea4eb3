/** The option `kernels` of the tools: what is no kernel set is refused by the tool, before it runs the model. */
import { describe, expect, it } from "vitest";
import { BatchNorm, Dense, plainKernels, Random, Sequential, Tensor } from "batchnorm";
import { compareModes, foldBatchNorm, inspect, recalibrate } from "batchnorm/tools";
import { memoryOf } from "../support/close.js";
import { expectRefusal } from "../support/refusal.js";

const random = new Random(1);
const input = Tensor.normal([32, 2], { random });
const model = new Sequential([new Dense({ inputs: 2, outputs: 3, random }), new BatchNorm({ features: 3 })]);
model.forward(input, { mode: "train" });

const tools: Readonly<Record<string, (kernels: never) => unknown>> = {
  inspect: (kernels) => inspect(model, input, { kernels }),
  compareModes: (kernels) => compareModes(model, input, { kernels }),
  recalibrate: (kernels) => recalibrate(model, [input], { kernels }),
  foldBatchNorm: (kernels) => foldBatchNorm(model, input, { kernels }),
};

describe.each(Object.entries(tools))("%s", (name, run) => {
  it("refuses what is no kernel set, and leaves the model as it was", async () => {
    const before = memoryOf(model);
    const incomplete = Object.fromEntries(Object.entries(plainKernels).filter(([kernel]) => kernel !== "matmul"));
    await expectRefusal(() => run(null as never), `TypeError: ${name}: kernels | null`);
    await expectRefusal(() => run("plain" as never), `TypeError: ${name}: kernels | "plain"`);
    await expectRefusal(() => run({} as never), `TypeError: ${name}: kernels | name | none | cure`);
    await expectRefusal(() => run(incomplete as never), `TypeError: ${name}: kernels | matmul | cure`);
    expect(memoryOf(model)).toEqual(before);
  });

  it("runs on the set that it is given", () => {
    let calls = 0;
    const matmul: typeof plainKernels.matmul = (args) => {
      calls++;
      plainKernels.matmul(args);
    };
    run({ ...plainKernels, matmul } as never);
    expect(calls).toBeGreaterThan(0);
  });
});
