/** Claim 15: the spectrum of the Hessian. */
import type { Claim } from "../claim.js";
import { RULES } from "../rules.js";
import { eachSeed, PAIR } from "../study.js";
import { judge, type Part, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES.spectrum;
const DEPTHS = [2, 8] as const;
const STEPS = [0, 100] as const;

export const spectrum: Claim = {
  number: 15,
  name: "spectrum",
  quick: false,
  seconds: { MLP: 20 },
  title: "Batch norm removes outlier eigenvalues from the Hessian",
  who: "Ghorbani, Krishnan & Xiao 2019 (arXiv:1901.10159). On shallow networks, where batch norm does not make the loss smoother: Yao, Gholami, Keutzer & Mahoney 2020, PyHessian (arXiv:1912.07145).",
  definition:
    "Three quantities are measured on 256 fixed training images: the largest eigenvalue of the Hessian of the loss, from 40 Lanczos steps; its product with the squared norm of all weights, which does not change when the weights before a BatchNorm layer are rescaled; and the share of the squared gradient in the ten sharpest directions found.",
  settings:
    "ReLU 2x32 and 8x32, learning rate 0.05, batch size 64, at step 0 and after 100 steps. The trace is estimated from 10 random sign vectors. Hessian-vector products are computed from gradients at points 1e-8 apart. At a distance of 4e-7, two of the twelve 8x32 networks have a ReLU kink between the two points at step 0, which results in eigenvalues in the thousands.",
  differences: "MLPs on digits, at one point early in training; the papers use ResNets of up to 110 layers.",
  counterEvidence:
    "At initialization, batch norm can have the larger eigenvalues, and also strongly negative ones. A magnitude found by power iteration alone may therefore belong to a negative eigenvalue.",
  reading:
    "Whether the loss is smoother with batch norm depends on when it is measured. Here it is smoother after 100 steps, at both depths.",
  async run(study) {
    const seeds = await eachSeed(study, (seed) =>
      Promise.all(
        DEPTHS.map((hidden) =>
          Promise.all(
            PAIR.map((network) =>
              study.ask("hessian", {
                network,
                hidden,
                seed,
                steps: [STEPS[0], study.steps(STEPS[1])],
                lanczosSteps: study.steps(40),
              }),
            ),
          ),
        ),
      ),
    );
    const at = (depth: number, network: 0 | 1, look: number) => seeds.map((depths) => depths[depth]![network]![look]!);
    const places = DEPTHS.flatMap((hidden, depth) =>
      STEPS.map((step, look) => ({ depth, look, setting: `ReLU ${hidden}x32, step ${step}` })),
    );
    const ratio = (depth: number, look: number, of: "largest" | "scaleFree"): number[] =>
      at(depth, 0, look).map((plain, i) => plain[of] / at(depth, 1, look)[i]![of]);
    return {
      conditions: places.flatMap(({ depth, look, setting }) => {
        const main = setting === "ReLU 8x32, step 100";
        const part = (place: string): Part => secondary(main ? place : `at ${setting}`);
        return [
          judge(rules.largest, setting, ratio(depth, look, "largest"), part("for the eigenvalue alone")),
          judge(rules.scaleFree, setting, ratio(depth, look, "scaleFree"), main ? PRIMARY : part("")),
          judge(
            rules.share,
            setting,
            at(depth, 0, look).map(({ share }, i) => share - at(depth, 1, look)[i]!.share),
            part("for the gradient's share"),
          ),
        ];
      }),
      shown: places.flatMap(({ depth, look, setting }) =>
        PAIR.flatMap((network, i) => [
          {
            what: `${network}, ${setting}: largest eigenvalue`,
            values: at(depth, i as 0 | 1, look).map(({ largest }) => largest),
          },
          {
            what: `${network}, ${setting}: smallest eigenvalue`,
            values: at(depth, i as 0 | 1, look).map(({ smallest }) => smallest),
          },
          { what: `${network}, ${setting}: trace`, values: at(depth, i as 0 | 1, look).map(({ trace }) => trace) },
        ]),
      ),
      figures: [
        {
          title: "Eigenvalue density.",
          caption:
            "First seed, after 100 steps. Stochastic Lanczos quadrature from two starting vectors, with each Ritz value drawn as a Gaussian. Isolated bumps on the right are outliers.",
          panels: DEPTHS.map((hidden, depth) => ({
            title: `ReLU ${hidden}x32, step 100`,
            x: { label: "eigenvalue", type: "linear" },
            y: { label: "density", type: "log", domain: [1e-5, 10] },
            series: PAIR.map((network, i) => ({
              network,
              points: at(depth, i as 0 | 1, 1)[0]!.density.map(({ x, y }) => ({ x, y, low: y, high: y })),
            })),
          })),
        },
      ],
    };
  },
};
