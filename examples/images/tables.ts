/** Tables of numbers, for both the terminal and the page. */
import { DISTANCES } from "../demo/experiment.js";
import { betaProfile, gradientChangeBand, lossBand } from "../demo/landscape.js";
import type { Row, Table } from "../demo/tables.js";
import { formatAccuracy, formatFigure } from "../shared/format.js";
import { median } from "../shared/spread.js";
import type { DataFacts } from "./data.js";
import { LEARNING_RATE, MILESTONES, NAMES, TEST_IMAGES } from "./experiment.js";
import type { Run } from "./train.js";

/** Tabulates the test accuracy at the milestones, and the time of a step. A diverged run keeps its last accuracy. */
export function accuracyTable(runs: readonly Run[], { testImages }: DataFacts): Table {
  const { steps } = runs[0]!;
  const milestones = [...MILESTONES.filter((step) => step < steps), steps];
  return {
    title: `Accuracy on ${testImages > TEST_IMAGES ? `${TEST_IMAGES} test images, in the last column on all ${testImages}` : `${testImages} test images`}`,
    head: milestones.map((step) => `step ${step}`),
    noteHead: "",
    rows: runs.map((run) => {
      const cells = milestones.map((step) => run.accuracies.findLast((measured) => measured.step <= step)?.accuracy);
      const speed = `${run.parameters} parameters, ${run.millisecondsPerStep.toFixed(0)} ms per step`;
      return rowOf(
        run,
        cells.map((accuracy) => (accuracy === undefined ? "-" : formatAccuracy(accuracy))),
        run.divergedAt === null ? speed : `diverged after ${run.divergedAt} ${run.divergedAt === 1 ? "step" : "steps"}`,
      );
    }),
  };
}

/** Tabulates the probes along the gradient: medians over the training. */
export function landscapeTable(runs: readonly Run[]): Table {
  return {
    title:
      "Along the gradient, median over the probes: range of the loss and largest relative change of the gradient over 0.5 to 4 lr, and beta x lr at each distance",
    head: ["loss", "gradient", ...DISTANCES.map((distance) => `${distance} lr`)],
    noteHead: "",
    rows: runs.map((run) => {
      const ranges = run.looks.map(lossBand).map(({ low, high }) => high - low);
      const changes = run.looks.map((look) => gradientChangeBand(look).high);
      const betas = DISTANCES.map((_, i) => median(run.looks.map((look) => betaProfile(look, LEARNING_RATE)[i]!)));
      const cells = [median(ranges), median(changes), ...betas].map(formatFigure);
      return rowOf(run, cells, run.divergedAt === null ? "" : "until divergence");
    }),
  };
}

function rowOf({ architecture, network }: Run, cells: readonly string[], note: string): Row {
  return { condition: NAMES[architecture], network, cells, note };
}
