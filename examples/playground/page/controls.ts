/** Controls: one labeled element per setting, created from a table. */
import { ACTIVATIONS, DATA_SETS, KINDS, PREDICTIONS, RANGES, type Settings } from "../experiment/settings.js";
import { shortNumber } from "../charts/plot.js";

/** A changed setting. The learning rate, the prediction statistics and the shift take effect in the current run; all others start a new one. */
export type Change = Partial<Omit<Settings, "rates">> & { readonly rate?: number };
type Name = Exclude<keyof Settings, "rates"> | "rate";

export const NAMES: Readonly<Record<string, string>> = {
  plain: "plain",
  batch: "batch norm",
  noisy: "noisy batch norm",
  layer: "layer norm",
  l1: "l1 norm",
  ghost: "ghost batch norm",
  moons: "two moons",
  spirals: "two spirals",
  circles: "disk and ring",
  xor: "XOR",
  digits: "handwritten digits",
  relu: "ReLU",
  sigmoid: "sigmoid",
  tanh: "tanh",
  inference: "running statistics",
  batchPrediction: "batch statistics",
};

interface Choice {
  readonly kind: "choice";
  readonly options: readonly (readonly [string, string])[];
}
/** Positions 0 to `positions`, evenly spaced in the value or its logarithm. */
interface Slider {
  readonly kind: "slider";
  readonly low: number;
  readonly high: number;
  readonly positions: number;
  readonly log?: boolean;
  readonly whole?: boolean;
}
interface WholeNumber {
  readonly kind: "number";
  readonly low: number;
  readonly high: number;
}
interface Control {
  readonly name: Name;
  readonly label: string;
  readonly input: Choice | Slider | WholeNumber;
}

const choice = (words: readonly string[]): Choice => ({
  kind: "choice",
  options: words.map((word) => [word, NAMES[word]!]),
});
const slider = (range: { low: number; high: number }, positions: number, how: Partial<Slider> = {}): Slider => ({
  kind: "slider",
  ...range,
  positions,
  ...how,
});

/** The controls, group by group. */
export const GROUPS: readonly { readonly title: string; readonly controls: readonly Control[] }[] = [
  {
    title: "Training",
    controls: [
      { name: "rate", label: "Learning rate", input: slider(RANGES.rate, 80, { log: true }) },
      { name: "batchSize", label: "Batch size", input: slider(RANGES.batchSize, 7, { log: true, whole: true }) },
      { name: "seed", label: "Seed", input: { kind: "number", ...RANGES.seed } },
    ],
  },
  {
    title: "Data",
    controls: [
      { name: "data", label: "Data", input: choice(DATA_SETS) },
      { name: "noise", label: "Noise", input: slider(RANGES.noise, 50) },
      { name: "shift", label: "Shift of the test data", input: slider(RANGES.shift, 30) },
    ],
  },
  {
    title: "Networks",
    controls: [
      { name: "left", label: "Left network", input: choice(KINDS) },
      { name: "right", label: "Right network", input: choice(KINDS) },
      { name: "depth", label: "Hidden layers", input: slider(RANGES.depth, 7, { whole: true }) },
      { name: "width", label: "Units per layer", input: slider({ low: 2, high: 64 }, 31, { whole: true }) },
      { name: "activation", label: "Activation", input: choice(ACTIVATIONS) },
    ],
  },
  {
    title: "Normalization",
    controls: [
      {
        name: "predict",
        label: "Predict with",
        input: {
          kind: "choice",
          options: [
            [PREDICTIONS[0], NAMES["inference"]!],
            [PREDICTIONS[1], NAMES["batchPrediction"]!],
          ],
        },
      },
      { name: "momentum", label: "Momentum of running statistics", input: slider(RANGES.momentum, 40, { log: true }) },
      { name: "epsilon", label: "Epsilon", input: slider(RANGES.epsilon, 32, { log: true }) },
    ],
  },
];

/** The controls on the page: show the settings and report changes. */
export class Controls {
  readonly #show = new Map<Name, (value: string | number) => void>();
  readonly #inputs = new Map<Name, HTMLInputElement>();

  constructor(place: HTMLElement, change: (change: Change) => void) {
    for (const { title, controls } of GROUPS) {
      const group = place.appendChild(document.createElement("fieldset"));
      group.appendChild(document.createElement("legend")).textContent = title;
      for (const control of controls) this.#add(group, control, change);
    }
  }

  /** Shows settings and the current learning rate. */
  show(settings: Settings, rate: number): void {
    for (const [name, show] of this.#show) show(name === "rate" ? rate : settings[name]);
    // Noise does not apply to the digits.
    this.#inputs.get("noise")!.disabled = settings.data === "digits";
  }

  #add(group: HTMLElement, { name, label, input }: Control, change: (change: Change) => void): void {
    const row = group.appendChild(document.createElement("label"));
    row.className = input.kind;
    const words = row.appendChild(document.createElement("span"));
    words.textContent = label;
    if (input.kind === "choice") {
      const select = row.appendChild(document.createElement("select"));
      select.id = name;
      for (const [value, text] of input.options) select.add(new Option(text, value));
      select.addEventListener("change", () => change({ [name]: select.value }));
      this.#show.set(name, (value) => (select.value = String(value)));
      return;
    }
    const element = row.appendChild(document.createElement("input"));
    element.id = name;
    this.#inputs.set(name, element);
    if (input.kind === "number") {
      Object.assign(element, { type: "number", min: String(input.low), max: String(input.high), step: "1" });
      element.addEventListener("change", () => {
        if (element.checkValidity() && element.value !== "") change({ [name]: Number(element.value) });
        else element.reportValidity();
      });
      this.#show.set(name, (value) => (element.value = String(value)));
      return;
    }
    const output = row.appendChild(document.createElement("output"));
    Object.assign(element, { type: "range", min: "0", max: String(input.positions), step: "1" });
    const tell = (value: number): void => {
      output.textContent = shortNumber(value);
      element.setAttribute("aria-valuetext", shortNumber(value));
    };
    element.addEventListener("input", () => {
      const value = valueAt(input, Number(element.value));
      tell(value);
      change({ [name]: value });
    });
    this.#show.set(name, (value) => {
      element.value = String(positionOf(input, Number(value)));
      tell(Number(value));
    });
  }
}

/** Returns the value at a position, rounded to two digits. */
export function valueAt({ low, high, positions, log = false, whole = false }: Slider, position: number): number {
  const t = position / positions;
  const value = log ? low * (high / low) ** t : low + t * (high - low);
  return whole ? Math.round(value) : Number(value.toPrecision(2));
}

function positionOf({ low, high, positions, log = false }: Slider, value: number): number {
  const t = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return Math.round(t * positions);
}
