/** Residual: a body with a shortcut around it, y = f(x) + x. */

import { complaint, ShapeError } from "../core/errors.js";
import { type OptionRules, readOptions } from "../core/options.js";
import { printShape, sameShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { ContainerRun } from "./container-run.js";
import type { Forward, Layer, Pass } from "./contract.js";
import { addGradients } from "./gradients.js";
import { expectGradient, expectLayer, guardBackward } from "./guards.js";
import type { Parameter, RunningStatistic } from "./parameter.js";
import { predict, type PredictOptions } from "./predict.js";
import { giveBack, gradientInPlace, lend, outputInPlace, registerOwn } from "./private-memory.js";

/** Options for `Residual`. */
export interface ResidualOptions {
  /** The layer around which the shortcut leads, usually a `Sequential`. */
  readonly body: Layer;
  /** The layer on the shortcut; needed if the body changes the shape. Default: none, so the shortcut is x itself. */
  readonly projection?: Layer | undefined;
}

const residualRules = {
  body: { kind: "any" },
  projection: { kind: "any", optional: true },
} as const satisfies OptionRules<ResidualOptions>;

/**
 * Adds its input to the output of its body, or a projection of the input if the body changes the shape.
 *
 *     y = body(x) + x      or      y = body(x) + projection(x)
 *
 * Its parameters have paths such as "body.0.weight" and "projection.weight". `pass.observe` is called with the path, the output
 * and the input of body and projection. As in a `Sequential`, `backward` may be called once for each forward pass.
 *
 * - **Shapes**: y has the shape of body(x), which must also be that of x or, with a projection, of projection(x)
 * - **Modes**: passes the mode on. If a layer throws, no running statistic and no random stream has changed
 * - **Cost**: that of its layers, one pass over y forward and one over x backward
 * - **Source**: He et al. 2016 (arXiv:1512.03385)
 *
 * @throws {TypeError} if the body or the projection is not a layer
 * @throws {ShapeError} if the two terms of the sum differ in shape
 * @example
 * const weight = Tensor.from([[10]]);
 * const residual = new Residual({ body: new Dense({ inputs: 1, outputs: 1, initial: { weight } }) });
 * residual.forward(Tensor.from([[1], [2]]), { mode: "inference" }).output.toNested();   // => [[11], [22]]
 * [...parametersByPath(residual).keys()];   // => ["body.weight", "body.bias"]
 */
export class Residual implements Layer {
  readonly body: Layer;
  /** Undefined where the shortcut is x itself. */
  readonly projection: Layer | undefined;
  readonly children: ReadonlyMap<string, Layer>;
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly RunningStatistic[];

  /** Creates the layer around others, which are kept, not copied. */
  constructor(options: ResidualOptions) {
    const { body, projection } = readOptions("Residual", options, residualRules);
    expectLayer("Residual", body, " as body");
    if (projection !== undefined) expectLayer("Residual", projection, " as projection");
    this.body = body;
    this.projection = projection;
    const children: [string, Layer][] = [["body", body]];
    if (projection !== undefined) children.push(["projection", projection]);
    this.children = new Map(children);
    this.parameters = [...new Set(children.flatMap(([, layer]) => layer.parameters))];
    this.statistics = [...new Set(children.flatMap(([, layer]) => layer.statistics))];
    registerOwn(this);
  }

  /** Whether the output is exactly body(x) + x, or body(x) + projection(x): false for a subclass that overrides `forward`. */
  get isSumOfBranches(): boolean {
    return hasOwnForward(this);
  }

  forward(input: Tensor, pass: Pass): Forward {
    const run = new ContainerRun("Residual", input, pass);
    const { body, projection } = this;
    let main: Forward | undefined;
    let shortcut: Forward | undefined;
    let output: Tensor;
    const sum = (): Tensor => {
      main = run.child("body", body, lend(input, body), "private");
      shortcut = projection && run.child("projection", projection, lend(input, projection), "private");
      const skipped = shortcut?.output ?? input;
      expectSameShape(run.name, main.output, skipped, projection !== undefined);
      output = outputInPlace(main.output, pass);
      add(main.output, skipped, output);
      if (!run.keeps) {
        giveBack(main.output, output);
        if (shortcut) giveBack(shortcut.output, output);
      }
      return output;
    };
    return run.complete(sum, (gradOutput, begin) => {
      guardBackward(run.name, output, [])(gradOutput);
      begin();
      const gradients = new Map<Parameter, Tensor>();
      /** Runs the backward pass of one branch, and returns its gradient with respect to the input. */
      const through = (forward: Forward, layer: Layer): Tensor => {
        const backward = forward.backward(lend(gradOutput, layer));
        addGradients(gradients, backward.gradients);
        const { gradInput } = backward;
        expectGradient(run.name, "the input", gradInput, input);
        giveBack(forward.output, output);
        return gradInput;
      };
      const mainGradient = through(main!, body);
      const skippedGradient = shortcut ? through(shortcut, projection!) : gradOutput;
      const gradInput = gradientInPlace(mainGradient, input);
      add(mainGradient, skippedGradient, gradInput);
      giveBack(mainGradient, gradInput);
      if (shortcut) giveBack(skippedGradient, gradInput);
      return { gradInput, gradients };
    });
  }

  /** Returns the output in mode "inference", in `options.into` if given, and keeps nothing for a backward pass. */
  predict(input: Tensor, options?: PredictOptions): Tensor {
    return predict(this, input, options);
  }
}

/** Computes y = a + b, where y may be a. */
function add({ data: a }: Tensor, { data: b }: Tensor, { data: y }: Tensor): void {
  for (let i = 0; i < y.length; i++) y[i] = a[i]! + b[i]!;
}

function expectSameShape(name: string, main: Tensor, skipped: Tensor, isProjected: boolean): void {
  const term = isProjected ? "that of the projection" : "the input";
  if (!sameShape(main.shape, skipped.shape)) {
    const got = `${printShape(main.shape)} and ${printShape(skipped.shape)}`;
    const cure = isProjected ? "give both the same output shape" : "add a projection to the output shape of the body";
    throw new ShapeError(complaint(name, `the body's output and ${term} to have the same shape`, got, cure));
  }
  if (main.dtype !== skipped.dtype) {
    const got = `${main.dtype} and ${skipped.dtype}`;
    throw new TypeError(complaint(name, `the body's output and ${term} to have the same dtype`, got));
  }
}

/** Outside the class: bundlers rename a class that refers to itself, and logs would show that name. */
function hasOwnForward(layer: Residual): boolean {
  return layer.forward === Residual.prototype.forward;
}
