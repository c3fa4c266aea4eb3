/** Parts of the claims laboratory: its layers, its data, its command line, and what it does with runs. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WriteStream } from "node:tty";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { BatchNorm, type Group, modelObjective, Random, softmaxCrossEntropy, Tensor } from "batchnorm";
import { ShiftOverTraining } from "batchnorm/probes";
import { afterAll, describe, expect, it } from "vitest";
import { CLAIMS } from "../../examples/laboratory/catalog.js";
import { openSource } from "../../examples/laboratory/data.js";
import { DataError } from "../../examples/data/full-sets.js";
import { openFashionMnist } from "../../examples/laboratory/fashion-mnist.js";
import { StopGradientNorm } from "../../examples/laboratory/layers.js";
import type { Trained } from "../../examples/laboratory/measure/train.js";
import { prepare } from "../../examples/laboratory/measure/training.js";
import { columnsOf, PROBE_IMAGES, Watcher } from "../../examples/laboratory/measure/watcher.js";
import type { VggSize } from "../../examples/images/architectures.js";
import { blocksAround } from "../../examples/laboratory/measure/blocks.js";
import { Progress } from "../../examples/laboratory/progress.js";
import { Store } from "../../examples/laboratory/store.js";
import { leastSquares } from "../../examples/laboratory/measure/invariance.js";
import { buildNetwork, type Network } from "../../examples/laboratory/networks.js";
import { readOptions, usage } from "../../examples/laboratory/options.js";
import { UsageError } from "../../examples/shared/usage.js";
import { accuracyPoints, lineOf, overLooks, relu, trainingAccuracy } from "../../examples/laboratory/study.js";

describe("the layers of the interventions", () => {
  const random = new Random(1);
  const input = Tensor.normal([8, 3], { random, mean: 0.5, std: 2, dtype: "float64" });

  it("stop the gradient at the statistics only", () => {
    const x = input.cast("float32");
    const dy = Tensor.normal([8, 3], { random });
    const [stopped, norm] = [new StopGradientNorm({ features: 3 }), new BatchNorm({ features: 3 })];
    const [one, other] = [stopped.forward(x, { mode: "train" }), norm.forward(x, { mode: "train" })];
    expect(one.output.data).toEqual(other.output.data);
    const [a, b] = [one.backward(dy), other.backward(dy)];
    expect([...a.gradients.values()].map(({ data }) => data)).toEqual(
      [...b.gradients.values()].map(({ data }) => data),
    );
    // dx = rstd dy: in each column the same multiple of dy, which batch norm's is not.
    const ratios = [0, 3, 6].map((i) => a.gradInput.data[i]! / dy.data[i]!);
    expect(ratios[1]).toBeCloseTo(ratios[0]!, 5);
    expect(ratios[2]).toBeCloseTo(ratios[0]!, 5);
    expect(b.gradInput.data[0]! / dy.data[0]!).not.toBeCloseTo(ratios[0]!, 2);
  });
});

describe("the networks", () => {
  const source = openSource(undefined);
  const setup = (network: Network) => ({ network: relu(3, 16, network), learningRate: 0.1, batchSize: 64, seed: 1 });

  it("start a comparison from the same weights, images and batches", () => {
    const [plain, norm] = [prepare(setup("plain"), source), prepare(setup("batch norm"), source)];
    const weights = ({ model }: typeof plain): unknown =>
      model.parameters.filter(({ role }) => role === "weight").map(({ value }) => value.data);
    expect(weights(plain)).toEqual(weights(norm));
    expect(plain.next().labels).toEqual(norm.next().labels);
    expect(plain.data.test.labels).toEqual(norm.data.test.labels);
  });

  it("have a bias only where no norm cancels it", () => {
    const biases = (network: Network): number =>
      buildNetwork(relu(3, 16, network), [64], 10, new Random(1)).model.parameters.filter(({ role }) => role === "bias")
        .length;
    expect(biases("plain")).toBe(4);
    expect(biases("plain + noise")).toBe(4);
    const normalized = ["batch norm", "mean only", "stopped gradient", "l1", "noisy batch norm"] as const;
    const others = ["group norm", "layer norm", "batch renorm", "ghost batch norm"] as const;
    for (const network of [...normalized, ...others]) expect(biases(network)).toBe(1);
  });

  const vgg = (network: Network, size: VggSize = "13/8") =>
    buildNetwork({ network, vgg: size }, [1, 32, 32], 10, new Random(1));

  it("find the places of a hidden layer in an MLP and in a VGG", () => {
    const mlp = buildNetwork(relu(5, 16, "noisy batch norm"), [64], 10, new Random(1));
    // Dense, BatchNorm, NoiseInjection, ReLU.
    expect(mlp.hidden[1]).toEqual({ linear: "4", preActivation: "6", layerInput: "7" });
    expect(mlp.watched).toEqual([1, 2, 3, 4].map((layer) => mlp.hidden[layer]));
    const kinds = (network: Network): string[][] => {
      const { model, watched } = vgg(network);
      const kind = (path: string): string => model.children.get(path)!.constructor.name;
      return watched.map(({ linear, preActivation, layerInput }) => [linear, preActivation, layerInput].map(kind));
    };
    // Convolutions 3, 6 and 10; the last two are followed by pooling, and the last by the Dense layers.
    expect(kinds("plain")).toEqual([
      ["Conv2d", "Conv2d", "ReLU"],
      ["Conv2d", "Conv2d", "MaxPool2d"],
      ["Conv2d", "Conv2d", "Flatten"],
    ]);
    expect(kinds("noisy batch norm").map(([, preActivation]) => preActivation)).toEqual(
      Array(3).fill("NoiseInjection"),
    );
    expect(kinds("l1").map(([, preActivation]) => preActivation)).toEqual(Array(3).fill("LpNorm"));
    const channels = vgg("plain").watched.map(
      ({ linear }) => vgg("plain").model.children.get(linear)!.parameters[0]!.value.shape[0],
    );
    expect(channels).toEqual([16, 32, 64]);
  });

  it("build all variants of a VGG from the same weights, with a bias only where no norm cancels it", () => {
    const weights = (network: Network): unknown =>
      vgg(network)
        .model.parameters.filter(({ role }) => role === "weight")
        .map(({ value }) => value.data);
    const biases = (network: Network): number =>
      vgg(network).model.parameters.filter(({ role }) => role === "bias").length;
    for (const network of ["batch norm", "noisy batch norm", "l1"] as const) {
      expect(weights(network)).toEqual(weights("plain"));
      expect(biases(network)).toBe(1);
    }
    expect(biases("plain")).toBe(12);
    expect(biases("plain + noise")).toBe(12);
    // 13 convolutions with 64 to 512 channels, and two Dense.
    const large = vgg("batch norm", "16/1").model.parameters.filter(({ role }) => role === "weight");
    expect(large.map(({ value }) => value.shape[value.shape.length === 4 ? 0 : 1])).toEqual([
      64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512, 512, 10,
    ]);
  });

  it("have the values of a channel over all images and pixels", () => {
    const output = new Tensor(
      Float32Array.from({ length: 12 }, (_, i) => i),
      [2, 3, 1, 2],
    );
    expect(columnsOf(output).map((column) => [...column])).toEqual([
      [0, 1, 6, 7],
      [2, 3, 8, 9],
      [4, 5, 10, 11],
    ]);
  });

  it("keep the statistics of the first batch when calibrated", () => {
    const [calibrated, norm] = [prepare(setup("plain, calibrated"), source), prepare(setup("batch norm"), source)];
    const { images, labels } = norm.next();
    const loss = ({ model }: typeof norm): number =>
      softmaxCrossEntropy(model.forward(images, { mode: "probe" }).output, labels).loss;
    // On that batch the two are one network; on another they are not.
    expect(loss(calibrated)).toBeCloseTo(loss(norm), 5);
    const statistics = calibrated.model.statistics.map(({ values }) => values.slice());
    for (let step = 0; step < 3; step++) calibrated.learn(calibrated.next());
    expect(calibrated.model.statistics.map(({ values }) => values)).toEqual(statistics);
  });

  it("draw the same noise for a probe as for the step", async () => {
    const trainee = prepare(setup("noisy batch norm"), source);
    const { images: input, labels: target } = trainee.next();
    const { objective, point } = modelObjective(trainee.model, { input, target }, softmaxCrossEntropy, {
      mode: "probe",
    });
    const { loss } = await objective(point);
    expect(trainee.learn({ images: input, labels: target }).loss).toBeCloseTo(loss, 4);
  });
});

describe("blocks", () => {
  it("are the chosen layers and what lies between them", () => {
    const group = (name: string, role: string) => ({ name, role, start: 0, end: 0, shape: [] }) as unknown as Group;
    const groups = [0, 1, 2, 3].flatMap((layer) => [
      group(`${layer}.weight`, "weight"),
      group(`${layer}.gamma`, "scale"),
    ]);
    const of = (...layers: number[]) => layers.flatMap((layer) => [`${layer}.weight`, `${layer}.gamma`]);
    expect(blocksAround(groups, [1])).toEqual({ blocks: [of(0), of(1), of(2, 3)], places: [1] });
    expect(blocksAround(groups, [0, 1, 3])).toEqual({ blocks: [of(0), of(1), of(2), of(3)], places: [0, 1, 3] });
  });
});

describe("the watcher", () => {
  it("agrees with the library's probe", () => {
    const trainee = prepare(
      { network: relu(5, 12, "batch norm"), learningRate: 0.3, batchSize: 32, seed: 1 },
      openSource(undefined),
    );
    const watcher = new Watcher(trainee, true);
    // Four of five layers: the second, third, fourth and fifth.
    const places = trainee.hidden.slice(1).map(({ layerInput }) => [layerInput, "layerInput"] as const);
    const probe = new ShiftOverTraining({ places: Object.fromEntries(places) });
    const show = (from: number, observe: ReturnType<typeof probe.start>): void =>
      void trainee.model.forward(trainee.probe(PROBE_IMAGES, from).images, { mode: "probe", observe });
    show(0, probe.start());
    trainee.learn(trainee.next());
    watcher.before();
    show(0, probe.before(2));
    trainee.learn(trainee.next());
    watcher.after(2);
    show(0, probe.after(2));
    show(PROBE_IMAGES, probe.secondBatch(2));

    const { records } = probe.report();
    const mean = (of: "stepShift" | "totalShift" | "secondBatchFloor", unit: "wasserstein1" | "wasserstein1Relative") =>
      records.reduce((sum, record) => sum + record[of]![unit].mean!, 0) / 4;
    expect(watcher.moved).toEqual([
      {
        step: 2,
        stepRaw: mean("stepShift", "wasserstein1"),
        stepRelative: mean("stepShift", "wasserstein1Relative"),
        totalRaw: mean("totalShift", "wasserstein1"),
        totalRelative: mean("totalShift", "wasserstein1Relative"),
        floorRaw: mean("secondBatchFloor", "wasserstein1"),
        floorRelative: mean("secondBatchFloor", "wasserstein1Relative"),
      },
    ]);
  });
});

describe("least squares with batch norm", () => {
  it("converges at learning rates at which plain gradient descent diverges", async () => {
    const { edge, plain, norm } = await leastSquares({ seed: 1, rates: [0.001, 1], steps: 500 });
    expect(edge).toBeGreaterThan(0.01);
    expect(edge).toBeLessThan(0.03);
    expect(plain[1]).toBe(Infinity);
    expect(plain[0]).toBeLessThan(1);
    expect(norm[1]).toBeLessThan(1e-3);
  });
});

describe("a run that diverged", () => {
  const look = (step: number, gain: number) => ({ step, loss: 1, low: 0, high: 1, change: 1, beta: [1], gain });
  const run: Trained = {
    divergedAt: 45,
    losses: [],
    accuracies: [1, 1, 1],
    tests: [],
    looks: [look(0, 0.9), look(4, 0.1), look(20, 0.7), look(40, 0.5)],
    moved: [],
    covariateShift: [],
    percentiles: [],
    noiseAtInference: null,
    outputShift: [],
  };

  it("counts as chance, and as the worst value at probes that it did not reach", () => {
    expect(trainingAccuracy(run, 100)).toBe(0.1);
    // At 0, 20, 40, 60 and 80: 0.9, 0.7, 0.5 and two that are not there; the one at 4 is no even step.
    expect(overLooks(run, 100, ({ gain }) => gain, -Infinity)).toBe(0.5);
    expect(overLooks({ ...run, divergedAt: null }, 100, ({ gain }) => gain, -Infinity)).toBe(0.7);
    expect(overLooks(run, 200, ({ gain }) => gain, -Infinity)).toBe(-Infinity);
  });

  it("has chance accuracy in windows that it did not reach", () => {
    // Three of the first twenty were right.
    const first = (3 + 17 * 0.1) / 20;
    expect(accuracyPoints(run, 30).map(({ x, y }) => [x, y.toFixed(9)])).toEqual([
      [10, first.toFixed(9)],
      [25, "0.100000000"],
    ]);
  });

  it("does not disturb the median, minimum and maximum of a line", () => {
    const seeds = [
      [
        { x: 0, y: 1 },
        { x: 1, y: 5 },
      ],
      [{ x: 0, y: 3 }],
      [{ x: 0, y: Infinity }],
    ];
    expect(lineOf(seeds)).toEqual([
      { x: 0, y: 3, low: 1, high: Infinity },
      { x: 1, y: 5, low: 5, high: 5 },
    ]);
  });
});

describe("the store", () => {
  const scratch = mkdtempSync(join(tmpdir(), "claims-store-"));
  afterAll(() => rmSync(scratch, { recursive: true }));
  const program = (text: string): URL => {
    const path = join(scratch, "worker.js");
    writeFileSync(path, text);
    return pathToFileURL(path);
  };
  const folder = join(scratch, "measurements");
  const open = (text = "one"): Store => new Store(folder, program(text));
  const job = { name: "theorem", input: { seed: 1, steps: 2 } } as const;
  const made = { data: "digits", kernels: "wasm" };
  const result = { identity: 1e-13, values: [0.1, NaN, -Infinity] };

  it("returns what it was given, also when it is opened again, and nothing else", () => {
    open().keep(job, made, result);
    const again = open();
    expect(again.find(job, made)).toEqual(result);
    expect(again.find({ ...job, input: { seed: 2, steps: 2 } }, made)).toBeUndefined();
    expect(again.find({ ...job, name: "train" }, made)).toBeUndefined();
    expect(again.find(job, { ...made, data: "clothes" })).toBeUndefined();
    expect(again.find(job, { ...made, kernels: "plain" })).toBeUndefined();
  });

  it("deletes what another version of the program measured, and no other folder", () => {
    mkdirSync(join(folder, "mine"));
    open("two");
    expect(readdirSync(folder)).toEqual(["mine"]);
    expect(open("one").find(job, made)).toBeUndefined();
  });
});

describe("the progress", () => {
  function follow(isTTY: boolean) {
    const written: string[] = [];
    let seconds = 0;
    const stream = { isTTY, write: (text: string) => written.push(text) } as unknown as WriteStream;
    const claims = [
      { name: "first", weight: 30 },
      { name: "second", weight: 10 },
    ];
    const progress = new Progress(stream, claims, () => 1000 * seconds);
    return { progress, written, at: (now: number) => (seconds = now) };
  }
  const percentages = (written: readonly string[]): number[] =>
    written.flatMap((text) => /(\d+)%/.exec(text)?.[1] ?? []).map(Number);

  it("names the claim and the time left", () => {
    const { progress, written, at } = follow(false);
    progress.asked("first", "a");
    progress.asked("first", "b");
    at(30);
    progress.update("a", 1);
    // 3/8 of the work took 30 s.
    expect(written).toEqual(["37%  first  about 50 s left\n"]);
    progress.finished("first", "a line");
    expect(written.slice(1)).toEqual(["1/2  a line\n", "75%  second  about 20 s left\n"]);
  });

  it("never runs backward, although claims request more", () => {
    const { progress, written } = follow(true);
    progress.asked("first", "a");
    progress.update("a", 0.5);
    progress.update("a", 1);
    for (const question of ["b", "c", "d"]) progress.asked("first", question);
    progress.update("b", 0.5);
    progress.update("b", 1);
    progress.update("c", 1);
    progress.finished("second", "a line");
    const seen = percentages(written);
    expect(seen.length).toBeGreaterThan(4);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it("does not take stored measurements for fast ones", () => {
    const { progress, written, at } = follow(false);
    for (const question of ["a", "b", "c", "d"]) progress.asked("first", question);
    at(1);
    for (const question of ["a", "b"]) progress.update(question, 1, true);
    expect(written.at(-1)).toBe("37%  first  estimating the time left\n");
    at(16);
    progress.update("c", 1);
    // A quarter of 30/40 took 16 s, and 44% are left.
    expect(written.at(-1)).toBe("56%  first  about 40 s left\n");
  });
});

describe("Fashion-MNIST", () => {
  const scratch = mkdtempSync(join(tmpdir(), "claims-"));
  afterAll(() => rmSync(scratch, { recursive: true }));

  function idx(sizes: readonly number[], values: readonly number[]): Buffer {
    const header = Buffer.alloc(4 + 4 * sizes.length);
    header.writeUInt32BE(0x800 + sizes.length);
    sizes.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i));
    return Buffer.concat([header, Buffer.from(values)]);
  }

  /** A folder with three images of 2x2 pixels to train with and two to test with; `change` replaces a file. */
  function folder(change: Readonly<Record<string, Buffer | null>> = {}): string {
    const path = mkdtempSync(join(scratch, "data-"));
    const files: Record<string, Buffer | null> = {
      "train-images-idx3-ubyte.gz": gzipSync(idx([3, 2, 2], [0, 255, 51, 0, 1, 1, 1, 1, 2, 2, 2, 2])),
      "train-labels-idx1-ubyte.gz": gzipSync(idx([3], [0, 1, 2])),
      "t10k-images-idx3-ubyte": idx([2, 2, 2], [9, 9, 9, 9, 8, 8, 8, 8]),
      "t10k-labels-idx1-ubyte": idx([2], [3, 4]),
      ...change,
    };
    for (const [name, bytes] of Object.entries(files)) if (bytes !== null) writeFileSync(join(path, name), bytes);
    return path;
  }

  it("is read with the label of each image, gzipped or not", () => {
    const source = openFashionMnist(folder());
    expect(source.shape).toEqual([4]);
    const { train, test } = source.split(new Random(1));
    expect(train.images.shape).toEqual([3, 4]);
    const first = train.labels.indexOf(0);
    expect(train.images.toNested()).toHaveLength(3);
    expect([0, 1, 2, 3].map((i) => train.images.at(first, i).toFixed(2))).toEqual(["0.00", "1.00", "0.20", "0.00"]);
    expect([...test.labels].sort()).toEqual([3, 4]);
    expect(test.images.at(test.labels.indexOf(4), 0)).toBeCloseTo(8 / 255, 6);
  });

  it.each<[string, Record<string, Buffer | null>, RegExp]>([
    [
      "missing",
      { "train-labels-idx1-ubyte.gz": null },
      /^expected the file train-labels-idx1-ubyte.gz or train-labels-idx1-ubyte in .*, found neither$/,
    ],
    [
      "no gzip",
      { "train-images-idx3-ubyte.gz": Buffer.from("hello") },
      /train-images-idx3-ubyte.gz: cannot be read - incorrect header check$/,
    ],
    [
      "no IDX",
      { "t10k-images-idx3-ubyte": Buffer.from("a text, not images") },
      /expected an IDX file of bytes on 3 axes, got one that begins with 61207465$/,
    ],
    ["empty", { "t10k-images-idx3-ubyte": Buffer.alloc(0) }, /got one that begins with nothing$/],
    [
      "labels as images",
      { "t10k-images-idx3-ubyte": idx([2], [3, 4]) },
      /on 3 axes, got one that begins with 00000801$/,
    ],
    ["cut off", { "t10k-images-idx3-ubyte": idx([2, 2, 2], [9]) }, /expected 24 bytes for 2 x 2 x 2, got 17$/],
    [
      "of no images",
      { "t10k-images-idx3-ubyte": idx([0, 2, 2], []) },
      /expected at least one value, got sizes 0 x 2 x 2$/,
    ],
    ["of other labels", { "t10k-labels-idx1-ubyte": idx([2], [3, 10]) }, /expected labels 0 to 9, got 10 at 1$/],
    ["of fewer labels", { "t10k-labels-idx1-ubyte": idx([1], [3]) }, /expected as many images as labels, got 2 and 1$/],
    [
      "not square",
      { "t10k-images-idx3-ubyte": idx([2, 1, 4], [9, 9, 9, 9, 8, 8, 8, 8]) },
      /expected square images, got 1x4$/,
    ],
    [
      "of two sizes",
      { "t10k-images-idx3-ubyte": idx([2, 1, 1], [9, 8]) },
      /expected images of one size, got a side of 2 and one of 1$/,
    ],
  ])("is refused if a file is %s", (_what, change, message) => {
    const path = folder(change);
    expect(() => openSource(path)).toThrow(DataError);
    expect(() => openSource(path)).toThrow(message);
  });
});

describe("the command line", () => {
  const read = (...args: string[]) => readOptions(args, CLAIMS);

  it("runs all claims with six seeds by default", () => {
    const { claims, ...others } = read();
    expect(claims).toEqual(CLAIMS);
    expect(others).toEqual({
      ...{ column: "MLP", shown: CLAIMS, named: false, extent: "all", seeds: 6, data: undefined, images: undefined },
      ...{ vgg: "13/8", fresh: false, out: "report", help: false },
    });
  });

  it("runs the quick set, or one claim", () => {
    expect(read("--quick").claims).toEqual(CLAIMS.filter(({ quick }) => quick));
    expect(read("landscape", "--full", "--seeds", "2")).toMatchObject({ named: true, extent: "full", seeds: 2 });
    expect(read("landscape").claims.map(({ name }) => name)).toEqual(["landscape"]);
  });

  it("runs the claims that are measured on VGG, with three seeds, and shows all", () => {
    const { column, claims, shown, seeds } = read("--networks", "vgg");
    expect({ column, seeds }).toEqual({ column: "VGG", seeds: 3 });
    expect(claims).toEqual(CLAIMS.filter(({ seconds }) => seconds.VGG !== undefined));
    expect(shown).toEqual(CLAIMS);
    expect(read("--networks", "vgg", "--full").seeds).toBe(6);
    expect(read("--networks", "vgg", "--seeds", "2", "--vgg", "16/1")).toMatchObject({ seeds: 2, vgg: "16/1" });
    const cifar = read("--networks", "vgg", "--data", "cifar-10", "a.bin", "landscape", "test.bin");
    expect(cifar.images).toEqual({ name: "cifar-10", paths: ["a.bin", "test.bin"] });
    expect(cifar.claims.map(({ name }) => name)).toEqual(["landscape"]);
  });

  it.each([
    [["--quick", "--full"], "expected --quick or --full, got both"],
    [["--quik"], "Unknown option '--quik'"],
    [["landscap"], /^expected names of claims \(two-stories, .*\), got "landscap"$/],
    [["--networks", "resnet"], '--networks: expected mlp or vgg, got "resnet"'],
    [["--networks", "vgg", "theorem-4-1"], "expected claims that are measured on VGG (see --help), got theorem-4-1"],
    [["--networks", "vgg", "landscap"], /^expected names of claims .* got "landscap"$/],
    [["--networks", "vgg", "--vgg", "19"], '--vgg: expected 13/8 or 16/1, got "19"'],
    [["--vgg", "16/1"], "--vgg: expected --networks vgg beside it, got mlp"],
    [["--networks", "vgg", "--data", "imagenet"], '--data: expected fashion-mnist or cifar-10, got "imagenet"'],
    [["--networks", "vgg", "--data", "cifar-10"], "--data cifar-10: expected the files of the batches, got none"],
    [["--seeds", "0"], '--seeds: expected a whole number of at least 1, got "0"'],
    [["--out", "package.json"], '--out: expected a place where "package.json/claims.html" can be written'],
  ])("refuses %j", (args, message) => {
    expect(() => readOptions(args, CLAIMS)).toThrow(UsageError);
    expect(() => readOptions(args, CLAIMS)).toThrow(message);
  });

  it("lists every claim in its help", () => {
    for (const { name, title } of CLAIMS) expect(usage(CLAIMS)).toContain(`${name.padEnd(19)}${title}`);
  });
});
