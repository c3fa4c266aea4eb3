/** Claim: the interface of every file in claims/, and the plain data that a claim returns. */
import type { CurvePoint } from "../shared/chart.js";
import type { Measurements } from "./measure/index.js";
import type { VggSize } from "../images/architectures.js";
import type { Network } from "./networks.js";
import type { Condition } from "./verdicts.js";

/** A statement about why batch norm works, and its measurement. All texts are plain, without markup. */
export interface Claim {
  /** The heading number, in the order of the page. 0 is this project's own experiment. */
  readonly number: number;
  /** For the command line and file names. */
  readonly name: string;
  /** Whether `--quick` runs it, as part of the set of central claims. */
  readonly quick: boolean;
  /** What `--quick` leaves out, as in "learning rate 0.3". Omitted if it measures the same. */
  readonly quickOmits?: string | undefined;
  /**
   * The kinds of network on which it is measured, each with the seconds that the default run takes on two idle cores, without
   * the measurements that earlier claims share. Used for the estimate of the time left.
   */
  readonly seconds: Readonly<Partial<Record<Column, number>>>;
  readonly title: string;
  /** Where the statement comes from. */
  readonly who: string;
  /** The exact definition of what is measured. */
  readonly definition: string;
  readonly settings: string;
  /** Differences from the source. */
  readonly differences: string;
  /** Measurements and arguments that contradict the claim. */
  readonly counterEvidence: string;
  /** How to interpret the result, whatever it is. */
  readonly reading: string;
  run(study: Study): Promise<Finding>;
}

/** A kind of network; each has its own verdicts and its own column on the page. */
export type Column = "MLP" | "VGG";

/** The settings of a run, and the function that measures. */
export interface Study {
  /** The kind of network to measure. */
  readonly column: Column;
  /** The size of the VGG. */
  readonly vgg: VggSize;
  readonly seeds: readonly number[];
  /** The smallest set of claims at reduced settings, all claims, or all claims at the sizes used in the papers. */
  readonly extent: "quick" | "all" | "full";
  /** Returns the number of training steps to run instead of `count`: fewer in structural tests. */
  steps(count: number): number;
  /** Runs a measurement in a worker thread; a repeated request gets the same result. */
  readonly ask: Ask;
}

/** The name of a measurement and its input. */
export type Ask = <Name extends keyof Measurements>(
  name: Name,
  input: Parameters<Measurements[Name]>[0],
) => Promise<Awaited<ReturnType<Measurements[Name]>>>;

/** The results of a claim on one kind of network, before the verdict. Plain JSON. */
export interface Finding {
  /** Exactly one has the part `primary`, unless this extent leaves it out. */
  readonly conditions: readonly Condition[];
  readonly figures: readonly Figure[];
  /** Additional measurements that no rule judges: one value per seed, in the order of the seeds. */
  readonly shown: readonly Shown[];
}

/** An additional measurement: one value per seed. */
export interface Shown {
  readonly what: string;
  readonly values: readonly number[];
}

/** Panels side by side. */
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

/** An axis; the label includes the unit. */
export interface PanelAxis {
  readonly label: string;
  readonly type: "linear" | "log";
  /** Default: from the data. */
  readonly domain?: readonly [number, number] | undefined;
  /** Upper limit of a domain taken from the data: divergence is cut off here. */
  readonly ceiling?: number | undefined;
  readonly ticks?: readonly number[] | undefined;
}

/** What a series shows; each has its own color on the page. */
export type Curve = Network | "SkipInit" | "theory";

/** A network's line with its band over the seeds, or one dot per seed. */
export interface Series {
  readonly network: Curve;
  /** Default: the network's short name. */
  readonly label?: string | undefined;
  readonly dash?: string | undefined;
  readonly dots?: "filled" | "open" | undefined;
  readonly points: readonly CurvePoint[];
}
