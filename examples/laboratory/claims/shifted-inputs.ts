/** Claim 3: Ng's cats, a network tested on shifted inputs. */
import type { Claim } from "../claim.js";
import { TEST_ACCURACY } from "../panels.js";
import { RULES } from "../rules.js";
import { dot, eachSeed } from "../study.js";
import { judgeEach, PRIMARY, secondary } from "../verdicts.js";

const rules = RULES["shifted-inputs"];

export const shiftedInputsClaim: Claim = {
  number: 3,
  name: "shifted-inputs",
  quick: false,
  seconds: { MLP: 3 },
  title: "Batch norm makes a network robust to shifted inputs",
  who: "A. Ng, lecture “Why Does Batch Norm Work?”, which uses the example of a cat classifier trained on black cats and applied to colored ones.",
  definition:
    "Networks are trained on unchanged images and tested on changed ones. Test accuracy is measured on the same images for batch norm with batch statistics (128 changed images normalized together), for batch norm with running statistics, and for the plain network.",
  settings:
    "ReLU 3x64, learning rate 0.1, batch size 64, 400 steps. Changes to the images: offset +0.5; 0.5 x + 0.25; contrast 0.5; contrast 2; an offset that increases from 0 to 0.5 from left to right; a gain that increases from 0.5 to 1.5; noise with standard deviation 0.2 on each pixel.",
  differences: "The lecture uses shifted inputs as an analogy for hidden layers; here the analogy is taken literally.",
  counterEvidence:
    "By construction, batch statistics cancel any global change of contrast or offset, up to the effect of epsilon. Ramps and noise are therefore tested too. If 32 images of a single class are normalized together, the information that distinguishes the class is lost.",
  reading:
    "With running statistics, which is how trained networks are used in practice, batch norm offers no protection.",
  async run(study) {
    const seeds = await eachSeed(study, (seed) => study.ask("shiftedInputs", { seed, steps: study.steps(400) }));
    const changes = seeds[0]!.changes;
    const kinds = ["batch", "running"] as const;
    const conditions = kinds.flatMap((kind) =>
      changes
        .map((change, i) =>
          judgeEach(
            rules[kind],
            change,
            seeds,
            (each) => each[kind][i]! - each.plain[i]!,
            kind === "running" ? secondary("with running statistics") : i === 1 ? PRIMARY : secondary(`for ${change}`),
          ),
        )
        .slice(1),
    );
    const rows = [
      { network: "plain", label: "plain", of: "plain", dots: "filled", offset: -0.2 },
      { network: "batch norm", label: "BN (batch)", of: "batch", dots: "filled", offset: 0 },
      { network: "batch norm", label: "BN (running)", of: "running", dots: "open", offset: 0.2 },
    ] as const;
    return {
      conditions,
      shown: [
        ...rows.map(({ label, of }) => ({
          what: `${label}: test accuracy on unchanged images`,
          values: seeds.map((each) => each[of][0]!),
        })),
        { what: "BN (batch): test accuracy on 32 images of one class", values: seeds.map(({ oneClass }) => oneClass) },
      ],
      figures: [
        {
          title: "Test accuracy by change.",
          caption: `One dot per seed. For each change, from left to right: plain, batch norm with batch statistics, batch norm with running statistics (open dots). 0: unchanged; ${changes
            .slice(1)
            .map((change, i) => `${i + 1}: ${change}`)
            .join("; ")}.`,
          panels: [
            {
              title: "ReLU 3x64",
              x: {
                label: "change",
                type: "linear",
                domain: [-0.5, changes.length - 0.5],
                ticks: changes.map((_, i) => i),
              },
              y: TEST_ACCURACY,
              series: rows.map(({ network, label, of, dots, offset }) => ({
                network,
                label,
                dots,
                points: changes.flatMap((_, i) => seeds.map((each) => dot(i + offset, each[of][i]!))),
              })),
            },
          ],
        },
      ],
    };
  },
};
