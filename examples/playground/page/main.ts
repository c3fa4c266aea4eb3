/** The page: sends settings, draws frames. All training happens in the worker. */
import type { Figure } from "../charts/figure.js";
import { bands, ridgeline, running } from "../charts/hidden.js";
import { band, betaProfile } from "../charts/landscape.js";
import { covariateShift, gradientNorms } from "../charts/layers.js";
import { accuracy, loss } from "../charts/training.js";
import type { Preset } from "../experiment/presets.js";
import { formatSettings, LAST_STEP, parseSettings, type Settings } from "../experiment/settings.js";
import { addCard, type Card, type Sheet } from "./card.js";
import { type Change, Controls } from "./controls.js";
import { Engine } from "./engine.js";
import { jsonOf, save } from "./export.js";
import { Featured } from "./featured.js";
import type { Frame } from "./messages.js";
import { NetworkCard } from "./network-card.js";
import { Pace } from "./pace.js";
import { presetOf, Presets } from "./presets.js";
import { type Chosen, Run } from "./run.js";
import { readTheme } from "./theme.js";
import { showUnit } from "./unit-panel.js";

const byId = (id: string): HTMLElement => document.getElementById(id)!;
const selectById = (id: string): HTMLSelectElement => byId(id) as HTMLSelectElement;
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
/** Milliseconds between frames for users who prefer reduced motion. */
const STILL_BETWEEN = 500;

let run: Run;
let playing = false;
let theme = readTheme();
let drawAsked = false;
let lastDrawn = 0;

// The parts of the page.

const FIGURES: readonly (readonly [string, readonly Figure[]])[] = [
  ["curves", [loss, accuracy]],
  ["inside-cards", [bands, ridgeline, running, gradientNorms]],
  ["why-cards", [band, betaProfile, covariateShift]],
];
const figures = FIGURES.flatMap(([place, each]) => each.map((figure) => ({ place, figure })));
const charts = new Map(
  figures.map(({ place, figure }): [Figure, Card] => {
    const { id, title, caption, height, draw, table } = figure;
    const content = {
      ...{ id, title, caption, height: () => height, table: () => table(run.figureInput), names: () => run.names },
      draw: (...[context, box, colors]: Parameters<Sheet["content"]["draw"]>) =>
        draw(context, box, run.figureInput, colors),
    };
    return [figure, addCard(byId(place), content, () => theme, askToDraw)];
  }),
);
const cards = ([0, 1] as const).map(
  (side) =>
    new NetworkCard(byId("networks"), side, () => run, {
      theme: () => theme,
      onResize: askToDraw,
      onChoose: (layer, unit) => look({ side, layer, unit }),
    }),
);
const sheets: readonly Sheet[] = [
  ...[...charts.values()].map(({ sheet }) => sheet),
  ...cards.flatMap((card) => card.sheets),
];

const controls = new Controls(byId("controls"), change);
const presets = new Presets(byId("presets"), byId("story"), (chosen) => {
  demonstrate(chosen);
  play();
});
const featured = new Featured(byId("featured"));
const pace = new Pace();
const engine = new Engine({
  ready: (news) => {
    run.ready(news);
    byId("engine").textContent =
      `Computed in your browser by the batchnorm library, on its ${news.kernels} kernels. No data is sent anywhere.`;
    allChanged();
  },
  frame: take,
  failure: (message) => {
    pause();
    note([`Training stopped: ${message}. Press Reset to start again.`]);
  },
});

// Runs.

/** Starts a preset, and brings its figure on screen. */
function demonstrate({ settings, view }: Preset): void {
  start(settings, view);
  const [, card] = [...charts].find(([{ id }]) => id === view.figure)!;
  featured.show(card.element);
}

/** Starts a new run at step 0, paused. */
function start(settings: Settings, chosen?: Pick<Chosen, "layer" | "unit">): void {
  const before = run as Run | undefined;
  run = new Run(settings, chosen ?? before?.chosen);
  pace.reset();
  engine.start(settings, run.place);
  setPlaying(false);
  showSettings();
  fillChoices();
  allChanged();
}

function play(): void {
  const { value } = selectById("speed");
  engine.play(value === "fastest" ? value : Number(value));
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
  if (!playing) byId("pace").textContent = "";
}

/** Applies a changed setting: some take effect at once, all others in a new run. */
function change({ rate, ...others }: Change): void {
  if (rate !== undefined) {
    engine.send({ order: "rate", rate });
    return;
  }
  const changed = { ...run.settings, ...others };
  if (changed.predict !== run.settings.predict || changed.shift !== run.settings.shift) {
    run.settings = changed;
    engine.send({ order: "test", predict: changed.predict, shift: changed.shift });
    showSettings();
    return;
  }
  const goesOn = playing;
  start({ ...changed, rates: [{ step: 0, rate: run.rate }] });
  if (goesOn) play();
}

function take(frame: Frame): void {
  const brought = run.take(frame);
  if (brought.rates) showSettings();
  if (brought.losses) charts.get(loss)!.sheet.changed();
  if (brought.measurements) for (const { sheet } of charts.values()) sheet.changed();
  if (brought.measurements) markStuck();
  if (brought.views) for (const card of cards) card.changed();
  if (brought.views) tellUnit();
  pace.count(frame.records.length);
  if (playing && !frame.running) setPlaying(false);
  askToDraw();
  // The worker need not wait for frames that are skipped.
  if (stillness.matches) engine.send({ order: "drawn" });
}

// Drawing.

function allChanged(): void {
  for (const { sheet } of charts.values()) sheet.changed();
  for (const card of cards) card.changed();
  markStuck();
  tellUnit();
  askToDraw();
}

/** Marks networks that do not learn, on every card. */
function markStuck(): void {
  const names = run.names.filter((_, side) => run.stuck[side]);
  for (const card of charts.values()) card.markStuck(names.length === 0 ? "" : `stuck: ${names.join(", ")}`);
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
  featured.settle();
  byId("count").textContent = String(run.history.step);
  if (playing) byId("pace").textContent = pace.text();
  document.body.dataset["step"] = String(run.history.step);
  if (!stillness.matches) engine.send({ order: "drawn" });
}

function tellUnit(): void {
  const { side } = run.chosen;
  const name = run.names[side];
  const why = run.history.divergedAt[side] === null ? "has no BatchNorm layer" : "has diverged";
  const waiting = run.history.step === 0;
  showUnit(
    byId("how"),
    run.unitNumbers,
    waiting ? "Nothing has been computed yet. Press Play or Step." : `${name} ${why}.`,
  );
}

/** Describes the state for screen readers. */
function tellStatus(): void {
  const { history, names } = run;
  const states = names.map((name, side) => {
    const divergedAt = history.divergedAt[side]!;
    if (divergedAt !== null) return `${name}: diverged at step ${divergedAt}`;
    const value = history.sides[side]!.accuracies.values.at(-1);
    const stuck = run.stuck[side] ? ", stuck" : "";
    return `${name}: test accuracy ${value === undefined ? "not measured" : `${(100 * value).toFixed(1)} percent`}${stuck}`;
  });
  const end = history.step >= LAST_STEP ? ` Runs end after ${LAST_STEP} steps.` : "";
  byId("status").textContent = `Paused at step ${history.step}. ${states.join(". ")}.${end}`;
}

function note(lines: readonly string[]): void {
  byId("notes").hidden = lines.length === 0;
  byId("notes").replaceChildren(
    ...lines.map((text) => Object.assign(document.createElement("p"), { textContent: text })),
  );
}

function showSettings(): void {
  controls.show(run.settings, run.rate);
  presets.show(run.settings);
  const text = formatSettings(run.settings);
  if (location.hash.slice(1) !== text) history.replaceState(null, "", `#${text}`);
}

function fillChoices(): void {
  const fill = (id: string, options: readonly (readonly [string, string])[], chosen: string): void => {
    selectById(id).replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    selectById(id).value = chosen;
  };
  const numbers = (count: number): [string, string][] =>
    Array.from({ length: count }, (_, i) => [String(i), String(i + 1)]);
  const { side, layer, unit } = run.chosen;
  fill("layer", numbers(run.settings.depth), String(layer));
  fill("unit", [["", "all"], ...numbers(run.settings.width)], unit === null ? "" : String(unit));
  fill(
    "side",
    run.names.map((name, which) => [String(which), name]),
    String(side),
  );
}

function look(chosen: Chosen): void {
  run.chosen = chosen;
  fillChoices();
  engine.send({ order: "look", place: run.place });
  allChanged();
}

// User input.

byId("play").addEventListener("click", () => (playing ? pause() : play()));
byId("step").addEventListener("click", () => {
  engine.send({ order: "step" });
  setPlaying(false);
});
byId("reset").addEventListener("click", () => {
  note([]);
  start({ ...run.settings, rates: [{ step: 0, rate: run.rate }] });
});
byId("speed").addEventListener("change", () => {
  if (playing) play();
});
byId("share").addEventListener("click", () => {
  const tell = (text: string): void => {
    byId("share").textContent = text;
    setTimeout(() => (byId("share").textContent = "Copy link"), 2000);
  };
  navigator.clipboard.writeText(location.href).then(
    () => tell("Copied"),
    () => tell("Copy it from the address bar"),
  );
});
byId("json").addEventListener("click", () => {
  const all = figures.map(({ figure }) => figure);
  save(jsonOf(run.settings, run.kernels, run.figureInput, all), "playground.json");
});
selectById("layer").addEventListener("change", () => look({ ...run.chosen, layer: Number(selectById("layer").value) }));
selectById("unit").addEventListener("change", () => {
  const { value } = selectById("unit");
  look({ ...run.chosen, unit: value === "" ? null : Number(value) });
});
selectById("side").addEventListener("change", () =>
  look({ ...run.chosen, side: selectById("side").value === "0" ? 0 : 1 }),
);
byId("controls").addEventListener("submit", (event) => event.preventDefault());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  theme = readTheme();
  allChanged();
});
window.addEventListener("hashchange", open);

/** Starts the demonstration in the URL. */
function open(): void {
  const { settings, notes } = parseSettings(location.hash.slice(1));
  note(notes);
  const preset = presetOf(settings);
  if (preset === undefined) start(settings);
  else demonstrate(preset);
  if (!stillness.matches) play();
}

// On narrow screens, the networks come first.
if (matchMedia("(max-width: 800px)").matches) (byId("settings") as HTMLDetailsElement).open = false;
open();
