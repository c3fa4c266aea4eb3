/** The engine: the page's interface to the worker. It numbers the runs, so that messages of an old run are ignored. */
import type { Settings } from "../experiment/settings.js";
import type { Frame, News, Order, Speed, UnitPlace } from "./messages.js";

type Ready = Extract<News, { news: "ready" }>;

/** Callbacks of the engine. */
export interface Listener {
  readonly ready: (news: Ready) => void;
  readonly frame: (frame: Frame) => void;
  readonly failure: (message: string) => void;
}

/** Sends orders to the worker, and receives its messages. */
export class Engine {
  readonly #worker = new Worker(new URL("worker.ts", import.meta.url), { type: "module" });
  #run = 0;

  constructor(listener: Listener) {
    this.#worker.onmessage = ({ data }: MessageEvent<News>): void => {
      if (data.news === "failure") listener.failure(data.message);
      else if (data.run !== this.#run) return;
      else if (data.news === "ready") listener.ready(data);
      else listener.frame(data);
    };
    this.#worker.onerror = (event): void => listener.failure(event.message);
  }

  start(settings: Settings, place: UnitPlace): void {
    this.#run++;
    this.#send({ order: "start", run: this.#run, settings, place });
  }

  play(speed: Speed): void {
    this.#send({ order: "play", speed });
  }

  send(order: Exclude<Order, { order: "start" | "play" }>): void {
    this.#send(order);
  }

  #send(order: Order): void {
    this.#worker.postMessage(order);
  }
}
