/** Runs claims and turns their findings into results with verdicts. */
import type { Ask, Claim, Column, Finding, Study } from "./claim.js";
import type { Job } from "./measure/index.js";
import { type Verdict, verdictOf } from "./verdicts.js";

/** How a column was measured. */
export interface Made {
  /** The name of the data set. */
  readonly data: string;
  /** The kernel set used. */
  readonly kernels: string;
}

/** The findings on one kind of network, with their verdict. */
export interface Measured extends Made, Finding {
  readonly column: Column;
  readonly extent: Study["extent"];
  readonly seeds: readonly number[];
  readonly verdict: Verdict;
}

/** A claim with its findings: plain JSON, and the only input of the page and the document. */
export interface Result extends Omit<Claim, "run" | "quick" | "seconds"> {
  /** One per kind of network that has been measured, the MLP first. */
  readonly columns: readonly Measured[];
}

/** Returns a text that identifies a measurement. */
export function questionOf({ name, input }: Job): string {
  return JSON.stringify([name, input]);
}

/** Returns a function that makes each measurement once and returns the same result to repeated requests. */
export function askOnce(measure: (job: Job) => Promise<unknown>): Ask {
  const answers = new Map<string, Promise<unknown>>();
  const ask = (name: Job["name"], input: unknown): Promise<unknown> => {
    const question = questionOf({ name, input });
    const answer = answers.get(question) ?? measure({ name, input });
    answers.set(question, answer);
    return answer;
  };
  return ask as Ask;
}

/** Runs a claim on one kind of network and adds the verdict. */
export async function measureClaim(claim: Claim, study: Study, made: Made): Promise<Measured> {
  const finding = await claim.run(study);
  const { column, extent, seeds } = study;
  return { column, verdict: verdictOf(finding.conditions), extent, seeds, ...made, ...finding };
}

/** Combines a claim with what was measured. */
export function resultOf(claim: Claim, columns: readonly Measured[]): Result {
  const { number, name, title, who, definition, settings, differences, counterEvidence, reading, quickOmits } = claim;
  const about = { number, name, title, who, definition, settings, differences, counterEvidence, reading, quickOmits };
  return { ...about, columns };
}
