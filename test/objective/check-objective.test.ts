/** checkObjective: an objective that breaks a promise is told which one. */
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { checkGradient } from "../../src/objective/check-gradient.js";
import { checkObjective, type ObjectiveReport } from "../../src/objective/check-objective.js";
import type { Objective } from "../../src/objective/objective.js";
import { absoluteValue } from "../support/objectives.js";

const point = Float64Array.of(0.5, -1, 2);
const sines: Objective = (x) => ({ loss: x.reduce((sum, v) => sum + Math.sin(v), 0), gradient: x.map(Math.cos) });
const lossOf = (x: Float64Array): number => x.reduce((sum, v) => sum + Math.sin(v), 0);

const check = (objective: Objective): Promise<ObjectiveReport> =>
  checkObjective(objective, point.slice(), { random: new Random(1) });

/** Verdicts of the four promises, in order. */
const verdictsOf = (report: ObjectiveReport): string[] => report.promises.map(({ verdict }) => verdict);
const findingsOf = (report: ObjectiveReport): string[] =>
  report.promises.map(({ finding }) => finding).filter((finding) => finding !== "");

describe("checkObjective", () => {
  it("agrees with one that keeps all four promises", async () => {
    for (const objective of [sines, Object.assign((x: Float64Array) => sines(x), { lossOnly: lossOf })]) {
      const report = await check(objective);
      expect(report.verdict).toBe("agrees");
      expect(report.promises).toEqual([
        { promise: "same point, same answer", verdict: "agrees", finding: "" },
        { promise: "the point is not modified", verdict: "agrees", finding: "" },
        { promise: "evaluating leaves nothing behind", verdict: "agrees", finding: "" },
        { promise: "a fresh gradient of that loss", verdict: "agrees", finding: "" },
      ]);
      expect(report.gradient.verdict).toBe("agrees");
      expect(report.evaluations).toBe(5 + report.gradient.evaluations);
      expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    }
  });

  it("notices an answer that changes from call to call", async () => {
    let calls = 0;
    const report = await check((x) => ({ loss: lossOf(x) + 1e-12 * ++calls, gradient: x.map(Math.cos) }));
    expect([report.verdict, verdictsOf(report)[0]]).toEqual(["differs", "differs"]);
    expect(findingsOf(report)[0]).toMatch(/^the loss was \S+ and is \S+$/);

    const noisy = await check((x) => ({ loss: lossOf(x), gradient: x.map((v) => Math.cos(v) + 1e-15 * ++calls) }));
    expect(verdictsOf(noisy)).toEqual(["differs", "agrees", "differs", "agrees"]);
    expect(findingsOf(noisy)[0]).toMatch(/^the gradient at coordinate 0 was \S+ and is \S+$/);
  });

  it("notices a point that was written to, by the objective or by its lossOnly", async () => {
    const writing: Objective = (x) => {
      const answer = { loss: lossOf(x), gradient: x.map(Math.cos) };
      x[1] = 7;
      return answer;
    };
    const report = await check(writing);
    expect(verdictsOf(report)).toEqual(["agrees", "differs", "agrees", "agrees"]);
    expect(findingsOf(report)).toEqual(["coordinate 1 was -1 and is 7"]);

    const besideLossOnly = await check(Object.assign((x: Float64Array) => writing(x), { lossOnly: lossOf }));
    expect(findingsOf(besideLossOnly)).toEqual(["coordinate 1 was -1 and is 7"]);

    const lossOnly = (x: Float64Array): number => {
      const loss = lossOf(x);
      x[2] = 0;
      return loss;
    };
    const quiet = await check(Object.assign((x: Float64Array) => sines(x), { lossOnly }));
    expect(verdictsOf(quiet)).toEqual(["agrees", "differs", "agrees", "agrees"]);
    expect(findingsOf(quiet)).toEqual(["coordinate 2 was 2 and is 0"]);
  });

  it("notices what an evaluation leaves behind: a moving average, as of a model left in training mode", async () => {
    let average = 0;
    let last = NaN;
    const remembering: Objective = (x) => {
      if (x[0] !== last) average = 0.5 * (average + x[0]!);
      last = x[0]!;
      return { loss: lossOf(x) + average, gradient: x.map(Math.cos) };
    };
    const report = await check(remembering);
    expect(verdictsOf(report).slice(0, 3)).toEqual(["agrees", "agrees", "differs"]);
    expect(findingsOf(report)[0]).toMatch(/^after an evaluation elsewhere, the loss was \S+ and is \S+$/);
  });

  it("notices a lossOnly that leaves something behind", async () => {
    let trained = 0;
    const objective: Objective = Object.assign(
      (x: Float64Array) => ({ loss: lossOf(x) + trained, gradient: x.map(Math.cos) }),
      { lossOnly: (x: Float64Array) => lossOf(x) + trained++ },
    );
    expect(verdictsOf(await check(objective))[2]).toBe("differs");
  });

  it("notices a gradient that later evaluations write to", async () => {
    const buffer = new Float64Array(3);
    const answers: readonly Objective[] = [
      (x) => {
        buffer.set(x.map(Math.cos));
        return { loss: lossOf(x), gradient: buffer };
      },
      // not the same array, but the same memory
      (x) => {
        buffer.set(x.map(Math.cos));
        return { loss: lossOf(x), gradient: new Float64Array(buffer.buffer) };
      },
    ];
    for (const objective of answers) {
      const report = await check(objective);
      expect(verdictsOf(report)).toEqual(["agrees", "agrees", "agrees", "differs"]);
      expect(findingsOf(report)).toEqual(["the gradient is a buffer that later evaluations write to"]);
    }
  });

  it("notices a gradient that is one and the same array, even if its numbers never change", async () => {
    const slopes = Float64Array.of(1, 2, 3);
    const report = await check((x) => ({ loss: x[0]! + 2 * x[1]! + 3 * x[2]!, gradient: slopes }));
    expect(verdictsOf(report)).toEqual(["agrees", "agrees", "agrees", "differs"]);
  });

  it("notices a gradient of another loss", async () => {
    const report = await check((x) => ({ loss: lossOf(x), gradient: x.map((v) => 1.001 * Math.cos(v)) }));
    expect(verdictsOf(report)).toEqual(["agrees", "agrees", "agrees", "differs"]);
    expect(findingsOf(report)).toEqual([report.gradient.text]);
    expect(report.gradient.text).toMatch(/^gradient differs at point\[\d\]: /);
  });

  it("notices a lossOnly of another loss", async () => {
    const lossOnly = (x: Float64Array): number => lossOf(x) + 1;
    const report = await check(Object.assign((x: Float64Array) => sines(x), { lossOnly }));
    expect(verdictsOf(report)).toEqual(["agrees", "agrees", "agrees", "differs"]);
    expect(findingsOf(report)).toEqual([`lossOnly gives ${lossOf(point) + 1}, the evaluation ${lossOf(point)}`]);
  });

  it("is undecided at a kink", async () => {
    const report = await checkObjective(absoluteValue, Float64Array.of(0, 1), { random: new Random(1) });
    expect(report.verdict).toBe("undecided");
    expect(verdictsOf(report)).toEqual(["agrees", "agrees", "agrees", "undecided"]);
    expect(findingsOf(report)).toEqual([report.gradient.text]);
  });

  it("stops at an aborted signal", async () => {
    const stopped = checkObjective(sines, point, { random: new Random(1), signal: { aborted: true } });
    await expect(stopped).rejects.toThrow(new Error("checkObjective: aborted by its signal"));
  });

  it("refuses an option that it does not know, as checkGradient does, each in its own name", async () => {
    const options = { random: new Random(1), coordinatesPerGroups: 1 };
    for (const run of [checkObjective, checkGradient]) {
      const message = new RegExp(`^${run.name}: .*"coordinatesPerGroups" - did you mean coordinatesPerGroup\\?$`);
      await expect(run(sines, point, options)).rejects.toThrow(message);
    }
  });
});
