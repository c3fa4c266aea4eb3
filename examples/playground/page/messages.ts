/** The messages between page and worker. */
import type { StepRecord, View } from "../experiment/experiment.js";
import type { Prediction, RateChange, Settings } from "../experiment/settings.js";
import type { UnitNumbers } from "../experiment/unit.js";

/** Steps per second, or as many as possible. */
export type Speed = number | "fastest";

/** The unit that the page shows in detail. */
export interface UnitPlace {
  /** 0 is the left network, 1 the right one. */
  readonly side: number;
  readonly layer: number;
  readonly unit: number;
}

/** A message from the page. */
export type Order =
  | { readonly order: "start"; readonly run: number; readonly settings: Settings; readonly place: UnitPlace }
  | { readonly order: "play"; readonly speed: Speed }
  | { readonly order: "pause" }
  | { readonly order: "step" }
  | { readonly order: "rate"; readonly rate: number }
  | { readonly order: "test"; readonly predict: Prediction; readonly shift: number }
  | { readonly order: "look"; readonly place: UnitPlace }
  /** The last frame has been drawn; the worker may send the next one. */
  | { readonly order: "drawn" };

/** The points or images that the page draws. */
export interface Drawn {
  readonly classes: number;
  readonly inputs: Float32Array;
  readonly labels: readonly number[];
}

/** A message from the worker. */
export type News =
  | {
      readonly news: "ready";
      readonly run: number;
      readonly kernels: string;
      readonly train: Drawn;
      readonly test: Drawn;
    }
  | Frame
  | { readonly news: "failure"; readonly message: string };

/** Everything since the last frame. */
export interface Frame {
  readonly news: "frame";
  readonly run: number;
  readonly step: number;
  readonly records: readonly StepRecord[];
  readonly divergedAt: readonly (number | null)[];
  readonly rates: readonly RateChange[];
  /** Whether the worker continues without another order. */
  readonly running: boolean;
  /** The current predictions, if they were updated. */
  readonly views?: readonly (View | null)[];
  readonly accuracies?: readonly (number | null)[];
  readonly unit?: UnitNumbers | null;
  /** The test data, if it was shifted. */
  readonly test?: Drawn;
}
