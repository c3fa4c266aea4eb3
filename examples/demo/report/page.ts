/** The page: one file that needs no network, no script and no other file. */
import {
  BATCH_SIZE,
  DIVERGED_LOSS,
  HIDDEN_LAYERS,
  PROBE_EVERY,
  PROBE_IMAGES,
  TEST_EVERY,
  WIDTH,
} from "../experiment.js";
import type { NetworkSummary } from "../summary.js";
import { accuracyTable, landscapeTable, movementTable } from "../tables.js";
import type { Run } from "../train.js";
import { accuracyFigure, betaFigure, gradientChangeFigure, lossBandFigure, lossFigure } from "./figures.js";
import { colored, figureHtml, tableHtml } from "./html.js";
import { percentileFigure } from "./percentiles.js";
import { STYLE } from "./style.js";

/** The whole page. */
export function renderPage(runs: readonly Run[], summaries: readonly NetworkSummary[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>With and without batch norm</title>
<style>${STYLE}</style>
</head>
<body>
<h1>With and without batch norm</h1>
${introduction(runs)}
<h2>How well do they learn?</h2>
${tableHtml(accuracyTable(summaries))}
${figureHtml("Test accuracy.", "Median over the seeds; the band reaches from the worst to the best seed. A network that diverged keeps the accuracy it stopped with.", accuracyFigure(runs))}
${figureHtml("Training loss.", "Mean of ten batches each; median over the seeds, band from the lowest to the highest. A uniform guess has ln 10 = 2.3. What leaves the figure at the top has diverged.", lossFigure(runs))}
<h2>How much do the hidden values move?</h2>
${hiddenValues}
${figureHtml("Percentiles of one unit.", "The 15th, 50th and 85th percentile of what a unit of the last hidden layer gets, over the probe images: figure 1 of Ioffe &amp; Szegedy 2015. First seed; of the units ordered by how far they moved, the middle one.", percentileFigure(runs))}
${tableHtml(movementTable(summaries))}
<h2>What does the loss look like along the gradient?</h2>
${landscape}
${figureHtml("Loss along the gradient.", "Line: the loss where the network stands. Band: lowest and highest loss at 0.5 to 4 learning rates along the gradient, medians over the seeds. Figure 4a of Santurkar et al. 2018.", lossBandFigure(runs))}
${figureHtml("Change of the gradient.", "Lowest and, as a line, highest change at the same distances, as part of the gradient's own length: 0 means that it stays, 2 that it turns around. Figure 4b of the same paper shows the change itself.", gradientChangeFigure(runs))}
${figureHtml("Effective beta-smoothness.", "The change of the gradient per distance, against the distance; median over the looks of a run, then over the seeds, with their range. Figure 4c of the same paper shows the maximum over the distances alone, which often lies at the smallest.", betaFigure(runs))}
${tableHtml(landscapeTable(summaries))}
${method(runs)}
</body>
</html>
`;
}

function introduction(runs: readonly Run[]): string {
  const { steps } = runs[0]!;
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  return `<p>The same networks, ${colored("plain")} and with ${colored("batch norm")}, from the same initial weights, on the same batches of
1797 real handwritten digits. Four settings, ${seeds} ${seeds === 1 ? "seed" : "seeds"}, ${steps} steps; nothing is tuned. Every number here was measured
by the run that made this page.</p>`;
}

const hiddenValues = `<p>The first story: batch norm limits how much the values shift that a layer gets from the layers below it, so that it
learns on firm ground. Here is how far they went, on the same ${PROBE_IMAGES} training images every ${PROBE_EVERY} steps: for each unit the furthest that
its 15th, 50th and 85th percentile got from step 0, on average; mean over the units.</p>
<p>Read with care. Behind a batch norm the mean of a unit over the batch <em>is</em> beta and its standard deviation <em>is</em> gamma: that
its input stays put is how the layer is built, not a finding. A network that learns nothing moves little. And raw figures and
figures in standard deviations can disagree, where a unit hardly varies from image to image.</p>`;

const landscape = `<p>The second story: batch norm makes the loss smoother, so that the gradient tells more about what a step will do. From
where a network stands, before every ${PROBE_EVERY}th step, the probe looks along the gradient of that batch, at 0.01 to 4 learning rates, without
going there.</p>
<p>Read with care. The networks are compared at equal steps, not at equal loss, and a network near its goal has less loss to lose. At
small distances and small rates batch norm need not be the smoother one. A network that is stuck can look smooth.</p>`;

function method(runs: readonly Run[]): string {
  const kernels = [...new Set(runs.map((run) => run.kernels))].join(", ");
  const widths = [64, ...Array.from({ length: HIDDEN_LAYERS }, () => WIDTH), 10].join("-");
  return `<h2>How this was made</h2>
<ul>
<li>Network ${widths}. Weights: Glorot uniform for sigmoid, He normal for ReLU, Glorot for the output; biases 0, gamma 1, beta 0. With
batch norm: Dense without bias, norm, activation; epsilon 1e-5, momentum 0.1.</li>
<li>Plain SGD, batches of ${BATCH_SIZE}, a new order each epoch. A seed fixes split (1347 images to train, 450 to test), weights and batches.</li>
<li>Test accuracy every ${TEST_EVERY} steps in inference mode, with running statistics. One test image is 0.002.</li>
<li>Diverged: a batch loss that is not finite or above ${DIVERGED_LOSS}. The run stops there.</li>
<li>The landscape is probed in double precision, with the statistics of the batch. Networks trained in single precision on the
<code>${kernels}</code> kernels.</li>
<li>Run again: <code>npm run demo</code>; every number: <code>npm run demo -- --json numbers.json</code>.</li>
</ul>
<p class="soft">Sources. S. Ioffe, C. Szegedy, Batch Normalization, ICML 2015 (arXiv:1502.03167). S. Santurkar, D. Tsipras, A. Ilyas, A.
Madry, How Does Batch Normalization Help Optimization?, NeurIPS 2018 (arXiv:1805.11604). Digits: E. Alpaydin, C. Kaynak, UCI
Machine Learning Repository, 1998.</p>`;
}
