/** Claim 19: a shift that reaches the outputs is the sharp direction of the loss. */
import type { Claim } from "../claim.js";
import type { OutputShift } from "../measure/output-shift.js";
import type { Network } from "../networks.js";
import { chanceLine, pushedLines, pushPanels } from "../push-panels.js";
import { RULES } from "../rules.js";
import { deepNetworks, eachSeed, meanOf, outputShiftRun, stepsOn } from "../study.js";
import { CHECK, judge, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["sharp-direction"];

export const sharpDirection: Claim = {
  number: 19,
  name: "sharp-direction",
  quick: true,
  quickOmits: "the eigenvectors, the measurement after 60 steps and batch norm after the ReLU",
  seconds: { MLP: 20, VGG: 300 },
  title: "The shift that reaches the outputs is the sharp direction of the loss, and batch norm removes it",
  who: 'D. Page 2019, "How to train your ResNet 7: batch norm", with the notebook batch_norm_post in github.com/davidcpage/cifar10-fast.',
  definition:
    "u_k is the unit vector of the gradient of the mean of output k, with respect to all parameters theta. Pushing theta by 1% of its norm along u_k shifts the distributions of hidden units so that the shift reaches output k. R is the loss after the push divided by the loss before, as a median over the ten classes; R - 1 below 0 counts as 0. R is measured with batch statistics (BN), with the same parameters but constant statistics, recalibrated on the same images, and for a plain network. The sharpest directions are the Ritz vectors of the nine largest eigenvalues of the Hessian. The share of a direction in the span of the ten u_k is its squared cosine with that span. For a random direction, its expected value is 10 / number of parameters, because the n squared cosines with n orthogonal axes sum to 1.",
  settings:
    "8x48 ReLU, learning rate 0.1, batch size 64. Measured after 300 steps, and R also after 60, on 512 fixed training images, in double precision. 60 Lanczos steps; Hessian-vector products from gradients 1e-8 apart. --quick omits the eigenvectors, the measurement after 60 steps and the network with batch norm after the ReLU.",
  differences:
    "An MLP on digits; Page uses an 8-layer convolutional network on CIFAR-10, without gamma and beta. Here both are trained. The push has the same relative length for all networks, so it does not depend on the learning rate.",
  counterEvidence:
    "Santurkar et al. 2018 find no connection between the shift and the benefit of batch norm (claim 7), and claim 0 adds a shift that does no harm. Both measure any shift, including shifts that the next BatchNorm layer removes. The control shows that the length of a push alone does not matter. Only one length decides; the figure shows others.",
  reading:
    "If R is far larger with constant statistics than with batch statistics, then batch norm removes the shift that would have reached the outputs, and the direction of that shift is one in which the loss is sharp. This would explain why less shift and a smoother loss occur together: they are the same effect. It would also say which shift matters: the part that no later layer removes. The drift of claim 0 is removed by the next BatchNorm layer.",
  async run(study) {
    const { name, spec } = deepNetworks(study, [8])[0]!;
    const pushes = (network: Network) => eachSeed(study, (seed) => outputShiftRun(study, spec(network), seed));
    const [plainRuns, normRuns] = await Promise.all([pushes("plain"), pushes("batch norm")]);
    const at = (runs: typeof normRuns, look: number): OutputShift[] => runs.map((looks) => looks.at(look)!);
    const [plain, batch, constant] = [at(plainRuns, -1), at(normRuns, -2), at(normRuns, -1)];
    const drawn = [
      { network: "plain", looks: plain, what: "plain" },
      { network: "batch norm", looks: batch, what: "batch norm" },
      { network: "batch norm", label: "constant stats", dash: "4 3", looks: constant, what: "constant statistics" },
    ] as const;
    type Measure = (look: OutputShift) => number;
    const over = (a: readonly OutputShift[], b: readonly OutputShift[], of: Measure): number[] =>
      a.map((look, i) => of(look) / of(b[i]!));
    const excess: Measure = ({ ratio }) => Math.max(0, ratio - 1);
    const inSpan: Measure = (look) => meanOf(look.inSpan);
    const lastLayer: Measure = (look) => look.lastLayer;
    const assigned: Measure = (look) => look.assigned;
    const sharpness: Measure = (look) => look.sharpness;
    const farther = (a: number, b: number): number => (Math.abs(a - 1) > Math.abs(b - 1) ? a : b);
    const farthest = plain.map((_, i) => [plain, batch, constant].map((looks) => looks[i]!.random).reduce(farther));
    const setting = `${name}, after ${study.column === "VGG" ? stepsOn(study, 300) : 300} steps`;
    const predictions = secondary("in the predictions");
    const layers = secondary("in the layers that the push changes");
    const conditions = [
      judge(rules.push, setting, over(constant, batch, excess), PRIMARY),
      judge(rules.random, setting, farthest, CHECK),
      judge(rules.taken, setting, constant.map(assigned), predictions),
      judge(rules.kept, setting, batch.map(assigned), predictions),
      judge(rules.lastLayer, setting, batch.map(lastLayer), layers),
      judge(rules.allLayers, `constant statistics, ${setting}`, constant.map(lastLayer), layers),
      judge(rules.allLayers, `plain, ${setting}`, plain.map(lastLayer), layers),
    ];
    const panels = pushPanels(drawn);
    if (study.column === "MLP" && study.extent !== "quick") {
      const afterRelu = at(await pushes("batch norm after ReLU"), -1);
      const [early, span] = [secondary("after 60 steps"), secondary("in the sharpest directions")];
      conditions.push(
        judge(rules.push, `${name}, after 60 steps`, over(at(normRuns, 1), at(normRuns, 0), excess), early),
        judge(rules.curvature, setting, over(constant, batch, sharpness), secondary("in the largest eigenvalue")),
        judge(rules.span, setting, over(constant, batch, inSpan), span),
        judge(rules.spanPlain, setting, plain.map(inSpan), span),
        judge(rules.afterRelu, setting, over(constant, afterRelu, excess), secondary("with batch norm after the ReLU")),
      );
      panels.push({
        title: "sharpest directions",
        x: { label: "eigenvalue, from the largest", type: "linear", domain: [1, 9] },
        y: { label: "share in the span of the ten u_k", type: "log" },
        series: [
          ...pushedLines(drawn, (look) => look.inSpan.map((y, i) => ({ x: i + 1, y }))),
          chanceLine(plain[0]!.chance, [1, 9]),
        ],
      });
    }
    return {
      conditions,
      shown: drawn.map(({ what, looks }) => ({
        what: `${what}, ${setting}: R`,
        values: looks.map(({ ratio }) => ratio),
      })),
      figures: [
        {
          title: "Pushing the mean of an output.",
          caption:
            "Loss and predictions after a push along u_k, as medians over the ten classes; and the share of the nine sharpest directions in the span of the u_k. Constant stats: the same parameters as batch norm. Line: median over the seeds; band: range.",
          panels,
        },
      ],
    };
  },
};
