/** Claim 19: a shift that reaches the outputs is the sharp direction of the loss. */
import type { Claim, Panel, Series } from "../claim.js";
import type { OutputShift } from "../measure/output-shift.js";
import { RULES } from "../rules.js";
import { BATCH_SIZE, dot, eachSeed, lineOf, meanOf, relu } from "../study.js";
import { judge } from "../verdicts.js";

const rules = RULES["sharp-direction"];
const ARMS = {
  plain: { network: "plain", constant: false },
  batch: { network: "batch norm", constant: false },
  constant: { network: "batch norm", constant: true },
  afterRelu: { network: "batch norm after ReLU", constant: true },
} as const;
type Arm = keyof typeof ARMS;
const DRAWN = [
  ["plain", { network: "plain" }],
  ["batch", { network: "batch norm" }],
  ["constant", { network: "batch norm", label: "constant stats", dash: "4 3" }],
] as const;
const CHANCE = { network: "plain, calibrated", label: "chance", dash: "2 4" } as const;

export const sharpDirection: Claim = {
  number: 19,
  name: "sharp-direction",
  quick: true,
  title: "The shift that reaches the outputs is the sharp direction of the loss, and batch norm removes it",
  who: 'D. Page 2019, "How to train your ResNet 7: batch norm", with the notebook batch_norm_post in github.com/davidcpage/cifar10-fast.',
  definition:
    "u_k is the unit vector of the gradient of the mean of output k, with respect to all parameters theta. Pushing theta by 1% of its norm along u_k shifts the distributions of hidden units so that the shift reaches output k. R is the loss after the push divided by the loss before, as a median over the ten classes; R - 1 below 0 counts as 0. R is measured with batch statistics (BN), with the same parameters but constant statistics, recalibrated on the same images, and for a plain network. The sharpest directions are the Ritz vectors of the nine largest eigenvalues of the Hessian. The share of a direction in the span of the ten u_k is its squared cosine with that span. For a random direction, its expected value is 10 / number of parameters, because the n squared cosines with n orthogonal axes sum to 1.",
  settings:
    "8x48 ReLU, learning rate 0.1, batch size 64. Measured after 300 steps, and R also after 60, on 512 fixed training images, in double precision. 60 Lanczos steps; Hessian-vector products from gradients 1e-8 apart. --quick omits the eigenvectors, the measurement after 60 steps and the network with batch norm after the ReLU.",
  differences:
    "An MLP on digits; Page uses an 8-layer convolutional network on CIFAR-10, without gamma and beta. Here both are trained. The push has the same relative length for all networks, so it does not depend on the learning rate.",
  factor: "the network and the time",
  counterEvidence:
    "Santurkar et al. 2018 find no connection between the shift and the benefit of batch norm (claim 7), and claim 18 adds a shift that does no harm. Both measure any shift, including shifts that the next BatchNorm layer removes. The control shows that the length of a push alone does not matter. Only one length decides; the figure shows others.",
  reading:
    "If R is far larger with constant statistics than with batch statistics, then batch norm removes the shift that would have reached the outputs, and the direction of that shift is one in which the loss is sharp. This would explain why less shift and a smoother loss occur together: they are the same effect. It would also say which shift matters: the part that no later layer removes. The drift of claim 18 is removed by the next BatchNorm layer.",
  async run(study) {
    const quick = study.extent === "quick";
    const look = { step: study.steps(300), profile: true, lanczosSteps: quick ? 0 : study.steps(60) };
    const looks = quick ? [look] : [{ step: study.steps(60) }, look];
    const ask = (arm: Arm, seed: number): Promise<OutputShift[]> => {
      const { network, constant } = ARMS[arm];
      const own = arm === "afterRelu" ? [{ step: look.step }] : looks;
      return study.ask("outputShift", {
        ...{ network: relu(8, 48, network), learningRate: 0.1, batchSize: BATCH_SIZE, seed },
        looks: own.map((each) => ({ ...each, constant })),
      });
    };
    const runs = (arm: Arm) => eachSeed(study, (seed) => ask(arm, seed));
    const [plain, batch, constant] = await Promise.all([runs("plain"), runs("batch"), runs("constant")]);
    const all = { plain, batch, constant };
    const last = (seeds: OutputShift[][], figure: (found: OutputShift) => number): number[] =>
      seeds.map((each) => figure(each.at(-1)!));
    const over = (above: readonly number[], below: readonly number[]): number[] =>
      above.map((value, i) => value / below[i]!);
    const excess = ({ ratio }: OutputShift): number => Math.max(0, ratio - 1);
    const inSpan = (found: OutputShift): number => meanOf(found.inSpan);
    const farthest = study.seeds.map((_, i) =>
      [plain, batch, constant]
        .map((seeds) => seeds[i]!.at(-1)!.random)
        .reduce((a, b) => (Math.abs(b - 1) > Math.abs(a - 1) ? b : a)),
    );
    const setting = "8x48 ReLU, after 300 steps";
    const conditions = [
      judge(rules.push, setting, over(last(constant, excess), last(batch, excess))),
      judge(rules.random, setting, farthest),
      judge(
        rules.taken,
        setting,
        last(constant, ({ assigned }) => assigned),
      ),
      judge(
        rules.kept,
        setting,
        last(batch, ({ assigned }) => assigned),
      ),
      judge(
        rules.lastLayer,
        setting,
        last(batch, ({ lastLayer }) => lastLayer),
      ),
      judge(
        rules.allLayers,
        `constant statistics, ${setting}`,
        last(constant, ({ lastLayer }) => lastLayer),
      ),
      judge(
        rules.allLayers,
        `plain, ${setting}`,
        last(plain, ({ lastLayer }) => lastLayer),
      ),
    ];
    const curves = (y: "ratio" | "assigned"): Series[] =>
      DRAWN.map(([arm, look]) => {
        const lines = all[arm].map((each) =>
          each.at(-1)!.profile.map((push) => ({ x: 100 * push.length, y: push[y] })),
        );
        return { ...look, points: lineOf(lines) };
      });
    const x = { label: "length of the push (% of ||theta||)", type: "linear", domain: [0, 2] } as const;
    const panels: Panel[] = [
      { title: "loss", x, y: { label: "loss / loss before", type: "log" }, series: curves("ratio") },
      {
        ...{ title: "predictions", x, y: { label: "images assigned to class k", type: "linear", domain: [0, 1] } },
        series: [...curves("assigned"), { ...CHANCE, points: [dot(0, 0.1), dot(2, 0.1)] }],
      },
    ];
    if (!quick) {
      const early = (seeds: OutputShift[][]): number[] => seeds.map((each) => excess(each[0]!));
      const sharpness = ({ sharpness: value }: OutputShift): number => value;
      conditions.push(
        judge(rules.push, "8x48 ReLU, after 60 steps", over(early(constant), early(batch))),
        judge(rules.curvature, setting, over(last(constant, sharpness), last(batch, sharpness))),
        judge(rules.span, setting, over(last(constant, inSpan), last(batch, inSpan))),
        judge(rules.spanPlain, setting, last(plain, inSpan)),
        judge(rules.afterRelu, setting, over(last(constant, excess), last(await runs("afterRelu"), excess))),
      );
      const chance = plain[0]!.at(-1)!.chance;
      panels.push({
        title: "sharpest directions",
        x: { label: "eigenvalue, from the largest", type: "linear", domain: [1, 9] },
        y: { label: "share in the span of the ten u_k", type: "log" },
        series: [
          ...DRAWN.map(([arm, look]) => ({
            ...look,
            points: lineOf(all[arm].map((each) => each.at(-1)!.inSpan.map((y, i) => ({ x: i + 1, y })))),
          })),
          { ...CHANCE, points: [dot(1, chance), dot(9, chance)] },
        ],
      });
    }
    return {
      conditions,
      shown: DRAWN.map(([arm, look]) => ({
        what: `R, ${"label" in look ? "constant statistics" : look.network}, ${setting}`,
        values: last(all[arm], ({ ratio }) => ratio),
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
