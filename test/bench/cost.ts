/**
 * `npm run bench -- cost`: what loss and gradient cost over batch and over depth, drawn as docs/images/cost.svg.
 *
 * Dense layers of 64 with batch norm on the default kernels, float32; medians of rounds that take turns, in milliseconds of
 * processor time.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import * as Plot from "@observablehq/plot";
import { defaultKernels } from "batchnorm";
import { parseHTML } from "linkedom";
import { median } from "./measure.js";
import { gradientWork, type Net } from "./model-works.js";

const net = (depth: number, batch: number): Net => ({
  name: `${depth} layers, batch ${batch}`,
  widths: new Array<number>(depth + 1).fill(64),
  norm: true,
  batch,
});

const batches = [250, 500, 1000, 2000, 4000].map((batch) => ({
  axis: "rows in a batch, 10 layers",
  x: batch,
  ...net(10, batch),
}));
const depths = [5, 10, 20, 30, 40].map((depth) => ({ axis: "layers, batch 1000", x: depth, ...net(depth, 1000) }));

const works = [...batches, ...depths].map((one) => ({
  ...one,
  run: gradientWork(one).prepare(defaultKernels()),
  times: [] as number[],
}));
for (let round = 0; round <= 9; round++) {
  for (const { run, times } of works) {
    const before = process.cpuUsage();
    for (let i = 0; i < 3; i++) run();
    const { user, system } = process.cpuUsage(before);
    // The first round warms up.
    if (round > 0) times.push((user + system) / 3000);
  }
}
const points = works.map(({ axis, x, times }) => ({ axis, x, y: median(times) }));
console.log(`${cpus()[0]?.model ?? "unknown"}, Node ${process.version}, ${defaultKernels().name} kernels\n`);
for (const { axis, x, y } of points)
  console.log(`${axis.padEnd(28)}${String(x).padStart(6)}${y.toFixed(2).padStart(10)} ms`);

const { document } = parseHTML("<!doctype html><html><body></body></html>");
const panels = [batches, depths].map((list, i) => {
  const axis = list[0]!.axis;
  const own = points.filter((point) => point.axis === axis);
  // The line through 0 that fits best: proportional cost.
  const slope = own.reduce((s, { x, y }) => s + x * y, 0) / own.reduce((s, { x }) => s + x * x, 0);
  const end = own.at(-1)!.x;
  const chart = Plot.plot({
    ...{ document, width: 380, height: 260, marginLeft: 46, marginBottom: 38 },
    style: { background: "none", color: "#888", fontSize: "12px" },
    x: { label: `${axis} →`, domain: [0, end * 1.05], ticks: 5 },
    y: {
      label: "↑ milliseconds, loss and gradient",
      domain: [0, Math.max(slope * end, ...own.map(({ y }) => y)) * 1.05],
    },
    marks: [
      Plot.lineY([0, end], {
        x: (x: number) => x,
        y: (x: number) => slope * x,
        stroke: "#888",
        strokeDasharray: "4 3",
      }),
      Plot.dot(own, { x: "x", y: "y", fill: "#2a78d6", r: 4 }),
    ],
  });
  chart.setAttribute("x", String(390 * i));
  return chart.outerHTML;
});
const size = 'width="780" height="260" viewBox="0 0 780 260"';
const label =
  "Milliseconds of loss and gradient over the rows of a batch and over the layers, with the line of proportional cost";
writeFileSync(
  "docs/images/cost.svg",
  `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${label}" font-family="sans-serif">${panels.join("")}</svg>\n`,
);
