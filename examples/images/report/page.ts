/** The page: one self-contained file, without scripts or network access. */
import { BAND } from "../../demo/experiment.js";
import { colored, figureHtml, tableHtml } from "../../demo/report/html.js";
import { STYLE } from "../../demo/report/style.js";
import { BATCH_SIZE, DIVERGED_LOSS, LEARNING_RATE, NAMES, PROBE_EVERY, TEST_EVERY } from "../experiment.js";
import type { DataFacts } from "../data.js";
import { accuracyTable, landscapeTable } from "../tables.js";
import type { Run } from "../train.js";
import { accuracyFigure, architecturesOf, gradientChangeFigure, lossBandFigure, lossFigure } from "./figures.js";
import { filterFigure } from "./filters.js";

const SOURCES: Readonly<Record<string, string>> = {
  "Fashion-MNIST": "Fashion-MNIST: H. Xiao, K. Rasul, R. Vollgraf, 2017 (arXiv:1708.07747).",
  "CIFAR-10": "CIFAR-10: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.",
};

/** Renders the page; `memory` is a sentence on the memory used. */
export function renderPage(runs: readonly Run[], data: DataFacts, memory: string): string {
  const { steps, seed } = runs[0]!;
  const command = `npm run example -- images ${data.option}`.trim();
  const names = architecturesOf(runs).map((architecture) => NAMES[architecture]);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Batch norm in a convolutional network</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Batch norm in a convolutional network</h1>
<p>This page shows ${names.join(" and ")} without batch norm (${colored("plain")}) and with ${colored("batch norm")}. Both networks are trained from the same
initial weights on the same batches of ${data.name}, with one seed and the same learning rate for ${steps} steps. No setting was tuned. All numbers were measured
in the run that generated this page.</p>
<h2>How well do they learn?</h2>
${tableHtml(accuracyTable(runs, data))}
${figureHtml("Test accuracy and training loss.", "Accuracy in inference mode, with running statistics. Loss: mean over ten batches, with a band from the lowest to the highest; uniform guessing has loss ln 10 = 2.3.", [...accuracyFigure(runs), ...lossFigure(runs)])}
<h2>What does the loss look like along the gradient?</h2>
<p>Before every ${PROBE_EVERY}th step, the probe evaluates the loss and its gradient at several distances along the gradient of that batch, without changing
the network.</p>
${figureHtml("Loss along the gradient, and change of the gradient.", `Loss: the line is the current loss; the band extends from the lowest to the highest loss at ${BAND[0]!} to ${BAND.at(-1)!} learning rates along the gradient (figure 4a of Santurkar et al. 2018). Change of the gradient: the lowest to the highest change (line) at the same distances, relative to the norm of the gradient; 0 means that the gradient stays the same, 2 that it reverses (their figure 4b, which shows the absolute change).`, [...lossBandFigure(runs), ...gradientChangeFigure(runs)])}
${tableHtml(landscapeTable(runs))}
<p>Read this with care. The networks are compared at equal steps, not at equal loss, and a network that does not learn can appear smooth.</p>
<h2>What does the first convolution compute?</h2>
${figureHtml("The eight filters of the first convolution.", "Gray is 0, white is the largest absolute weight of a filter, and black its negative. With batch norm, the size of a filter has no effect on the output, so each filter has its own scale.", filterFigure(runs))}
<h2>Method</h2>
<ul>
<li>Data: ${describeData(data)}</li>
<li>VGG-13/8: 3x3 convolutions with 8 8 M 16 16 M 32 32 M 64 64 M 64 64 M channels, where M is 2x2 max pooling, then a Dense with 64 units and one with 10.
ResNet-20/8: one 3x3 convolution, nine residual blocks of two with 8, 16 and 32 channels, the mean of each channel, and a Dense.</li>
<li>With batch norm, a BatchNorm follows every convolution and every Dense except the last, before the ReLU, and the layer before it has no bias. Initial weights
are He normal, and Glorot uniform in the last layer. Biases and beta start at 0, gamma at 1.</li>
<li>Plain SGD, learning rate ${LEARNING_RATE}, batch size ${BATCH_SIZE}, no augmentation. Seed ${seed} fixes the initial weights and the batches.</li>
<li>The test accuracy is measured every ${TEST_EVERY} steps. A run counts as diverged, and stops, if a batch loss is not finite or exceeds ${DIVERGED_LOSS}.</li>
<li>Training and probes are in single precision on the <code>${runs[0]!.kernels}</code> kernels. ${memory}</li>
<li>To repeat: <code>${command}</code>. To save all numbers: <code>${command} --json numbers.json</code>.</li>
</ul>
<p class="soft">Sources. S. Ioffe, C. Szegedy, Batch Normalization, ICML 2015 (arXiv:1502.03167). S. Santurkar, D. Tsipras, A. Ilyas, A. Madry, How Does
Batch Normalization Help Optimization?, NeurIPS 2018 (arXiv:1805.11604). K. Simonyan, A. Zisserman, Very Deep Convolutional Networks, ICLR 2015
(arXiv:1409.1556). K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning, CVPR 2016 (arXiv:1512.03385). ${SOURCES[data.name]!}</p>
</body>
</html>
`;
}

function describeData({ name, option, channels, trainImages, testImages }: DataFacts): string {
  const counts = `${trainImages} training and ${testImages} test images of ${name}`;
  const choice = option === "" ? ", the same number from each class," : "";
  return channels === 1
    ? `${counts}${choice} with a border of two pixels: 32x32. The mean training pixel is subtracted.`
    : `${counts}, 32x32 pixels in three colors. The mean of each color over the training images is subtracted.`;
}
