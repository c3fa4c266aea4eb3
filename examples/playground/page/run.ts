/** The page's data of a run: the settings, and everything that the worker has sent since step 0. */
import type { FigureInput } from "../charts/figure.js";
import type { View } from "../experiment/experiment.js";
import { type Kind, rateAt, type Settings } from "../experiment/settings.js";
import type { UnitNumbers } from "../experiment/unit.js";
import { NAMES } from "./controls.js";
import { History } from "./history.js";
import type { Drawn, Frame, News, UnitPlace } from "./messages.js";

/** The selected layer and unit (null for all units), and the network whose unit numbers are shown. */
export interface Chosen {
  readonly side: 0 | 1;
  readonly layer: number;
  readonly unit: number | null;
}

/** Which parts of the page a frame changes. */
export interface Brought {
  readonly rates: boolean;
  readonly views: boolean;
  readonly losses: boolean;
  readonly measurements: boolean;
}

export class Run {
  readonly history = new History();
  data: { readonly train: Drawn; readonly test: Drawn } | undefined;
  kernels = "";
  views: readonly (View | null)[] = [null, null];
  accuracies: readonly (number | null)[] = [null, null];
  unitNumbers: UnitNumbers | null = null;
  chosen: Chosen;

  constructor(
    public settings: Settings,
    before?: Pick<Chosen, "layer" | "unit">,
  ) {
    const { depth, width, left, right } = settings;
    const unit = before?.unit ?? null;
    this.chosen = {
      side: hasBatchNorm(right) || !hasBatchNorm(left) ? 1 : 0,
      layer: Math.min(before?.layer ?? 0, depth - 1),
      unit: unit !== null && unit < width ? unit : null,
    };
  }

  /** The names of the left and right network. */
  get names(): readonly [string, string] {
    const [left, right] = [NAMES[this.settings.left]!, NAMES[this.settings.right]!];
    return left === right ? [`${left} (left)`, `${right} (right)`] : [left, right];
  }

  /** The unit whose numbers are requested; the first one if none is selected. */
  get place(): UnitPlace {
    return { ...this.chosen, unit: this.chosen.unit ?? 0 };
  }

  get figureInput(): FigureInput {
    const { history, names, classes } = this;
    const { layer, unit } = this.chosen;
    return { history, names, layer, unit, classes };
  }

  get classes(): number {
    return this.data?.test.classes ?? 2;
  }

  /** For each network, whether it is stuck. */
  get stuck(): readonly boolean[] {
    return this.history.stuck(this.classes);
  }

  /** The current learning rate. */
  get rate(): number {
    return rateAt(this.settings.rates, this.history.step);
  }

  ready({ train, test, kernels }: Extract<News, { news: "ready" }>): void {
    this.data = { train, test };
    this.kernels = kernels;
  }

  take(frame: Frame): Brought {
    for (const record of frame.records) this.history.add(record);
    this.history.step = frame.step;
    this.history.divergedAt = frame.divergedAt;
    const rates = JSON.stringify(frame.rates) !== JSON.stringify(this.settings.rates);
    if (rates) this.settings = { ...this.settings, rates: frame.rates };
    if (frame.test !== undefined && this.data !== undefined) this.data = { ...this.data, test: frame.test };
    if (frame.views !== undefined) {
      this.views = frame.views;
      this.accuracies = frame.accuracies ?? this.accuracies;
      this.unitNumbers = frame.unit ?? null;
    }
    return {
      rates,
      views: frame.views !== undefined,
      losses: frame.records.length > 0,
      measurements: frame.records.some(({ accuracies, shifts }) => accuracies !== undefined || shifts !== undefined),
    };
  }

  /** Returns the mean loss of the latest batches. */
  lossOf(side: number): number | null {
    const recent = this.history.sides[side]!.losses.slice(-11);
    return recent.length === 0 ? null : recent.reduce((sum, value) => sum + value, 0) / recent.length;
  }
}

/** Returns whether the network has a BatchNorm, whose numbers can be shown. */
function hasBatchNorm(kind: Kind): boolean {
  return kind === "batch" || kind === "noisy";
}
