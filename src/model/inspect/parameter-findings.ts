/** Findings about parameters without effect and about misplaced weight decay. */

import type { Tensor } from "../../core/tensor.js";
import type { Layer } from "../../layers/contract.js";
import type { Conv2d } from "../../layers/conv2d.js";
import type { Dense } from "../../layers/dense.js";
import { parametersByPath } from "../tree.js";
import type { Optimizer } from "../../training/optimizers.js";
import type { Finding } from "./finding.js";
import { batchNormOf, isConvolution, isDense, isOnAxisOf, type Observation } from "../observe.js";

/** Returns findings about biases that batch norms subtract, if nothing else reads the output of the Dense or Conv2d. */
export function redundantBiases({ observed, shortcuts }: Observation): Finding[] {
  const isCancelled = (of: Dense | Conv2d, output: Tensor): boolean => {
    const readers = observed.filter(({ input }) => input === output);
    return (
      !shortcuts.has(output) &&
      readers.length > 0 &&
      readers.every(({ layer, input }) => {
        const norm = batchNormOf(layer);
        return norm !== undefined && !norm.frozen.normalization && isOnAxisOf(of, norm, input.shape.length);
      })
    );
  };
  const found: Finding[] = [];
  const seen = new Set<Layer>();
  for (const { path, layer } of observed) {
    if (seen.has(layer) || !(isDense(layer) || isConvolution(layer)) || layer.bias === undefined) continue;
    seen.add(layer);
    const uses = observed.filter((observation) => observation.layer === layer);
    if (!uses.every(({ output }) => isCancelled(layer, output))) continue;
    const evidence = "the batch norm after it subtracts this bias along with the mean, so its gradient is 0";
    found.push({ kind: "redundant bias", severity: "note", path, evidence, cure: "bias: false" });
  }
  return found;
}

/** Returns findings about gammas and betas with weight decay. */
export function weightDecay(
  model: Layer,
  { parameters, weightDecay: decay, withoutDecay }: Pick<Optimizer, "parameters" | "weightDecay" | "withoutDecay">,
): Finding[] {
  if (decay === 0) return [];
  const moved = new Set(parameters);
  const names = new Map<string, string[]>();
  for (const [path, parameter] of parametersByPath(model)) {
    const { role, trainable, name } = parameter;
    if ((role !== "scale" && role !== "shift") || !trainable || !moved.has(parameter) || withoutDecay.has(role))
      continue;
    const layer = path.slice(0, Math.max(0, path.length - name.length - 1));
    names.set(layer, [...(names.get(layer) ?? []), name]);
  }
  return [...names].map(([path, own]) => ({
    kind: "weight decay on scale or shift",
    severity: "note",
    path,
    evidence: `weight decay ${decay} pulls ${own.join(" and ")} to 0, which does not make the model simpler`,
    cure: 'withoutDecay: ["bias", "scale", "shift"]',
  }));
}
