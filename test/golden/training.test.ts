/** Learning-rate schedules and gradient clipping against PyTorch. */
import {
  clipByNorm,
  clipByValue,
  cosineSchedule,
  oneCycleSchedule,
  Parameter,
  type Schedule,
  stepSchedule,
} from "batchnorm";
import { describe, expect, it } from "vitest";
import { expectTensor, expectValues, type GoldenTensors, readCases, tensorOf, toleranceOf } from "./golden.js";

interface ScheduleCase {
  readonly id: string;
  readonly schedule: keyof typeof schedules;
  readonly options: object;
  readonly rates: readonly number[];
}

interface ClippingCase {
  readonly id: string;
  readonly by: "norm" | "value";
  readonly limit: number;
  readonly norm: number;
  readonly gradients: GoldenTensors;
  readonly clipped: GoldenTensors;
}

const schedules = { stepSchedule, cosineSchedule, oneCycleSchedule };

describe("schedules, as in PyTorch", () => {
  it.each(readCases("schedules.json") as readonly ScheduleCase[])("$id", ({ schedule, options, rates }) => {
    const own: Schedule = schedules[schedule](options as never);
    expectValues(
      "rates",
      rates.map((_, step) => own(step)),
      rates,
      toleranceOf("float64"),
    );
  });
});

describe("clipping, as in PyTorch", () => {
  it.each(readCases("clipping.json") as readonly ClippingCase[])("$id", ({ by, limit, norm, gradients, clipped }) => {
    const parameters = new Map(
      Object.entries(gradients).map(([name, tensor]) => [name, new Parameter(name, "weight", tensorOf(tensor))]),
    );
    const given = new Map([...parameters].map(([name, parameter]) => [parameter, tensorOf(gradients[name]!)]));
    const result = by === "norm" ? clipByNorm(given, limit) : clipByValue(given, limit);
    if ("norm" in result) expect(result.norm).toBeCloseTo(norm, 13);
    for (const [name, parameter] of parameters) {
      // PyTorch adds 1e-6 to the norm that it divides by.
      const tolerance = by === "norm" ? { absolute: 0, relative: 1e-5 } : toleranceOf("float64");
      expectTensor(name, result.gradients.get(parameter)!, clipped[name]!, tolerance);
    }
  });
});
