/** The worker: trains in slices of a few milliseconds, so that orders are received in between, and waits until each frame is drawn. */
import { Experiment, SHOWN_DIGITS, type StepRecord } from "../experiment/experiment.js";
import type { Samples } from "../experiment/data.js";
import { LAST_STEP } from "../experiment/settings.js";
import type { Drawn, Frame, News, Order, Speed, UnitPlace } from "./messages.js";

const SLICE = 8;
/** Milliseconds between updates of planes, images and unit numbers, which are costly; they are also updated when training stops. */
const LOOK_EVERY = 100;

let experiment: Experiment;
let run = -1;
let place: UnitPlace;
let speed: Speed | undefined;
let stepsAsked = 0;
let lookAsked = false;
let testMoved = false;
let waitingForPage = false;
let lastLook = 0;
let working = false;

const send = (news: News): void => self.postMessage(news);

self.onmessage = ({ data }: MessageEvent<Order>): void => {
  obey(data);
  work().catch((error: unknown) => {
    working = false;
    send({ news: "failure", message: String(error) });
  });
};

function obey(data: Order): void {
  switch (data.order) {
    case "start":
      experiment = new Experiment(data.settings);
      ({ run, place } = data);
      [speed, stepsAsked, waitingForPage, lookAsked, testMoved] = [undefined, 0, false, false, false];
      send({
        news: "ready",
        run,
        kernels: experiment.kernels,
        train: drawn(experiment.task.train),
        test: drawn(experiment.test),
      });
      return;
    case "play":
      speed = data.speed;
      // If nothing is left to train, a frame reports it.
      lookAsked = !goesOn();
      return;
    case "pause":
      speed = undefined;
      lookAsked = true;
      return;
    case "step":
      speed = undefined;
      if (experiment.step < LAST_STEP) stepsAsked++;
      return;
    case "rate":
      experiment.setRate(data.rate);
      lookAsked = true;
      return;
    case "test":
      experiment.setTest(data.predict, data.shift);
      [lookAsked, testMoved] = [true, true];
      return;
    case "look":
      place = data.place;
      lookAsked = true;
      return;
    case "drawn":
      waitingForPage = false;
  }
}

/** Works until it has to wait for an order, or for the page to draw. */
async function work(): Promise<void> {
  if (working) return;
  working = true;
  while (!waitingForPage && (goesOn() || stepsAsked > 0 || lookAsked)) {
    const [workedOn, ofRun] = [experiment, run];
    const records: StepRecord[] = [];
    const start = performance.now();
    const slow = stepsAsked > 0 || typeof speed === "number";
    while (goesOn() || stepsAsked > 0) {
      if (typeof speed === "number") await pause(1000 / speed - (performance.now() - start));
      if (experiment !== workedOn || !(goesOn() || stepsAsked > 0)) break;
      records.push(await experiment.advance());
      stepsAsked = Math.max(0, stepsAsked - 1);
      if (slow || performance.now() - start > SLICE) break;
    }
    // A new run may have started during the pause.
    if (ofRun === run) {
      waitingForPage = true;
      send(frameOf(records));
    }
    await pause(0);
  }
  working = false;
}

/** Returns whether training continues without another order. */
function goesOn(): boolean {
  return speed !== undefined && experiment.step < LAST_STEP && experiment.divergedAt.includes(null);
}

function frameOf(records: readonly StepRecord[]): Frame {
  const running = goesOn();
  const looks = lookAsked || !running || performance.now() - lastLook > LOOK_EVERY;
  const movedTest = testMoved;
  const { step, divergedAt, rates } = experiment;
  [lookAsked, testMoved] = [false, false];
  if (looks) lastLook = performance.now();
  return {
    ...{ news: "frame", run, step, records, divergedAt, rates, running },
    ...(looks && {
      views: experiment.views(),
      accuracies: experiment.accuracies(),
      unit: experiment.unitOf(place.side, place.layer, place.unit),
    }),
    ...(movedTest && { test: drawn(experiment.test) }),
  };
}

/** Returns the samples that the page draws: all points of the plane, or the first few digits. */
function drawn({ inputs, labels }: Samples): Drawn {
  const features = inputs.shape[1]!;
  const count = features === 2 ? labels.length : SHOWN_DIGITS;
  return {
    classes: features === 2 ? 2 : 10,
    inputs: Float32Array.from(inputs.data.subarray(0, count * features)),
    labels: labels.slice(0, count),
  };
}

/** Waits, so that orders can be received. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}
