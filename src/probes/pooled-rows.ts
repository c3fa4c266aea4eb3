/** Pooled rows: two samples on top of each other. A row is one sample of the data, all its features together. */

import { complaint, ShapeError } from "../core/errors.js";
import type { Samples } from "../core/samples.js";
import { featureView } from "./feature-columns.js";
import { expectFiniteValues } from "./finite-values.js";

/** The rows of a, then those of b. */
export interface PooledRows {
  /** How many rows come from a. */
  readonly n: number;
  /** How many come from b. */
  readonly m: number;
  /** How many values a row has. */
  readonly width: number;
  /** Value j of row i stands at i * width + j. */
  readonly values: Float64Array;
  /** Of all rows: [n + m, ...]. */
  readonly shape: readonly number[];
}

/** Requires two samples of finite values, at least one row each, with rows of the same shape; puts one on top of the other. */
export function poolRows(who: string, a: Samples, b: Samples): PooledRows {
  const [x, y] = [expectRows(who, "a", a), expectRows(who, "b", b)];
  const [rowA, rowB] = [a, b].map(({ shape }) => `rows of shape [${shape.slice(1).join(", ")}]`);
  if (rowA !== rowB) throw new ShapeError(complaint(who, `${rowA!} in b, as in a`, rowB!));
  const values = new Float64Array(x.length + y.length);
  values.set(x);
  values.set(y, x.length);
  const [n, m] = [a.shape[0]!, b.shape[0]!];
  return { n, m, width: x.length / n, values, shape: [n + m, ...a.shape.slice(1)] };
}

function expectRows(who: string, name: string, samples: Samples): Float64Array {
  const { rows } = featureView(`${who}, ${name}`, samples, 1);
  if (rows === 0)
    throw new ShapeError(complaint(who, `${name} to have at least 1 row`, `shape [${samples.shape.join(", ")}]`));
  return expectFiniteValues(who, name, samples.data);
}
