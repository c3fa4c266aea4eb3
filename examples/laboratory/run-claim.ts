/** Runs claims and turns their findings into results with a verdict. */
import type { Ask, Claim, Finding, Study } from "./claim.js";
import type { Job } from "./measure/index.js";
import { type Verdict, verdictOf } from "./verdicts.js";

/** A claim with its findings: plain JSON, and the only input of the page and the document. */
export interface Result extends Omit<Claim, "run" | "quick">, Finding {
  readonly verdict: Verdict;
  readonly extent: Study["extent"];
  readonly seeds: readonly number[];
  /** The name of the data set. */
  readonly data: string;
  /** The kernel set used. */
  readonly kernels: string;
}

/** Returns a function that makes each measurement once and returns the same result to repeated requests. */
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

/** Runs a claim and adds the verdict. */
export async function runClaim(claim: Claim, study: Study, made: Pick<Result, "data" | "kernels">): Promise<Result> {
  const { number, name, title, who, definition, settings, differences, factor, counterEvidence, reading } = claim;
  const about = { number, name, title, who, definition, settings, differences, factor, counterEvidence, reading };
  const finding = await claim.run(study);
  const verdict = verdictOf(finding.conditions.map(({ outcome }) => outcome));
  return { ...about, verdict, extent: study.extent, seeds: study.seeds, ...made, ...finding };
}
