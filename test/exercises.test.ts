/** The exercises: the solutions are graded as solved, the starting files as unsolved, with a message that names the mistake. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Answers, BackwardRule } from "../examples/exercises/answers.js";
import * as backward from "../examples/exercises/backward.js";
import { exercisesOf } from "../examples/exercises/catalog.js";
import { type Exercise, grade } from "../examples/exercises/exercise.js";
import { diagnosis } from "../examples/exercises/grade-backward.js";
import * as modes from "../examples/exercises/modes.js";
import * as probes from "../examples/exercises/probes.js";
import { solutions } from "../examples/exercises/solutions.js";

const start: Answers = { ...backward, ...modes, ...probes };
const gradeAll = (exercises: readonly Exercise[]): Promise<(string | undefined)[]> => Promise.all(exercises.map(grade));

describe("the exercises", () => {
  it("are all solved by the solutions", async () => {
    expect(await gradeAll(exercisesOf(solutions, solutions))).toEqual(new Array(14).fill(undefined));
  });

  it("are unsolved at the start, and the message names the row or feature and the mistake", async () => {
    const faults = await gradeAll(exercisesOf(start, solutions));
    const expected = [
      /row \d, feature \d, dx is .* The term through the mean is missing\.$/,
      /row \d, feature \d, dx is .* The term through the variance is missing\.$/,
      /row \d, feature \d, dx is .* The mean and the variance are treated as constants\.$/,
      /row \d, feature \d, dx is .* The term through the variance has the wrong sign\.$/,
      /row \d, feature \d, dx is .* The term through the variance divides by n − 1 instead of n\.$/,
      /row \d, feature \d, dx is .* The factor gamma is missing\.$/,
      /row \d, feature \d, dx is .* The factor rstd is missing\.$/,
      /row \d, feature \d, dx is .* The factor rstd is there twice\.$/,
      /feature 1, the running mean after batch 1 is 1\.9, expected 1\.1\. .* should be 10%, and here it is 90%\.$/,
      /feature 1, a batch of 2 rows .* from 1 to 1, expected 1\.1\. .*biased variance/,
      /mode "inference", a value of 5 in row 1, feature 1 becomes 2, expected 1: .* running statistics\.$/,
      /row 1, feature 1, the prediction is .* not on the other rows of the batch\. .* updates the running statistics\.$/,
      /From \(3, 4\) to \(4, -3\), the change is 0, expected 1\.41/,
      /changes the running mean of feature 1 from .* mode "train" updates the running statistics\.$/,
    ];
    expect(faults).toHaveLength(expected.length);
    for (const [i, pattern] of expected.entries()) expect(faults[i]).toMatch(pattern);
  });

  it.each<[keyof Answers, Partial<Answers>, RegExp]>([
    ["statisticsFor", { statisticsFor: (_, __, running) => running }, /mode "train"/],
    [
      "statisticsFor",
      { statisticsFor: (mode, batch, running) => (mode === "train" ? batch : running) },
      /mode "probe"/,
    ],
    ["predict", { predict: (model, input) => model.forward(input, { mode: "probe" }).output }, /batch\.$/],
    ["updateVariance", { updateVariance: () => 0 }, /from 1 to 0, expected 1\.1\.$/],
    ["relativeChange", { relativeChange: (_, other) => other[0]! - 3 }, /From \(3, 4\) to \(6, 8\), the change is 3/],
    ["lossForProbe", { lossForProbe: () => 1 }, /^The loss is 1, expected/],
    ["dxInALoop", { dxInALoop: () => new Float64Array(2) }, /^The function failed: it returned 2 values for 8 rows/],
    ["dxInALoop", { dxInALoop: () => { throw new Error("no idea"); } }, /^The function failed: no idea\.$/], // prettier-ignore
  ])("reject another wrong answer for %s", async (name, answer, message) => {
    const faults = await gradeAll(exercisesOf({ ...solutions, ...answer }, solutions));
    expect(faults.filter((fault) => fault !== undefined)).toEqual([expect.stringMatching(message)]);
    expect(Object.keys(answer)).toEqual([name]);
  });

  it("diagnose other wrong rules, and none of a form that they do not know", () => {
    const right = solutions.dxInOneLine;
    const scaled: BackwardRule = (feature) => right(feature).map((dx) => 3 * dx);
    expect(diagnosis(scaled)).toBe(" All values are 3 times as large as they should be.");
    expect(diagnosis(({ dy }) => dy.map((d) => d * d))).toBe("");
    expect(diagnosis(right)).toBe("");
  });

  it("show by training what a mistake does", async () => {
    const exercises = exercisesOf(start, solutions);
    const accuracies = async (number: number): Promise<number[]> =>
      Array.from((await exercises[number - 1]!.consequence()).matchAll(/(\d+)%/g), ([, digits]) => Number(digits));
    for (const number of [1, 3, 4, 9, 11, 12, 14]) {
      const [yours, right] = await accuracies(number);
      expect(right).toBeGreaterThan(85);
      expect(yours).toBeLessThan(right! - 8);
    }
    const [variance] = await accuracies(10);
    expect(variance).toBeGreaterThan(55);
    expect(variance).toBeLessThan(75);
    const [, yours, right] = /by ([\d.]+), .* is ([\d.]+)\.$/.exec(await exercises[12]!.consequence())!.map(Number);
    expect(right).toBeGreaterThan(3 * yours!);
  });

  it("are graded by `npm run exercise`, which exits with 1 until all are solved", () => {
    const command = (JSON.parse(readFileSync("package.json", "utf8")) as { scripts: { exercise: string } }).scripts
      .exercise;
    const [program, ...rest] = command.split(" ");
    const run = (...given: string[]): ReturnType<typeof spawnSync> =>
      spawnSync(program === "node" ? process.execPath : program!, [...rest, ...given], { encoding: "utf8" });
    const all = run();
    expect(all.stdout).toMatch(
      /^ 1 unsolved .*\n(.*\n)+0 of 14 solved\n\nExercise 1, in examples\/exercises\/backward\.ts/,
    );
    expect(all.stdout).toMatch(/Why it matters: Trained for 100 steps with this rule/);
    expect(all.status).toBe(1);
    const one = run("13");
    expect(one.stdout).toMatch(/^\nExercise 13, in examples\/exercises\/probes\.ts/);
    expect(one.status).toBe(1);
    const wrong = run("15");
    expect(wrong.stderr).toBe("exercise: expected a number from 1 to 14, got 15\n");
    expect(wrong.status).toBe(2);
  });
});
