/** What holds for every probe of an objective: no trace, same seed same report, JSON, cancellation, progress, errors. */
import { runInNewContext } from "node:vm";
import {
  BatchNorm,
  Dense,
  modelObjective,
  Random,
  Sequential,
  softmaxCrossEntropy,
  stateDict,
  Tanh,
  Tensor,
} from "batchnorm";
import { gradientNorms, parseReport, type ProbeReport, stringifyReport } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import type { Group, Objective, ProbeOptions } from "../../src/objective/objective.js";
import { cliff, groupsOf } from "../support/objectives.js";
import { probes } from "../support/probe-table.js";

const small = Float64Array.of(1, 2, -1, 0.5);
const smallGroups = groupsOf(["0.weight", "weight", [1, 2]], ["1.weight", "weight", [1, 1]], ["2.bias", "bias", [1]]);
/** Finite up to |x| = 10, lost beyond. */
const edge = cliff(NaN);

/** The kind and message of the error that a probe ends with. */
const failure = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error ? `${error.name} ${error.message}` : `thrown: ${String(error)}`;
  }
  return "nothing thrown";
};

describe.each(probes)("$name", ({ name, run, goesFar, lossesAlone = false }) => {
  const probe = (objective: Objective, options?: ProbeOptions, point: Float64Array = small): Promise<ProbeReport> =>
    run(objective, point, smallGroups, options);

  it("leaves a model as it was, to the bit, also when an evaluation throws", async () => {
    const { model, objective, point, groups } = smallNetwork("probe");
    const before = stringifyReport(stateDict(model));
    const versions = model.parameters.map((parameter) => parameter.version);
    await run(objective, point, groups);
    let calls = 0;
    const failing: Objective = (at) => {
      const found = objective(at);
      if (++calls === (name === "gradientNorms" ? 1 : 2)) throw new Error("engine lost");
      return found;
    };
    expect(await failure(run(failing, point, groups))).toBe("Error engine lost");
    expect(stringifyReport(stateDict(model))).toBe(before);
    expect(model.parameters.map((parameter) => parameter.version)).toEqual(versions);
  });

  it("leaves the point as it was, and does not see it change while it waits", async () => {
    const point = small.slice();
    const report = await probe(edge, {}, point);
    expect(point).toEqual(small);
    const promise = probe((at) => Promise.resolve(edge(at)), {}, point);
    point.fill(7);
    expect(await promise).toEqual(report);
  });

  it("gives the same report for the same seed, from an objective that answers at once or later", async () => {
    const report = await probe(edge);
    expect(await probe(edge)).toEqual(report);
    const later: Objective = async (at) => {
      await Promise.resolve();
      return edge(at);
    };
    expect(await probe(later)).toEqual(report);
  });

  it("reports in plain JSON that comes back whole, a diverged loss included", async () => {
    const report = await probe(edge);
    const text = stringifyReport(report);
    expect(parseReport(text)).toStrictEqual(report);
    expect(text.includes('"Infinity"')).toBe(goesFar);
    expect(text.includes("NaN")).toBe(false);
  });

  it("says which probe it was, of what, and what its figures are worth", async () => {
    let calls = 0;
    const objective: Objective = Object.assign(
      (at: Float64Array) => {
        calls++;
        return edge(at);
      },
      { dtype: "float32" as const, mode: "probe" },
    );
    const report = await probe(objective);
    expect(report).toMatchObject({ probe: name, dtype: "float32", mode: "probe", parameters: 4 });
    expect(report.evaluations).toBe(calls);
    expect(await probe(edge)).toMatchObject({ dtype: "float64", mode: null });
    expect(Object.keys(report.kinds).length).toBeGreaterThan(0);
    for (const figure of Object.keys(report.kinds)) expect(stringifyReport(report)).toContain(`"${figure}":`);
  });

  it("stops before the next evaluation when its signal says so", async () => {
    let calls = 0;
    const counted: Objective = (at) => {
      calls++;
      return edge(at);
    };
    const stopped = new AbortController();
    stopped.abort(new RangeError("stop now"));
    expect(await failure(probe(counted, { signal: stopped.signal }))).toBe("RangeError stop now");
    expect(calls).toBe(0);
    if (name === "gradientNorms") return;
    const later = new AbortController();
    const options = {
      signal: later.signal,
      onProgress: (done: number) => {
        if (done === 2) later.abort();
      },
    };
    expect(await failure(probe(counted, options))).toMatch(/^AbortError/);
    expect(calls).toBe(2);
  });

  it("tells its progress after each evaluation, and waits for it to be shown", async () => {
    const told: number[][] = [];
    let showing = false;
    const objective: Objective = (at) => {
      expect(showing).toBe(false);
      return edge(at);
    };
    const onProgress = async (done: number, total: number): Promise<void> => {
      showing = true;
      await new Promise((resolve) => setTimeout(resolve, 1));
      told.push([done, total]);
      showing = false;
    };
    const { evaluations } = await probe(objective, { onProgress });
    expect(showing).toBe(false);
    expect(told).toEqual(Array.from({ length: evaluations }, (_, i) => [i + 1, evaluations]));
  });

  it("refuses an option that it does not know, and names the near miss", async () => {
    const misspelled = { onProgres: () => undefined } as ProbeOptions;
    const message = await failure(probe(edge, misspelled));
    expect(message).toMatch(new RegExp(`^TypeError ${name}: .*"onProgres" - did you mean onProgress\\?$`));
  });

  it("takes arrays of another realm", async () => {
    const foreign = runInNewContext("Float64Array") as Float64ArrayConstructor;
    const objective: Objective = async (at) => {
      const { loss, gradient } = await edge(at);
      return { loss, gradient: foreign.from(gradient) };
    };
    expect(await probe(objective, {}, foreign.from(small))).toEqual(await probe(edge));
  });

  it("refuses what is no objective or no point", async () => {
    expect(await failure(run({} as Objective, small, smallGroups))).toBe(
      `TypeError ${name}: expected the objective to be a function of a point, got an object`,
    );
    expect(await failure(probe(edge, {}, Float64Array.of(1, NaN, 3, 4)))).toBe(
      `RangeError ${name}: expected a finite point, got NaN at coordinate 1`,
    );
    expect(await failure(probe(edge, {}, Float32Array.of(1, 2, 3, 4) as unknown as Float64Array))).toBe(
      `TypeError ${name}: expected the point to be a Float64Array, got Float32Array(4)`,
    );
    expect(await failure(probe(edge, {}, new Float64Array(0)))).toMatch(`RangeError ${name}: `);
  });

  it("refuses a loss that is not finite where it starts", async () => {
    const lost: Objective = (at) => ({ loss: NaN, gradient: at.slice() });
    if (name === "lipschitzAlongTrajectory") {
      // There every point is one along the way.
      expect(stringifyReport(await probe(lost))).toContain('"maximum":"Infinity"');
      return;
    }
    expect(await failure(probe(lost))).toMatch(
      new RegExp(
        `^RangeError ${name}: expected a finite loss at .*the point, got NaN - probe a point where the model has not diverged$`,
      ),
    );
    if (lossesAlone) return;
    const steep: Objective = (at) => ({ loss: 1, gradient: at.map((_, i) => (i === 2 ? -Infinity : 1)) });
    expect(await failure(probe(steep))).toMatch(
      new RegExp(
        `^RangeError ${name}: expected a finite gradient at .*the point, got -Infinity at coordinate 2 - probe a point`,
      ),
    );
  });

  it("refuses a gradient of another length or kind, wherever it comes", async () => {
    for (const call of name === "gradientNorms" ? [1] : [1, 2]) {
      const wrongAt = (wrong: unknown): Objective => {
        let calls = 0;
        return ((at: Float64Array) => (++calls === call ? wrong : edge(at))) as Objective;
      };
      expect(await failure(probe(wrongAt({ loss: 1, gradient: new Float64Array(3) })))).toBe(
        `ShapeError ${name}: expected the objective's gradient to have 4 values, got 3`,
      );
      const expected = `TypeError ${name}: expected an objective that returns { loss: number, gradient: Float64Array }, got `;
      expect(await failure(probe(wrongAt({ loss: 1, gradient: [1, 2, 3, 4] })))).toBe(`${expected}an object`);
      expect(await failure(probe(wrongAt({ loss: "1", gradient: small })))).toBe(`${expected}an object`);
      expect(await failure(probe(wrongAt(undefined)))).toBe(`${expected}undefined`);
    }
  });
});

it("the test for traces sees an objective that trains", async () => {
  const { model, point, groups, training } = smallNetwork("probe");
  const before = stringifyReport(stateDict(model));
  await gradientNorms(training, point, { groups });
  expect(stringifyReport(stateDict(model))).not.toBe(before);
});

it("losses alone are asked for where the objective has them", async () => {
  for (const { name, run, lossesAlone = false } of probes) {
    let [gradients, losses] = [0, 0];
    const objective: Objective = Object.assign(
      (at: Float64Array) => {
        gradients++;
        return edge(at);
      },
      {
        lossOnly: async (at: Float64Array): Promise<number> => {
          losses++;
          return (await edge(at)).loss;
        },
      },
    );
    const { evaluations } = await run(objective, small, smallGroups);
    expect([name, gradients, losses]).toEqual([name, lossesAlone ? 0 : evaluations, lossesAlone ? evaluations : 0]);
  }
});

/** A network with a norm, as an objective; `training` is the same with the mistake of a train-mode pass. */
function smallNetwork(mode: "probe" | "inference"): {
  model: Sequential;
  objective: Objective;
  training: Objective;
  point: Float64Array;
  groups: readonly Group[];
} {
  const random = new Random(1);
  const model = new Sequential([
    new Dense({ inputs: 3, outputs: 4, random }),
    new BatchNorm({ features: 4 }),
    new Tanh(),
    new Dense({ inputs: 4, outputs: 2, random }),
  ]);
  const batch = { input: Tensor.normal([6, 3], { random }), target: [0, 1, 1, 0, 1, 0] };
  model.forward(batch.input, { mode: "train" });
  const { objective, point, groups } = modelObjective(model, batch, softmaxCrossEntropy, { mode });
  const training: Objective = (at) => {
    model.forward(batch.input, { mode: "train" });
    return objective(at);
  };
  return { model, objective, training, point, groups };
}
