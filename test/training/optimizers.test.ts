/** What optimizers share: which parameters move, which do not, and that a step that is refused has moved nothing. */
import { describe, expect, it } from "vitest";
import { Adam, AdamW, type Gradients, Parameter, type Role, SGD, Tensor } from "../../src/index.js";
import { expectRefusal } from "../support/refusal.js";

const wide = (...values: number[]): Tensor => Tensor.from(values, { dtype: "float64" });
const parameter = (name: string, role: Role, ...values: number[]): Parameter =>
  new Parameter(name, role, wide(...values));
const valuesOf = ({ value }: Parameter): number[] => [...value.data];

const kinds = [
  ["SGD", (own: readonly Parameter[], options = {}) => new SGD(own, { learningRate: 0.1, momentum: 0.9, ...options })],
  ["Adam", (own: readonly Parameter[], options = {}) => new Adam(own, { learningRate: 0.1, ...options })],
  [
    "AdamW",
    (own: readonly Parameter[], options = {}) => new AdamW(own, { learningRate: 0.1, weightDecay: 0, ...options }),
  ],
] as const;

describe.each(kinds)("%s", (kind, make) => {
  const pair = (): [Parameter, Parameter] => [parameter("w", "weight", 1, 2), parameter("b", "bias", 3)];

  it.each<[string, (w: Parameter, b: Parameter) => Gradients, string]>([
    [
      "of a parameter that it does not own",
      (w) =>
        new Map<Parameter, Tensor>([
          [w, wide(1, 1)],
          [parameter("alien", "weight", 1), wide(1)],
        ]),
      `RangeError: ${kind}: parameters | "alien" | cure`,
    ],
    [
      "of another shape",
      (w, b) =>
        new Map<Parameter, Tensor>([
          [w, wide(1, 1)],
          [b, wide(1, 1)],
        ]),
      `ShapeError: ${kind}: [1] | [2]`,
    ],
    [
      "of another dtype",
      (w, b) =>
        new Map<Parameter, Tensor>([
          [w, wide(1, 1)],
          [b, Tensor.from([1])],
        ]),
      `TypeError: ${kind}: float64 | float32`,
    ],
    [
      "that is no tensor",
      (w, b) =>
        new Map<Parameter, Tensor>([
          [w, wide(1, 1)],
          [b, [1] as unknown as Tensor],
        ]),
      `TypeError: ${kind}: Tensor | [1]`,
    ],
  ])("refuses a gradient %s, and has moved nothing then", async (_, gradients, refusal) => {
    const [w, b] = pair();
    const optimizer = make([w, b]);
    const versions = [w.version, b.version];
    await expectRefusal(() => optimizer.step(gradients(w, b)), refusal);
    expect([valuesOf(w), valuesOf(b), w.version, b.version]).toEqual([[1, 2], [3], ...versions]);
    // not its memory either: the next step is the first one
    const [w2, b2] = pair();
    make([w2, b2]).step(new Map([[w2, wide(1, 1)]]));
    optimizer.step(new Map([[w, wide(1, 1)]]));
    expect(valuesOf(w)).toEqual(valuesOf(w2));
  });

  it.each(["gradient", "parameter"] as const)(
    "refuses a %s whose memory was detached, and has moved nothing then",
    async (which) => {
      const [w, b] = pair();
      const optimizer = make([w, b]);
      const gradients = new Map([
        [w, wide(1, 1)],
        [b, wide(1)],
      ]);
      const { buffer } = which === "gradient" ? gradients.get(b)!.data : b.value.data;
      structuredClone(buffer, { transfer: [buffer] });
      await expectRefusal(() => optimizer.step(gradients), `ShapeError: ${kind}: b | 1 | cure`);
      expect(valuesOf(w)).toEqual([1, 2]);
      const [w2, b2] = pair();
      make([w2, b2]).step(new Map([[w2, wide(1, 1)]]));
      optimizer.step(new Map([[w, wide(1, 1)]]));
      expect(valuesOf(w)).toEqual(valuesOf(w2));
    },
  );

  it("reads gradients once: a second answer of a getter is not used", () => {
    const [w] = pair();
    let reads = 0;
    const entries = (): IterableIterator<[Parameter, Tensor]> => {
      reads++;
      return new Map([[w, wide(1, 1)]]).entries();
    };
    make([w]).step({ get: () => undefined, entries, [Symbol.iterator]: entries } as never);
    expect(reads).toBe(1);
  });

  it("refuses options that it does not have, and names the near one", async () => {
    const [w] = pair();
    await expectRefusal(
      () => make([w], { weightdecay: 0.1 }),
      `TypeError: ${kind}: "weightdecay" | weightDecay | cure`,
    );
    await expectRefusal(() => make([w], { betas: [0.9, 0.99] }), `TypeError: ${kind}: "betas" | learningRate`);
  });

  it("leaves a parameter without a gradient as it is, its momentum included", () => {
    const [w, b] = pair();
    const optimizer = make([w, b], { weightDecay: 0.5 });
    optimizer.step(
      new Map([
        [w, wide(1, 1)],
        [b, wide(1)],
      ]),
    );
    const [value, version] = [valuesOf(b), b.version];
    for (let step = 0; step < 3; step++) optimizer.step(new Map([[w, wide(1, 1)]]));
    expect([valuesOf(b), b.version]).toEqual([value, version]);
    // and goes on from where it stood, as one that was never left out
    const [w2, b2] = pair();
    const other = make([w2, b2], { weightDecay: 0.5 });
    for (let step = 0; step < 2; step++) other.step(new Map([[b2, wide(1)]]));
    optimizer.step(new Map([[b, wide(1)]]));
    expect(valuesOf(b)).toEqual(valuesOf(b2));
  });

  it("leaves a parameter that is not trainable as it is", () => {
    const [w, b] = pair();
    const version = b.version;
    b.trainable = false;
    make([w, b], { weightDecay: 0.5 }).step(
      new Map([
        [w, wide(1, 1)],
        [b, wide(1)],
      ]),
    );
    expect([valuesOf(b), b.version]).toEqual([[3], version]);
    const [alone] = pair();
    make([alone], { weightDecay: 0.5 }).step(new Map([[alone, wide(1, 1)]]));
    expect(valuesOf(w)).toEqual(valuesOf(alone));
    expect(valuesOf(w).every((value, i) => value < [1, 2][i]!)).toBe(true);
  });

  it("spares roles from weight decay, and only those", () => {
    const roles = ["weight", "bias", "scale", "shift"] as const;
    const own = roles.map((role) => parameter(role, role, 4));
    const zeros = new Map(own.map((one) => [one, wide(0)]));
    make(own, { weightDecay: 0.5, withoutDecay: ["bias", "scale", "shift"] }).step(zeros);
    expect(own.map(valuesOf).map(([value]) => value === 4)).toEqual([false, true, true, true]);
    make(own, { weightDecay: 0.5 }).step(zeros);
    expect(own.map(valuesOf).every(([value]) => value! < 4)).toBe(true);
  });

  it("takes a parameter given twice once", () => {
    const [w, b] = pair();
    const optimizer = make([w, w, b]);
    expect(optimizer.parameters).toEqual([w, b]);
  });

  it("takes a new learning rate at the next step", () => {
    const [w] = pair();
    const optimizer = make([w]);
    optimizer.learningRate = 0;
    optimizer.step(new Map([[w, wide(1, 1)]]));
    expect(valuesOf(w)).toEqual([1, 2]);
    expect(() => (optimizer.learningRate = -1)).toThrow(RangeError);
    expect(optimizer.learningRate).toBe(0);
  });
});

describe.each([Adam, AdamW])("the epsilon of %o", (Kind) => {
  it.each([
    ["float32", 1e-46],
    ["float32", 1e-39],
    ["float64", 1e-310],
  ] as const)("is refused where %s would round it: %d", async (dtype, epsilon) => {
    const own = new Parameter("w", "weight", Tensor.zeros([1], dtype));
    const create = (): unknown => new Kind([own], { learningRate: 0.1, epsilon });
    await expectRefusal(create, `RangeError: ${Kind.name}: epsilon | w | ${dtype} | ${epsilon} | cure`);
  });

  it("may be 0, or the smallest normal number", () => {
    const own = new Parameter("w", "weight", Tensor.zeros([1]));
    for (const epsilon of [0, 2 ** -126]) expect(new Kind([own], { learningRate: 0.1, epsilon }).epsilon).toBe(epsilon);
  });
});

describe("one step by hand", () => {
  it("of SGD: velocity, its share of the next step, Nesterov's look ahead, weight decay", () => {
    const steps = (options: object): number[] => {
      const w = parameter("w", "weight", 1);
      const optimizer = new SGD([w], { learningRate: 0.5, ...options });
      return [1, 2].flatMap((gradient) => {
        optimizer.step(new Map([[w, wide(gradient)]]));
        return valuesOf(w);
      });
    };
    expect(steps({})).toEqual([0.5, -0.5]);
    // v = 1, then 0.5 + 2
    expect(steps({ momentum: 0.5 })).toEqual([0.5, -0.75]);
    // 1 + 0.5 · 1, then 2 + 0.5 · 2.5
    expect(steps({ momentum: 0.5, nesterov: true })).toEqual([0.25, -1.375]);
    // 1 + 0.25 · 1, then 2 + 0.25 · 0.375
    expect(steps({ weightDecay: 0.25 })).toEqual([0.375, -0.671875]);
  });

  it("of Adam and AdamW: a first step of one learning rate whatever the gradient; decay in the gradient or beside it", () => {
    for (const gradient of [1e-6, 8, -3e5]) {
      const [a, w] = [parameter("a", "weight", 2), parameter("w", "weight", 2)];
      new Adam([a], { learningRate: 0.25, epsilon: 0 }).step(new Map([[a, wide(gradient)]]));
      new AdamW([w], { learningRate: 0.25, epsilon: 0, weightDecay: 0.1 }).step(new Map([[w, wide(gradient)]]));
      expect(valuesOf(a)[0]).toBeCloseTo(2 - 0.25 * Math.sign(gradient), 12);
      expect(valuesOf(w)[0]).toBeCloseTo(2 * (1 - 0.25 * 0.1) - 0.25 * Math.sign(gradient), 12);
    }
    const w = parameter("w", "weight", 2);
    new Adam([w], { learningRate: 0.25, epsilon: 0, weightDecay: 0.1 }).step(new Map([[w, wide(0)]]));
    expect(valuesOf(w)[0]).toBeCloseTo(1.75, 12); // the decay alone is the gradient
  });

  it("of AdamW decays by 0.01 when nothing is said", () => {
    const w = parameter("w", "weight", 2);
    new AdamW([w], { learningRate: 0.5 }).step(new Map([[w, wide(0)]]));
    expect(valuesOf(w)[0]).toBeCloseTo(2 * (1 - 0.5 * 0.01), 14);
  });
});
