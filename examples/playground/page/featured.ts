/** The featured card: a preset's figure, shown next to the networks instead of in its own section. */
export class Featured {
  #card: HTMLElement | undefined;
  #toScroll = false;
  /** Marks the place that the card was taken from. */
  readonly #home = document.createComment("");

  constructor(readonly place: HTMLElement) {}

  /** Shows a card here, and returns the previous one to its section. */
  show(card: HTMLElement): void {
    if (this.#card !== undefined) this.#home.replaceWith(this.#card);
    this.#card = card;
    card.replaceWith(this.#home);
    this.place.append(card);
    this.#toScroll = true;
  }

  /** Scrolls if the card is not visible, as on a phone. Called when everything above it has been drawn and has its height. */
  settle(): void {
    if (this.#toScroll) this.#card!.scrollIntoView({ block: "nearest" });
    this.#toScroll = false;
  }
}
