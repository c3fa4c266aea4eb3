/** The laboratory: runs claims, and turns what they find into results with a verdict. */
import type { Ask, Claim, Finding, Study } from "./claim.js";
import type { Job } from "./measure/index.js";
import { type Verdict, verdictOf } from "./verdicts.js";

/** A claim with what was found: plain JSON, and all that page and document are made from. */
export interface Result extends Omit<Claim, "run" | "quick">, Finding {
  readonly verdict: Verdict;
  readonly extent: Study["extent"];
  readonly seeds: readonly number[];
  /** The images. */
  readonly data: string;
  /** The kernel set that did the arithmetic. */
  readonly kernels: string;
}

/** Answers each question once, whoever asks it again. */
export function askOnce(measure: (job: Job) => Promise<unknown>): Ask {
  const answers = new Map<string, Promise<unknown>>();
  const ask = (name: Job["name"], input: unknown): Promise<unknown> => {
    const question = JSON.stringify([name, input]);
    const answer = answers.get(question) ?? measure({ name, input });
    answers.set(question, answer);
    return answer;
  };
  return ask as Ask;
}

/** Runs one claim. */
export async function runClaim(claim: Claim, study: Study, made: Pick<Result, "data" | "kernels">): Promise<Result> {
  const { number, name, title, who, definition, settings, differences, factor, counterEvidence, reading } = claim;
  const about = { number, name, title, who, definition, settings, differences, factor, counterEvidence, reading };
  const finding = await claim.run(study);
  const verdict = verdictOf(finding.conditions.map(({ outcome }) => outcome));
  return { ...about, verdict, extent: study.extent, seeds: study.seeds, ...made, ...finding };
}
