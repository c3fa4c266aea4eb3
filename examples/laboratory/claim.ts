/** Claim: what every file in claims/ exports, and the plain data that it returns. */
import type { CurvePoint } from "../shared/chart.js";
import type { Measurements } from "./measure/index.js";
import type { Network } from "./networks.js";
import type { Condition } from "./verdicts.js";

/** A statement about why batch norm works, and how it is measured. All texts are plain, without markup. */
export interface Claim {
  /** 1 to 18, as the laboratory counts them. */
  readonly number: number;
  /** For the command line and file names. */
  readonly name: string;
  /** Whether it belongs to the minimum set that answers the question. */
  readonly quick: boolean;
  readonly title: string;
  /** Who said it, and where. */
  readonly who: string;
  /** What exactly is measured. */
  readonly definition: string;
  readonly settings: string;
  /** How that differs from the paper. */
  readonly differences: string;
  /** What a verdict of "depends" depends on. */
  readonly factor: string;
  /** Who measured or argued otherwise. */
  readonly counterEvidence: string;
  /** How to read the result, whatever it is. */
  readonly reading: string;
  run(study: Study): Promise<Finding>;
}

/** How a claim is to be run, and who does the measuring. */
export interface Study {
  readonly seeds: readonly number[];
  /** The minimum set at its smallest; everything; everything at the papers' sizes. */
  readonly extent: "quick" | "all" | "full";
  /** So many steps of training, fewer in a test of the structure. */
  steps(count: number): number;
  /** Has something measured in a thread of its own; the same question is answered once. */
  readonly ask: Ask;
}

/** The name of a measurement and its input. */
export type Ask = <Name extends keyof Measurements>(
  name: Name,
  input: Parameters<Measurements[Name]>[0],
) => Promise<Awaited<ReturnType<Measurements[Name]>>>;

/** What a claim came to, before the verdict. Plain JSON. */
export interface Finding {
  readonly conditions: readonly Condition[];
  readonly figures: readonly Figure[];
  /** Numbers without a rule that are worth a line: per seed, in the order of the seeds. */
  readonly shown: readonly Shown[];
}

/** Numbers over seeds that no rule judges. */
export interface Shown {
  readonly what: string;
  readonly values: readonly number[];
}

/** Some panels side by side. */
export interface Figure {
  readonly title: string;
  readonly caption: string;
  readonly panels: readonly Panel[];
}

/** A chart. */
export interface Panel {
  readonly title: string;
  readonly x: PanelAxis;
  readonly y: PanelAxis;
  readonly series: readonly Series[];
}

/** An axis with its unit in its label. */
export interface PanelAxis {
  readonly label: string;
  readonly type: "linear" | "log";
  /** From the data when not said. */
  readonly domain?: readonly [number, number] | undefined;
  /** No higher than this, when the domain comes from the data: what diverges is cut off here. */
  readonly ceiling?: number | undefined;
  readonly ticks?: readonly number[] | undefined;
}

/** A network's line with its band over seeds, or a dot a seed. */
export interface Series {
  readonly network: Network;
  /** What stands beside it; the network's name when not said. */
  readonly label?: string | undefined;
  readonly dash?: string | undefined;
  readonly dots?: "filled" | "open" | undefined;
  readonly points: readonly CurvePoint[];
}
