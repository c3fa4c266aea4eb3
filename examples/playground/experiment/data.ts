/** Data: points of two classes in the plane, and real digits. Uses no sine or cosine, whose last bits differ between engines. */
import { Random, Tensor } from "batchnorm";
import { loadDigits, splitDigits } from "../../data/digits.js";
import type { DataSet } from "./settings.js";

/** Inputs, one per row, and their classes. */
export interface Samples {
  readonly inputs: Tensor;
  readonly labels: readonly number[];
}

/** A task to learn. */
export interface Task {
  readonly features: number;
  readonly classes: number;
  readonly train: Samples;
  readonly test: Samples;
}

const POINTS = 512;

/** Creates the training and test data. */
export function makeTask(data: DataSet, noise: number, random: Random): Task {
  if (data === "digits") {
    const { train, test } = splitDigits(loadDigits(), random.fork("split"));
    return {
      features: 64,
      classes: 10,
      train: { inputs: train.images, labels: train.labels },
      test: { inputs: test.images, labels: test.labels },
    };
  }
  const draw = (stream: Random): Samples => drawPoints(SHAPES[data], noise, stream);
  return { features: 2, classes: 2, train: draw(random.fork("train")), test: draw(random.fork("test")) };
}

/** Adds the same amount to every input, to test a network on data that differs from its training data. */
export function moved({ inputs, labels }: Samples, by: number): Samples {
  return by === 0
    ? { inputs, labels }
    : {
        inputs: new Tensor(
          inputs.data.map((x) => x + by),
          inputs.shape,
        ),
        labels,
      };
}

type Point = readonly [number, number];
type Curve = (label: number, random: Random) => Point;

const SHAPES: Readonly<Record<Exclude<DataSet, "digits">, Curve>> = {
  moons: (label, random) => {
    const [x, y] = direction(random);
    return label === 0 ? [x - 0.5, Math.abs(y) - 0.25] : [0.5 + x, 0.25 - Math.abs(y)];
  },
  // Two arms; the second is the first rotated by half a turn.
  spirals: (label, random) => {
    const along = random.uniform(0.08, 1);
    const [x, y] = turn(Math.floor(along * TURNS.length));
    const radius = 1.7 * along;
    return label === 0 ? [radius * x, radius * y] : [-radius * x, -radius * y];
  },
  circles: (label, random) => {
    const [x, y] = direction(random);
    const radius = label === 0 ? random.uniform(0, 0.7) : random.uniform(1.1, 1.7);
    return [radius * x, radius * y];
  },
  xor: (label, random) => {
    const x = random.uniform(0.15, 1.6);
    const y = random.uniform(0.15, 1.6);
    const side = random.uniform() < 0.5 ? 1 : -1;
    return label === 0 ? [side * x, side * y] : [side * x, -side * y];
  },
};

function drawPoints(curve: Curve, noise: number, random: Random): Samples {
  const labels = Array.from({ length: POINTS }, (_, i) => i % 2);
  const points = labels.map((label) => {
    const [x, y] = curve(label, random);
    return [x + random.normal(0, noise), y + random.normal(0, noise)];
  });
  return { inputs: Tensor.from(points), labels };
}

/** Returns a uniformly distributed point on the unit circle: a point in the disk, projected to its edge. */
function direction(random: Random): Point {
  for (;;) {
    const x = random.uniform(-1, 1);
    const y = random.uniform(-1, 1);
    const square = x * x + y * y;
    if (square > 1e-4 && square <= 1) return [x / Math.sqrt(square), y / Math.sqrt(square)];
  }
}

/** 512 directions, each rotated from the previous one by 2 atan 0.01: 1.6 turns in total. */
const TURNS: readonly Point[] = (() => {
  const t = 0.01;
  const [cosine, sine] = [(1 - t * t) / (1 + t * t), (2 * t) / (1 + t * t)];
  const found: Point[] = [[1, 0]];
  while (found.length < 512) {
    const [x, y] = found.at(-1)!;
    found.push([cosine * x - sine * y, sine * x + cosine * y]);
  }
  return found;
})();

function turn(index: number): Point {
  return TURNS[Math.min(index, TURNS.length - 1)]!;
}
