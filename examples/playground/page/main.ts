/** The page: settings in, frames out. All training happens in the worker. */
import { accuracy, loss } from "../charts/training.js";
import { bands, ridgeline, running } from "../charts/hidden.js";
import { band, betaProfile } from "../charts/landscape.js";
import { covariateShift, gradientNorms } from "../charts/layers.js";
import type { Figure, FigureInput } from "../charts/figure.js";
import { formatSettings, LAST_STEP, parseSettings, rateAt, type Settings } from "../experiment/settings.js";
import type { View } from "../experiment/experiment.js";
import type { UnitNumbers } from "../experiment/unit.js";
import { addCard, type Sheet } from "./card.js";
import { type Change, Controls, NAMES } from "./controls.js";
import { Engine } from "./engine.js";
import { jsonOf, save } from "./export.js";
import { History } from "./history.js";
import type { Drawn, Frame, Speed } from "./messages.js";
import { NetworkCard, type NetworkState } from "./network-card.js";
import { Pace } from "./pace.js";
import { Presets } from "./presets.js";
import { readTheme } from "./theme.js";
import { showUnit } from "./unit-panel.js";

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
/** Who asked for less motion sees two pictures a second. */
const STILL_BETWEEN = 500;

let settings: Settings;
let history = new History();
let kernels = "";
let data: { readonly train: Drawn; test: Drawn } | undefined;
let views: readonly (View | null)[] = [null, null];
let accuracies: readonly (number | null)[] = [null, null];
let unitNumbers: UnitNumbers | null = null;
let playing = false;
let layer = 0;
let unit: number | null = null;
let side: 0 | 1 = 1;
let theme = readTheme();
let drawAsked = false;
let lastDrawn = 0;

const names = (): [string, string] => {
  const [left, right] = [NAMES[settings.left]!, NAMES[settings.right]!];
  return left === right ? [`${left} (left)`, `${right} (right)`] : [left, right];
};
const input = (): FigureInput => ({ history, names: names(), layer, unit, classes: data?.test.classes ?? 2 });

// The pieces of the page.

const FIGURES: readonly (readonly [string, readonly Figure[]])[] = [
  ["curves", [loss, accuracy]],
  ["inside-cards", [bands, ridgeline, running]],
  ["why-cards", [band, betaProfile, covariateShift, gradientNorms]],
];
const sheets: Sheet[] = FIGURES.flatMap(([place, figures]) =>
  figures.map(({ id, title, caption, height, draw, table }) =>
    addCard(
      byId(place),
      {
        ...{ id, title, caption, height: () => height, table: () => table(input()) },
        draw: (context, box, colors) => draw(context, box, input(), colors),
      },
      () => theme,
      askToDraw,
    ),
  ),
);

const cards = ([0, 1] as const).map(
  (which) =>
    new NetworkCard(byId("networks"), which, () => networkState(which), {
      theme: () => theme,
      onResize: askToDraw,
      onChoose: (chosenLayer, chosenUnit) => {
        [layer, unit, side] = [chosenLayer, chosenUnit, which];
        look();
      },
    }),
);
sheets.push(...cards.flatMap((card) => card.sheets));

function networkState(which: 0 | 1): NetworkState | undefined {
  if (data === undefined) return undefined;
  const { losses } = history.sides[which]!;
  const recent = losses.slice(-11);
  return {
    ...{ name: names()[which], settings, view: views[which]!, ...data, layer, unit },
    loss: recent.length === 0 ? null : recent.reduce((sum, value) => sum + value, 0) / recent.length,
    accuracy: accuracies[which]!,
    divergedAt: history.divergedAt[which]!,
  };
}

const controls = new Controls(byId("controls"), change);
const presets = new Presets(byId("presets"), byId("story"), (chosen) => {
  start(chosen.settings);
  play();
});
const pace = new Pace();
const engine = new Engine({
  ready: (news) => {
    kernels = news.kernels;
    data = news;
    document.body.dataset["kernels"] = kernels;
    allChanged();
  },
  frame: take,
  failure: (message) => {
    pause();
    note([`The training stopped: ${message}. Reset starts it anew.`]);
  },
});

// Runs.

/** Begins a new run at step 0, paused. */
function start(chosen: Settings): void {
  settings = chosen;
  history = new History();
  [views, accuracies, unitNumbers] = [[null, null], [null, null], null];
  layer = Math.min(layer, settings.depth - 1);
  if (unit !== null && unit >= settings.width) unit = null;
  side = hasBatchNorm(settings.right) || !hasBatchNorm(settings.left) ? 1 : 0;
  pace.reset();
  engine.start(settings, { side, layer, unit: unit ?? 0 });
  setPlaying(false);
  showSettings();
  fillChoices();
  allChanged();
}

const hasBatchNorm = (kind: Settings["left"]): boolean => kind === "batch" || kind === "noisy";

function play(): void {
  engine.play(
    byId<HTMLSelectElement>("speed").value === "fastest"
      ? "fastest"
      : (Number(byId<HTMLSelectElement>("speed").value) satisfies Speed),
  );
  setPlaying(true);
}

function pause(): void {
  engine.send({ order: "pause" });
  setPlaying(false);
}

function setPlaying(now: boolean): void {
  if (playing && !now) tellStatus();
  playing = now;
  byId("play").textContent = playing ? "Pause" : "Play";
}

/** A setting was changed: some take effect at once, all others in a new run. */
function change({ rate, ...others }: Change): void {
  if (rate !== undefined) {
    engine.send({ order: "rate", rate });
    return;
  }
  const { predict, shift } = { ...settings, ...others };
  if (predict !== settings.predict || shift !== settings.shift) {
    settings = { ...settings, predict, shift };
    engine.send({ order: "test", predict, shift });
    showSettings();
    return;
  }
  const goesOn = playing;
  start({ ...settings, ...others, rates: fromNow() });
  if (goesOn) play();
}

/** The learning rate of now, from the start. */
function fromNow(): Settings["rates"] {
  return [{ step: 0, rate: rateAt(settings.rates, history.step) }];
}

function take(frame: Frame): void {
  for (const record of frame.records) history.add(record);
  history.step = frame.step;
  history.divergedAt = frame.divergedAt;
  if (JSON.stringify(frame.rates) !== JSON.stringify(settings.rates)) {
    settings = { ...settings, rates: frame.rates };
    showSettings();
  }
  if (frame.views !== undefined) {
    views = frame.views;
    accuracies = frame.accuracies ?? accuracies;
    unitNumbers = frame.unit ?? null;
    for (const sheet of cards.flatMap((card) => card.sheets)) sheet.changed();
  }
  if (frame.test !== undefined && data !== undefined) data = { ...data, test: frame.test };
  if (frame.records.length > 0) sheets[0]!.changed();
  if (frame.records.some(({ accuracies: measured, shifts }) => measured ?? shifts))
    for (const sheet of sheets) sheet.changed();
  pace.count(frame.records.length);
  if (playing && !frame.running) setPlaying(false);
  askToDraw();
  // The worker need not wait for pictures that are left out.
  if (stillness.matches) engine.send({ order: "drawn" });
}

// Drawing.

function allChanged(): void {
  for (const sheet of sheets) sheet.changed();
  askToDraw();
}

function askToDraw(): void {
  if (drawAsked) return;
  drawAsked = true;
  const wait = stillness.matches ? Math.max(0, STILL_BETWEEN - (performance.now() - lastDrawn)) : 0;
  if (wait === 0) requestAnimationFrame(draw);
  else setTimeout(() => requestAnimationFrame(draw), wait);
}

function draw(): void {
  drawAsked = false;
  lastDrawn = performance.now();
  for (const sheet of sheets) sheet.drawIfNeeded(theme);
  for (const card of cards) card.tell();
  byId("count").textContent = String(history.step);
  byId("pace").textContent = playing ? pace.text(kernels) : "";
  const why =
    history.divergedAt[side] === null
      ? `${names()[side]} has no batch norm in front of its activations.`
      : `${names()[side]} has diverged.`;
  showUnit(byId("how"), unitNumbers, why);
  document.body.dataset["step"] = String(history.step);
  if (!stillness.matches) engine.send({ order: "drawn" });
}

/** Says in words how things stand, for who cannot see it. */
function tellStatus(): void {
  const told = names().map((name, which) => {
    const divergedAt = history.divergedAt[which]!;
    if (divergedAt !== null) return `${name}: diverged at step ${divergedAt}`;
    const value = history.sides[which]!.accuracies.values.at(-1);
    return `${name}: test accuracy ${value === undefined ? "not measured" : `${(100 * value).toFixed(1)} percent`}`;
  });
  const end = history.step >= LAST_STEP ? ` A run ends after ${LAST_STEP} steps.` : "";
  byId("status").textContent = `Paused at step ${history.step}. ${told.join(". ")}.${end}`;
}

function note(lines: readonly string[]): void {
  byId("notes").hidden = lines.length === 0;
  byId("notes").replaceChildren(
    ...lines.map((text) => Object.assign(document.createElement("p"), { textContent: text })),
  );
}

function showSettings(): void {
  controls.show(settings, history.step);
  presets.show(settings);
  const text = formatSettings(settings);
  if (location.hash.slice(1) !== text) window.history.replaceState(null, "", `#${text}`);
}

function fillChoices(): void {
  const fill = (id: string, options: readonly (readonly [string, string])[], chosen: string): void => {
    byId<HTMLSelectElement>(id).replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    byId<HTMLSelectElement>(id).value = chosen;
  };
  const numbers = (count: number): [string, string][] =>
    Array.from({ length: count }, (_, i) => [String(i), String(i + 1)]);
  fill("layer", numbers(settings.depth), String(layer));
  fill("unit", [["", "all"], ...numbers(settings.width)], unit === null ? "" : String(unit));
  fill(
    "side",
    names().map((name, which) => [String(which), name]),
    String(side),
  );
}

function look(): void {
  fillChoices();
  engine.send({ order: "look", place: { side, layer, unit: unit ?? 0 } });
  allChanged();
}

// What the user does.

byId("play").addEventListener("click", () => (playing ? pause() : play()));
byId("step").addEventListener("click", () => {
  engine.send({ order: "step" });
  setPlaying(false);
});
byId("reset").addEventListener("click", () => {
  note([]);
  start({ ...settings, rates: fromNow() });
});
byId("speed").addEventListener("change", () => {
  if (playing) play();
});
byId("share").addEventListener("click", ({ currentTarget }) => {
  const button = currentTarget as HTMLButtonElement;
  const tell = (text: string): void => {
    button.textContent = text;
    setTimeout(() => (button.textContent = "Copy link"), 2000);
  };
  navigator.clipboard.writeText(location.href).then(
    () => tell("Copied"),
    () => tell("It is in the address bar"),
  );
});
byId("json").addEventListener("click", () => {
  save(
    jsonOf(
      settings,
      kernels,
      input(),
      FIGURES.flatMap(([, figures]) => figures),
    ),
    "playground.json",
  );
});
for (const id of ["layer", "unit", "side"] as const) {
  byId<HTMLSelectElement>(id).addEventListener("change", ({ currentTarget }) => {
    const { value } = currentTarget as HTMLSelectElement;
    if (id === "layer") layer = Number(value);
    else if (id === "unit") unit = value === "" ? null : Number(value);
    else side = value === "0" ? 0 : 1;
    look();
  });
}
byId("controls").addEventListener("submit", (event) => event.preventDefault());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  theme = readTheme();
  allChanged();
});
window.addEventListener("hashchange", open);

/** Opens what the address says. */
function open(): void {
  const { settings: found, notes } = parseSettings(location.hash.slice(1));
  note(notes);
  start(found);
  if (!stillness.matches) play();
}

// A phone's screen is for the networks first.
if (matchMedia("(max-width: 800px)").matches) byId<HTMLDetailsElement>("settings").open = false;
open();
