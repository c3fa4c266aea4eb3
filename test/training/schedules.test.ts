/** Schedules at their corners; test/golden compares all steps with PyTorch. */
import { cosineSchedule, oneCycleSchedule, stepSchedule, warmUp } from "batchnorm";
import { describe, expect, it } from "vitest";

describe("a schedule", () => {
  it("of steps is exact for factors that are powers of 2, at any step", () => {
    const schedule = stepSchedule({ start: 3, factor: 0.5, every: 2 });
    expect([0, 1, 2, 3, 4, 21].map(schedule)).toEqual([3, 3, 1.5, 1.5, 0.75, 3 / 1024]);
    expect(schedule(2 ** 40)).toBe(0);
    expect(stepSchedule({ start: 1, factor: 1, every: 1 })(Number.MAX_SAFE_INTEGER)).toBe(1);
  });

  it("along a cosine has its ends and its middle exactly, and stays at the end", () => {
    const schedule = cosineSchedule({ start: 3, end: 1, steps: 6 });
    expect([0, 3, 6, 7, 1e9].map(schedule)).toEqual([3, 2, 1, 1, 1]);
    expect(schedule(2)).toBeCloseTo(2.5, 15); // cos(π/3) = 1/2
    expect(cosineSchedule({ start: 0, end: 1, steps: 2 })(1)).toBe(0.5); // may also increase
  });

  it("with a warm-up increases linearly to the first value of the other one, and then follows it", () => {
    const then = cosineSchedule({ start: 8, steps: 4 });
    const schedule = warmUp({ steps: 3, then });
    expect([0, 1, 2, 3, 5, 7].map(schedule)).toEqual([2, 4, 6, then(0), then(2), 0]);
    expect([0, 1, 2].map(warmUp({ steps: 1, then: 6 }))).toEqual([3, 6, 6]);
  });

  it("of one cycle has its start, its peak and its end exactly", () => {
    const schedule = oneCycleSchedule({ peak: 1, steps: 10, increasing: 0.5, start: 0.2, end: 0.1 });
    expect([0, 4, 9, 10, 1000].map(schedule)).toEqual([0.2, 1, 0.1, 0.1, 0.1]);
    expect(oneCycleSchedule({ peak: 50, steps: 4 })(0)).toBeCloseTo(2 * 1 + 0, 12);
    const short = oneCycleSchedule({ peak: 1, steps: 4, increasing: 0.25 }); // begins at its peak
    expect(short(0)).toBe(1);
  });
});
