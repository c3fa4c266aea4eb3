/** Settings: everything that determines what a demonstration shows, and how it is written in the URL of the page. */

export const KINDS = ["plain", "batch", "noisy", "layer", "l1", "ghost"] as const;
export type Kind = (typeof KINDS)[number];
export const DATA_SETS = ["moons", "spirals", "circles", "xor", "digits"] as const;
export type DataSet = (typeof DATA_SETS)[number];
export const ACTIVATIONS = ["relu", "sigmoid", "tanh"] as const;
export type Activation = (typeof ACTIVATIONS)[number];
/** The statistics that normalize predictions: the running ones, or those of the batch to predict. */
export const PREDICTIONS = ["inference", "batch"] as const;
export type Prediction = (typeof PREDICTIONS)[number];

/** A learning rate, and the first step that uses it. */
export interface RateChange {
  readonly step: number;
  readonly rate: number;
}

/** A demonstration. The same settings produce the same numbers, bit for bit. */
export interface Settings {
  readonly data: DataSet;
  /** Standard deviation of the points around their curves. */
  readonly noise: number;
  readonly left: Kind;
  readonly right: Kind;
  readonly depth: number;
  readonly width: number;
  readonly activation: Activation;
  /** The first one applies from step 0; the others were set during the run. */
  readonly rates: readonly RateChange[];
  readonly batchSize: number;
  /** Momentum of the running statistics. */
  readonly momentum: number;
  readonly epsilon: number;
  readonly seed: number;
  readonly predict: Prediction;
  /** How far the test data is shifted from the training data, in every input. */
  readonly shift: number;
}

export const DEFAULTS: Settings = {
  data: "moons",
  noise: 0.1,
  left: "plain",
  right: "batch",
  depth: 4,
  width: 32,
  activation: "sigmoid",
  rates: [{ step: 0, rate: 0.5 }],
  batchSize: 64,
  momentum: 0.1,
  epsilon: 1e-5,
  seed: 1,
  predict: "inference",
  shift: 0,
};

interface Range {
  readonly low: number;
  readonly high: number;
  readonly whole?: boolean;
}

/** Allowed values. */
export const RANGES = {
  noise: { low: 0, high: 0.5 },
  depth: { low: 1, high: 8, whole: true },
  width: { low: 2, high: 64, whole: true },
  rate: { low: 0.001, high: 10 },
  batchSize: { low: 2, high: 256, whole: true },
  momentum: { low: 0.01, high: 1 },
  epsilon: { low: 1e-8, high: 1 },
  seed: { low: 0, high: 999_999, whole: true },
  shift: { low: 0, high: 1.5 },
} as const satisfies Readonly<Record<string, Range>>;

/** The step at which a run ends. */
export const LAST_STEP = 10_000;

/** Returns the learning rate of a step. */
export function rateAt(rates: readonly RateChange[], step: number): number {
  return rates.findLast((change) => change.step <= step)!.rate;
}

/** Returns the rates with a change at a step; later changes are dropped. */
export function withRate(rates: readonly RateChange[], step: number, rate: number): readonly RateChange[] {
  const kept = rates.filter((change) => change.step < step);
  return kept.at(-1)?.rate === rate ? kept : [...kept, { step, rate }];
}

/** Formats settings for the URL. Contains only what differs from the defaults, as in `data=xor&rate=0.1,2@150`. */
export function formatSettings(settings: Settings): string {
  const parts: string[] = [];
  for (const name of Object.keys(DEFAULTS) as (keyof Settings)[]) {
    const text = textOf(settings, name);
    if (text !== textOf(DEFAULTS, name)) parts.push(`${name === "rates" ? "rate" : name}=${text}`);
  }
  return parts.join("&");
}

function textOf(settings: Settings, name: keyof Settings): string {
  if (name !== "rates") return String(settings[name]);
  return settings.rates.map(({ step, rate }) => (step === 0 ? String(rate) : `${rate}@${step}`)).join(",");
}

/** Reads settings from a URL. Invalid values are replaced by the defaults, with a note. */
export function parseSettings(text: string): { readonly settings: Settings; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const given = new URLSearchParams(text);
  const complain = (name: string, expected: string, got: string): void => {
    notes.push(`${name}: expected ${expected}, got “${got}”; using the default`);
  };
  const word = <T extends string>(name: string, words: readonly T[], otherwise: T): T => {
    const got = given.get(name);
    if (got === null) return otherwise;
    const found = words.find((each) => each === got);
    if (found === undefined) complain(name, `one of ${words.join(", ")}`, got);
    return found ?? otherwise;
  };
  const number = (name: keyof typeof RANGES, otherwise: number): number => {
    const got = given.get(name);
    if (got === null) return otherwise;
    const value = readNumber(got, RANGES[name]);
    if (value === undefined) complain(name, describeRange(RANGES[name]), got);
    return value ?? otherwise;
  };
  const rates = (): readonly RateChange[] => {
    const got = given.get("rate");
    if (got === null) return DEFAULTS.rates;
    const found = readRates(got);
    if (found === undefined)
      complain("rate", `${describeRange(RANGES.rate)}, optionally followed by changes as in 0.1,2@150`, got);
    return found ?? DEFAULTS.rates;
  };

  const settings: Settings = {
    data: word("data", DATA_SETS, DEFAULTS.data),
    noise: number("noise", DEFAULTS.noise),
    left: word("left", KINDS, DEFAULTS.left),
    right: word("right", KINDS, DEFAULTS.right),
    depth: number("depth", DEFAULTS.depth),
    width: number("width", DEFAULTS.width),
    activation: word("activation", ACTIVATIONS, DEFAULTS.activation),
    rates: rates(),
    batchSize: number("batchSize", DEFAULTS.batchSize),
    momentum: number("momentum", DEFAULTS.momentum),
    epsilon: number("epsilon", DEFAULTS.epsilon),
    seed: number("seed", DEFAULTS.seed),
    predict: word("predict", PREDICTIONS, DEFAULTS.predict),
    shift: number("shift", DEFAULTS.shift),
  };
  for (const name of given.keys()) {
    if (name !== "rate" && (name === "rates" || !Object.hasOwn(DEFAULTS, name))) {
      notes.push(`${name}: unknown setting; ignored`);
    }
  }
  return { settings, notes };
}

/** Parses a number within a range; returns undefined if it is invalid. */
export function readNumber(text: string, { low, high, whole = false }: Range): number | undefined {
  const value = text.trim() === "" ? NaN : Number(text);
  return value >= low && value <= high && (!whole || Number.isInteger(value)) ? value : undefined;
}

export function describeRange({ low, high, whole = false }: Range): string {
  return `a ${whole ? "whole " : ""}number from ${low} to ${high}`;
}

function readRates(text: string): readonly RateChange[] | undefined {
  const changes: RateChange[] = [];
  for (const [i, part] of text.split(",").entries()) {
    const [rateText = "", stepText = "0", ...rest] = part.split("@");
    const rate = readNumber(rateText, RANGES.rate);
    const step = readNumber(stepText, { low: 0, high: LAST_STEP, whole: true });
    const last = changes.at(-1)?.step ?? -1;
    if (rate === undefined || step === undefined || rest.length > 0 || step <= last || (i === 0 && step !== 0))
      return undefined;
    changes.push({ step, rate });
  }
  return changes;
}
