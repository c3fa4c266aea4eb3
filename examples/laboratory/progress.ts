/** Progress: a bar where a terminal can draw one, a line for each claim where it cannot. */
import type { WriteStream } from "node:tty";

const BAR_WIDTH = 32;
const CLEAR_LINE = "\r\x1b[K";

/** Shows how many of the measurements that were asked for are made. */
export class Progress {
  readonly #stream: WriteStream;
  readonly #claims: number;
  #asked = 0;
  #answered = 0;
  #finished = 0;

  /** Starts at zero. */
  constructor(stream: WriteStream, claims: number) {
    this.#stream = stream;
    this.#claims = claims;
  }

  /** Counts a measurement, now and when it is made. */
  async follow<T>(measurement: Promise<T>): Promise<T> {
    this.#asked++;
    const result = await measurement;
    this.#answered++;
    this.#draw();
    return result;
  }

  /** A claim has come to its end. */
  finished(line: string): void {
    this.#finished++;
    this.clear();
    this.#stream.write(`${this.#finished}/${this.#claims}  ${line}\n`);
    this.#draw();
  }

  /** Takes the bar away. */
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
