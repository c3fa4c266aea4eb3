/** Progress: a bar on a terminal, and a line for each finished claim. */
import type { WriteStream } from "node:tty";

const BAR_WIDTH = 32;
const CLEAR_LINE = "\r\x1b[K";

/** Shows how many of the requested measurements are done. */
export class Progress {
  readonly #stream: WriteStream;
  readonly #claims: number;
  #asked = 0;
  #answered = 0;
  #finished = 0;

  /** Creates a display with no measurements. */
  constructor(stream: WriteStream, claims: number) {
    this.#stream = stream;
    this.#claims = claims;
  }

  /** Counts a measurement when it is requested and when it is done. */
  async follow<T>(measurement: Promise<T>): Promise<T> {
    this.#asked++;
    const result = await measurement;
    this.#answered++;
    this.#draw();
    return result;
  }

  /** Prints the result of a finished claim. */
  finished(line: string): void {
    this.#finished++;
    this.clear();
    this.#stream.write(`${this.#finished}/${this.#claims}  ${line}\n`);
    this.#draw();
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write(CLEAR_LINE);
  }

  #draw(): void {
    if (!this.#stream.isTTY) return;
    const full = Math.floor((this.#answered / this.#asked) * BAR_WIDTH);
    const bar = "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
    this.#stream.write(`${CLEAR_LINE}${bar} ${this.#answered}/${this.#asked} measurements`);
  }
}
