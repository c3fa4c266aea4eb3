/** Push panels: what a push of the mean outputs does to the loss and to the predictions. */
import type { Panel, Series } from "./claim.js";
import type { OutputShift } from "./measure/output-shift.js";
import { dot, lineOf } from "./study.js";

/** A network with its measurements, one per seed. */
export interface Pushed extends Omit<Series, "points"> {
  readonly looks: readonly OutputShift[];
}

/** Returns one line per network over the seeds. */
export function pushedLines(
  networks: readonly Pushed[],
  points: (look: OutputShift) => readonly { readonly x: number; readonly y: number }[],
): Series[] {
  return networks.map(({ looks, ...series }) => ({ ...series, points: lineOf(looks.map(points)) }));
}

/** Returns a dashed line at the value expected by chance. */
export function chanceLine(value: number, [from, to]: readonly [number, number]): Series {
  return { network: "plain, calibrated", label: "chance", dash: "2 4", points: [dot(from, value), dot(to, value)] };
}

/** Returns the panels of the loss and of the predictions by the length of the push. */
export function pushPanels(networks: readonly Pushed[]): Panel[] {
  const x = { label: "length of the push (% of ||theta||)", type: "linear", domain: [0, 2] } as const;
  return [
    {
      title: "loss",
      x,
      y: { label: "loss / loss before", type: "log", ceiling: 1e4 },
      series: pushedLines(networks, ({ profile }) =>
        profile.map(({ length, ratio }) => ({ x: 100 * length, y: ratio })),
      ),
    },
    {
      title: "predictions",
      x,
      y: { label: "share of images assigned to class k", type: "linear", domain: [0, 1] },
      series: [
        ...pushedLines(networks, ({ profile }) => profile.map((push) => ({ x: 100 * push.length, y: push.assigned }))),
        chanceLine(0.1, x.domain),
      ],
    },
  ];
}
