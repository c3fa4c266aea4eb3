/** Progress: a bar on a terminal with the current claim and the time left, and the result of each finished claim. */
import type { WriteStream } from "node:tty";

const BAR_WIDTH = 32;
const CLEAR_LINE = "\r\x1b[K";
/** Without a terminal, a line is printed whenever another tenth is done. */
const LINES = 10;

/** A claim to follow. */
export interface Expected {
  readonly name: string;
  /** How long it takes, compared with the others. */
  readonly weight: number;
}

interface Followed extends Expected {
  readonly questions: Set<string>;
  /** The largest share done so far. It never falls, although a claim may request more measurements. */
  share: number;
  finished: boolean;
}

/** Shows how much of the measurements is done. */
export class Progress {
  readonly #stream: WriteStream;
  readonly #claims: readonly Followed[];
  readonly #now: () => number;
  readonly #start: number;
  /** The share done of each measurement, by question. */
  readonly #done = new Map<string, number>();
  /** Measurements found in the store, which say nothing about the speed. */
  readonly #reused = new Set<string>();
  #lines = 0;

  /** Creates a display with nothing done. */
  constructor(stream: WriteStream, claims: readonly Expected[], now = () => performance.now()) {
    this.#stream = stream;
    this.#claims = claims.map((claim) => ({ ...claim, questions: new Set(), share: 0, finished: false }));
    this.#now = now;
    this.#start = now();
  }

  /** Notes that a claim has requested a measurement. */
  asked(name: string, question: string): void {
    this.#claims.find((claim) => claim.name === name)!.questions.add(question);
  }

  /** Notes the share of a measurement that is done. */
  update(question: string, share: number, reused = false): void {
    this.#done.set(question, share);
    if (reused) this.#reused.add(question);
    this.#draw();
  }

  /** Prints the result of a finished claim. */
  finished(name: string, line: string): void {
    this.#claims.find((claim) => claim.name === name)!.finished = true;
    const count = this.#claims.filter(({ finished }) => finished).length;
    this.clear();
    this.#stream.write(`${count}/${this.#claims.length}  ${line}\n`);
    this.#draw();
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write(CLEAR_LINE);
  }

  /** Returns the share of all work that is done, from 0 to 1. */
  #advance(): number {
    for (const claim of this.#claims) claim.share = claim.finished ? 1 : Math.max(claim.share, this.#shareOf(claim));
    return this.#weighted((claim) => claim.share);
  }

  /** Returns the share of the requested measurements that is done; without those in `omitted`. */
  #shareOf({ questions }: Followed, omitted: ReadonlySet<string> = new Set()): number {
    let done = 0;
    for (const question of questions) if (!omitted.has(question)) done += this.#done.get(question) ?? 0;
    return questions.size === 0 ? 0 : done / questions.size;
  }

  #weighted(figure: (claim: Followed) => number): number {
    const total = this.#claims.reduce((sum, { weight }) => sum + weight, 0);
    return this.#claims.reduce((sum, claim) => sum + claim.weight * figure(claim), 0) / total;
  }

  #draw(): void {
    const share = this.#advance();
    const current = this.#claims.find(({ finished }) => !finished);
    if (current === undefined) return;
    const text = `${Math.floor(100 * share)}%  ${current.name}  ${this.#timeLeft(share)}`;
    if (this.#stream.isTTY) {
      const full = Math.floor(share * BAR_WIDTH);
      this.#stream.write(`${CLEAR_LINE}${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)} ${text}`);
    } else if (Math.floor(LINES * share) > this.#lines) {
      this.#lines = Math.floor(LINES * share);
      this.#stream.write(`${text}\n`);
    }
  }

  #timeLeft(share: number): string {
    const measured = this.#weighted((claim) => this.#shareOf(claim, this.#reused));
    if (measured < 0.01) return "estimating the time left";
    const seconds = ((this.#now() - this.#start) / 1000) * ((1 - share) / measured);
    return seconds < 90 ? `about ${Math.ceil(seconds / 10) * 10} s left` : `about ${Math.round(seconds / 60)} min left`;
  }
}
