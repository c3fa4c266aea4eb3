/** Models for the tests of `batchnorm/formats`, and what must not have changed in them after a refusal. */
import {
  BatchNorm,
  Dense,
  type DType,
  GroupNorm,
  type Layer,
  LayerNorm,
  Random,
  ReLU,
  Sequential,
  statisticsByPath,
  Tanh,
} from "batchnorm";
import { BatchRenorm, GhostBatchNorm, LpNorm } from "batchnorm/variants";

/** A model with numbers of its own everywhere: parameters drawn, batches tracked. */
export function drawn<T extends Layer>(model: T, random: Random): T {
  for (const parameter of model.parameters) parameter.update((values) => values.set(values.map(() => random.normal())));
  for (const { name, values } of model.statistics) {
    values.set(values.map(() => (name === "batchesTracked" ? 1 + random.integer(1000) : random.uniform(0.1, 3))));
  }
  return model;
}

/** Kinds of models: every layer with state, alone, in a row, nested, used twice, and with parts left out. */
export const modelKinds: Readonly<Record<string, (random: Random, dtype: DType) => Layer>> = {
  Dense: (random, dtype) => new Dense({ inputs: 3, outputs: 2, random, dtype }),
  "Dense, square, no bias": (random, dtype) => new Dense({ inputs: 3, outputs: 3, bias: false, random, dtype }),
  BatchNorm: (_, dtype) => new BatchNorm({ features: 4, dtype }),
  "BatchNorm, no gamma": (_, dtype) => new BatchNorm({ features: 4, scale: false, dtype }),
  "BatchNorm, neither gamma nor beta": (_, dtype) => new BatchNorm({ features: 4, scale: false, center: false, dtype }),
  "BatchNorm, not tracking": (_, dtype) => new BatchNorm({ features: 4, trackRunningStatistics: false, dtype }),
  BatchRenorm: (_, dtype) => new BatchRenorm({ features: 2, dtype }),
  GhostBatchNorm: (_, dtype) => new GhostBatchNorm({ features: 2, groupSize: 4, dtype }),
  LpNorm: (_, dtype) => new LpNorm({ features: 3, p: 1, dtype }),
  "LayerNorm, no beta": (_, dtype) => new LayerNorm({ features: 3, center: false, dtype }),
  GroupNorm: (_, dtype) => new GroupNorm({ features: 4, groups: 2, dtype }),
  ReLU: () => new ReLU(),
  Sequential: (random, dtype) => network(random, dtype),
  "Sequential, nested, with a layer used twice": (random, dtype) => {
    const dense = new Dense({ inputs: 3, outputs: 3, random, dtype });
    const block = new Sequential([dense, new BatchNorm({ features: 3, dtype }), dense]);
    return new Sequential([
      block,
      new Tanh(),
      new BatchNorm({ features: 3, scale: false, center: false, dtype }),
      block,
    ]);
  },
};

/** The network of the golden files, with initial values of its own. */
export function network(random: Random, dtype: DType): Sequential {
  return new Sequential([
    new Dense({ inputs: 3, outputs: 6, bias: false, random, dtype }),
    new BatchNorm({ features: 6, dtype }),
    new ReLU(),
    new Dense({ inputs: 6, outputs: 4, random, dtype }),
    new GroupNorm({ groups: 2, features: 4, dtype }),
    new Tanh(),
    new Dense({ inputs: 4, outputs: 5, random, dtype }),
    new LayerNorm({ features: 5, dtype }),
    new Dense({ inputs: 5, outputs: 2, random, dtype }),
  ]);
}

/** Everything in a model: all numbers to the bit, and the versions of its parameters, which any update moves. */
export function everythingIn(model: Layer): unknown {
  return {
    parameters: model.parameters.map(({ value, version }) => ({ data: value.data.slice(), version })),
    statistics: [...statisticsByPath(model)].map(([path, { values }]) => [path, values.slice()]),
  };
}

/** The numbers of a model alone. */
export function numbersIn(model: Layer): readonly (Float32Array | Float64Array)[] {
  return [
    ...model.parameters.map(({ value }) => value.data.slice()),
    ...model.statistics.map(({ values }) => values.slice()),
  ];
}
