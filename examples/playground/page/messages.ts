/** What page and worker tell each other. */
import type { StepRecord, View } from "../experiment/experiment.js";
import type { Prediction, RateChange, Settings } from "../experiment/settings.js";
import type { UnitNumbers } from "../experiment/unit.js";

/** Steps per second: a number, or as many as possible. */
export type Speed = number | "fastest";

/** Which unit the page shows in detail. */
export interface UnitPlace {
  /** 0 the left network, 1 the right one. */
  readonly side: number;
  readonly layer: number;
  readonly unit: number;
}

/** From the page. */
export type Order =
  | { readonly order: "start"; readonly run: number; readonly settings: Settings; readonly place: UnitPlace }
  | { readonly order: "play"; readonly speed: Speed }
  | { readonly order: "pause" }
  | { readonly order: "step" }
  | { readonly order: "rate"; readonly rate: number }
  | { readonly order: "test"; readonly predict: Prediction; readonly shift: number }
  | { readonly order: "look"; readonly place: UnitPlace }
  /** The last frame is on the screen: the next one may come. */
  | { readonly order: "drawn" };

/** The points and images that a page draws. */
export interface Drawn {
  readonly classes: number;
  readonly inputs: Float32Array;
  readonly labels: readonly number[];
}

/** From the worker. */
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

/** What has happened since the last frame. */
export interface Frame {
  readonly news: "frame";
  readonly run: number;
  readonly step: number;
  readonly records: readonly StepRecord[];
  readonly divergedAt: readonly (number | null)[];
  readonly rates: readonly RateChange[];
  /** Whether the worker goes on by itself. */
  readonly running: boolean;
  /** As things stand, when they were looked at anew. */
  readonly views?: readonly (View | null)[];
  readonly accuracies?: readonly (number | null)[];
  readonly unit?: UnitNumbers | null;
  /** The test data, when it was moved. */
  readonly test?: Drawn;
}
