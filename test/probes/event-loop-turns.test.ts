/** The event loop gets its turns while a probe draws its numbers and prepares its tables, and the results stay the same. */
import { lipschitzFromPairs, maximumMeanDiscrepancy, mmdTest, permutationTest, type Samples } from "batchnorm/probes";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import type { Objective } from "../../src/objective/objective.js";
import { randomDirection } from "../../src/objective/vector.js";
import { reserveDraws } from "../../src/probes/shared/run.js";

const rows = (seed: number, count: number, width: number): Samples => {
  const random = new Random(seed);
  return { shape: [count, width], data: new Float64Array(count * width).map(() => random.normal()) };
};

/** Each takes much longer than one turn before its first evaluation or permutation. */
const PREPARING: Readonly<Record<string, (random: Random, signal?: AbortSignal) => Promise<unknown>>> = {
  lipschitzFromPairs: (random, signal) => {
    const objective: Objective = (x) => ({ loss: x[0]!, gradient: x });
    return lipschitzFromPairs(objective, new Float64Array(50_000).fill(1), {
      random,
      signal,
      count: 30,
      minRadius: 0.1,
      maxRadius: 1,
    });
  },
  "mmdTest, its kernel": (random, signal) =>
    mmdTest(rows(1, 900, 30), rows(2, 900, 30), { random, signal, permutations: 1 }),
  "mmdTest, its permutations": (random, signal) =>
    mmdTest(rows(1, 3, 1), rows(2, 3, 1), { random, signal, permutations: 200_000 }),
  permutationTest: (random, signal) =>
    permutationTest(rows(1, 500, 600), rows(2, 500, 600), { random, signal, permutations: 1 }),
};

describe.each(Object.entries(PREPARING))("%s", (_, run) => {
  it("notices a signal that is set while it prepares", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort("enough"), 1);
    await expect(run(new Random(1), controller.signal)).rejects.toBe("enough");
  });

  it("draws the same numbers, whoever else waits for the same stream", async () => {
    const [alone, together] = [new Random(1), new Random(1)];
    const inTurn = [await run(alone), await run(alone), await run(alone)];
    const same = await Promise.all([run(together), run(together), run(together)]);
    // Not the reports themselves, whose difference would be printed.
    expect(same.map((report, i) => JSON.stringify(report) === JSON.stringify(inTurn[i]))).toEqual([true, true, true]);
    expect(together.state).toEqual(alone.state);
  });
});

it("a stopped probe leaves the stream to the next one", async () => {
  const random = new Random(1);
  const controller = new AbortController();
  setTimeout(() => controller.abort("enough"), 1);
  const stopped = PREPARING["lipschitzFromPairs"]!(random, controller.signal);
  const next = PREPARING["lipschitzFromPairs"]!(random);
  await expect(stopped).rejects.toBe("enough");
  await expect(next).resolves.toMatchObject({ count: 30 });
});

describe("reserveDraws", () => {
  it("advances the stream at once where the draws are few", () => {
    const [random, expected] = [new Random(4), new Random(4)];
    void reserveDraws("here", random, 3, (stream) => randomDirection(5, stream), {});
    for (let i = 0; i < 3; i++) randomDirection(5, expected);
    expect(random.state).toEqual(expected.state);
  });

  it("returns the state before the draws and a stream that repeats them", async () => {
    const random = new Random(4);
    const before = random.state;
    const drawn: number[] = [];
    const draw = (stream: Random): void => void drawn.push(stream.normal());
    const { own, randomState } = await reserveDraws("here", random, 4, draw, {});
    expect(randomState).toEqual(before);
    expect(Array.from({ length: 4 }, () => own.normal())).toEqual(drawn);
    expect(own.state).toEqual(random.state);
  });
});

it("the kernel of mmdTest is that of maximumMeanDiscrepancy, to the last bit", async () => {
  const [a, b] = [rows(1, 300, 40), rows(2, 300, 40)];
  const test = await mmdTest(a, b, { random: new Random(1), permutations: 3 });
  const distance = maximumMeanDiscrepancy(a, b);
  expect(test.bandwidth).toBe(distance.bandwidth);
  expect(test.observed).toBeCloseTo(distance.mmdSquaredBiased, 12);
});
