/** The row of presets, and the text of the active one. */
import { type Preset, PRESETS } from "../experiment/presets.js";
import { formatSettings, type Settings } from "../experiment/settings.js";

export class Presets {
  readonly #buttons = new Map<Preset, HTMLButtonElement>();
  readonly #story: HTMLElement;
  #shown: Preset | undefined;

  constructor(place: HTMLElement, story: HTMLElement, choose: (preset: Preset) => void) {
    this.#story = story;
    for (const preset of PRESETS) {
      const button = place.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = preset.title;
      button.dataset["preset"] = preset.id;
      button.addEventListener("click", () => {
        this.#shown = preset;
        choose(preset);
      });
      this.#buttons.set(preset, button);
    }
  }

  /** Marks the preset that matches the settings; its text stays visible when the settings are changed. */
  show(settings: Settings): void {
    const exact = presetOf(settings);
    this.#shown = exact ?? this.#shown;
    for (const [preset, button] of this.#buttons) button.setAttribute("aria-pressed", String(preset === exact));
    this.#story.hidden = this.#shown === undefined;
    if (this.#shown === undefined) return;
    const { name, url } = this.#shown.source;
    const link = Object.assign(document.createElement("a"), { href: url, textContent: name });
    this.#story.replaceChildren(`${this.#shown.text} Source: `, link, ".");
  }
}

/** Returns the preset with exactly these settings. */
export function presetOf(settings: Settings): Preset | undefined {
  return PRESETS.find((preset) => formatSettings(preset.settings) === formatSettings(settings));
}
