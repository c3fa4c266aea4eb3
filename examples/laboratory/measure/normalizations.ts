/** normalizations: trains a network, and measures the means of its hidden units before and after. */
import { momentsOf } from "batchnorm/probes";
import { median } from "../../shared/spread.js";
import type { Source } from "../data.js";
import { batchAccuracy } from "./evaluations.js";
import { pushOutputs, UNREACHED } from "./output-shift.js";
import { CHANCE, learnFor, prepare, type Setup, type Trainee } from "./training.js";
import { columnsOf } from "./watcher.js";

export interface NormalizationsSetup extends Setup {
  readonly steps: number;
  /** Push the mean outputs of the trained network. */
  readonly push: boolean;
}

export interface Normalizations {
  /** Accuracy on the test images, normalized with their own statistics. */
  readonly accuracy: number;
  /** |mean| / standard deviation of the output of each hidden Dense, before and after training: medians over the units. */
  readonly meanBefore: readonly number[];
  readonly meanAfter: readonly number[];
  /** The ratio of `OutputShift`, or null if there was no push. */
  readonly ratio: number | null;
}

const IMAGES = 512;

export async function normalizations(setup: NormalizationsSetup, source: Source): Promise<Normalizations> {
  const trainee = prepare(setup, source);
  const meanBefore = relativeMeans(trainee);
  if (!learnFor(trainee, setup.steps)) {
    const meanAfter = meanBefore.map(() => Infinity);
    return { accuracy: CHANCE, meanBefore, meanAfter, ratio: setup.push ? UNREACHED.ratio : null };
  }
  return {
    accuracy: batchAccuracy(trainee.model, trainee.data.test),
    meanBefore,
    meanAfter: relativeMeans(trainee),
    ratio: setup.push ? (await pushOutputs(trainee, {}, setup.seed)).ratio : null,
  };
}

function relativeMeans(trainee: Trainee): number[] {
  const places = new Set(trainee.hidden.map(({ linear }) => linear));
  const ratios: number[] = [];
  trainee.model.forward(trainee.probe(IMAGES).images, {
    mode: "probe",
    observe: (path, output) => {
      if (places.has(path)) ratios.push(median(columnsOf(output).map(relativeMean)));
    },
  });
  return ratios;
}

/** Returns |mean| / standard deviation. Infinite for a constant. */
function relativeMean(values: Float64Array): number {
  const { mean, m2, count } = momentsOf(values);
  return m2 === 0 ? Infinity : Math.abs(mean) / Math.sqrt(m2 / count);
}
