/** The page: one self-contained file, without scripts or network access. */
import type { DataFacts } from "../../images/data.js";
import { LEARNING_RATE as IMAGE_LEARNING_RATE } from "../../images/experiment.js";
import * as imageFigures from "../../images/report/figures.js";
import { accuracyTable as imageAccuracyTable } from "../../images/tables.js";
import type { Run as ImageRun } from "../../images/train.js";
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

/** Renders the page: `imageRuns` are those of the convolutional networks on the images that `facts` describes. */
export function renderPage(
  runs: readonly Run[],
  summaries: readonly NetworkSummary[],
  imageRuns: readonly ImageRun[],
  facts: DataFacts,
): string {
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
${figureHtml("Test accuracy.", "Median over the seeds, with a band from the worst to the best seed. A network that diverges keeps its last accuracy.", accuracyFigure(runs))}
${figureHtml("Training loss.", "Mean over ten batches; median over the seeds, with a band from the lowest to the highest seed. Uniform guessing has loss ln 10 = 2.3. Curves that leave the figure at the top have diverged.", lossFigure(runs))}
<h2>How much do the hidden values change?</h2>
${hiddenValues}
${figureHtml("Percentiles of one unit.", "The 15th, 50th and 85th percentiles of the activation input of one unit in the last hidden layer, over the probe images, as in figure 1 of Ioffe &amp; Szegedy 2015. First seed; the unit with the median change is shown.", percentileFigure(runs))}
${tableHtml(movementTable(summaries))}
<h2>What does the loss look like along the gradient?</h2>
${landscape}
${figureHtml("Loss along the gradient.", "Line: the current loss. Band: the lowest and highest loss at 0.5 to 4 learning rates along the gradient. Medians over the seeds. See figure 4a of Santurkar et al. 2018.", lossBandFigure(runs))}
${figureHtml("Change of the gradient.", "Band: the lowest to the highest change (line) at the same distances, relative to the norm of the gradient. 0 means that the gradient stays the same, 2 that it reverses. Figure 4b of the same paper shows the absolute change.", gradientChangeFigure(runs))}
${figureHtml("Effective beta-smoothness.", "The change of the gradient divided by the distance, for each distance. Median over the probes of a run, then median and range over the seeds. Figure 4c of the same paper shows only the maximum over the distances, which is often at the smallest one.", betaFigure(runs))}
${tableHtml(landscapeTable(summaries))}
${convolutional(imageRuns, facts)}
${method(runs)}
</body>
</html>
`;
}

function introduction(runs: readonly Run[]): string {
  const { steps } = runs[0]!;
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  return `<p>This page compares ${colored("plain")} networks with the same networks with ${colored("batch norm")}. Both are trained from the same
initial weights on the same batches of 1797 real handwritten digits, in four settings, with ${seeds} ${seeds === 1 ? "seed" : "seeds"}, for ${steps}
steps. No setting was tuned. All numbers were measured in the run that generated this page.</p>`;
}

const hiddenValues = `<p>The first explanation: batch norm limits how much the inputs of a layer shift as the layers below it learn, so that the
layer trains on stable inputs. The table shows how much the hidden values changed, measured on the same ${PROBE_IMAGES} training images every ${PROBE_EVERY} steps.
For each unit, this is the largest change of its 15th, 50th and 85th percentiles since step 0 (the mean of the three); it is averaged over the units.</p>
<p>Read this with care. Directly after a BatchNorm layer, the mean of a unit over the batch <em>is</em> beta and its standard deviation
<em>is</em> gamma, so stable inputs follow from the definition of the layer and are not a finding. In a network that learns nothing, values change little. Raw
changes and changes in standard deviations can disagree if a unit hardly varies between images.</p>`;

const landscape = `<p>The second explanation: batch norm makes the loss smoother, so that the gradient better predicts the effect of a step.
Before every ${PROBE_EVERY}th step, the probe evaluates the loss and its gradient at 0.01 to 4 learning rates along the gradient of that batch, without
changing the network.</p>
<p>Read this with care. The networks are compared at equal steps, not at equal loss, and a network that is nearly trained has less
loss left to change. At small distances and low learning rates, the network with batch norm is not necessarily smoother. A network
that does not learn can also appear smooth.</p>`;

function convolutional(runs: readonly ImageRun[], facts: DataFacts): string {
  const { steps } = runs[0]!;
  const panels = [
    ...imageFigures.accuracyFigure(runs),
    ...imageFigures.lossFigure(runs),
    ...imageFigures.lossBandFigure(runs),
    ...imageFigures.gradientChangeFigure(runs),
  ];
  return `<h2>And in a convolutional network?</h2>
<p>Both papers measured convolutional networks, and Santurkar et al. a VGG. VGG-13/8 has the ten convolutions of a VGG-13 with an eighth of its channels.
It is trained with and without batch norm on ${facts.trainImages} images of ${facts.name}, with one seed and a learning rate of ${IMAGE_LEARNING_RATE}, for ${steps}
${steps === 1 ? "step" : "steps"}. <code>npm run example -- images</code> trains it longer, and a ResNet-20 too.</p>
${figureHtml("VGG-13/8.", "Accuracy on the test images; training loss, mean and range of ten batches; loss along the gradient; and change of the gradient, as in the figures above.", panels)}
${tableHtml(imageAccuracyTable(runs, facts))}`;
}

function method(runs: readonly Run[]): string {
  const kernels = [...new Set(runs.map((run) => run.kernels))].join(", ");
  const widths = [64, ...Array.from({ length: HIDDEN_LAYERS }, () => WIDTH), 10].join("-");
  return `<h2>Method</h2>
<ul>
<li>Network: ${widths}. Initial weights are Glorot uniform for sigmoid, He normal for ReLU and Glorot uniform for the output layer. Biases
start at 0, gamma at 1 and beta at 0. With batch norm, a hidden layer consists of a Dense without bias, a BatchNorm and the activation. Epsilon is 1e-5 and
momentum 0.1.</li>
<li>Plain SGD with batch size ${BATCH_SIZE}; the data is reshuffled every epoch. A seed fixes the split (1347 training images, 450 test images), the initial weights
and the batches.</li>
<li>Test accuracy is measured every ${TEST_EVERY} steps in inference mode, with running statistics. One test image corresponds to 0.002.</li>
<li>A run counts as diverged, and stops, if a batch loss is not finite or exceeds ${DIVERGED_LOSS}.</li>
<li>The landscape is probed in double precision with batch statistics. Training is in single precision on the <code>${kernels}</code>
kernels.</li>
<li>To repeat: <code>npm run demo</code>. To save all numbers: <code>npm run demo -- --json numbers.json</code>.</li>
</ul>
<p class="soft">Sources. S. Ioffe, C. Szegedy, Batch Normalization, ICML 2015 (arXiv:1502.03167). S. Santurkar, D. Tsipras, A. Ilyas, A.
Madry, How Does Batch Normalization Help Optimization?, NeurIPS 2018 (arXiv:1805.11604). Digits: E. Alpaydin, C. Kaynak, UCI
Machine Learning Repository, 1998.</p>`;
}
