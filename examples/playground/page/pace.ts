/** Pace: training speed over the last second. */

export class Pace {
  readonly #frames: { readonly time: number; readonly steps: number }[] = [];

  reset(): void {
    this.#frames.length = 0;
  }

  /** Records a frame with a number of new steps. */
  count(steps: number): void {
    const time = performance.now();
    this.#frames.push({ time, steps });
    while (this.#frames[0]!.time < time - 1000) this.#frames.shift();
  }

  text(): string {
    const seconds = Math.max(0.2, (performance.now() - (this.#frames[0]?.time ?? 0)) / 1000);
    const steps = this.#frames.reduce((sum, frame) => sum + frame.steps, 0);
    const rate = (count: number): string => (count / seconds).toFixed(0);
    return `${rate(steps)} steps/s, ${rate(this.#frames.length)} frames/s`;
  }
}
