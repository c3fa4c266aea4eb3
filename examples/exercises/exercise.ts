/** Exercise: what every exercise can do. */

export interface Exercise {
  readonly title: string;
  /** The file to edit. */
  readonly file: string;
  /** Returns what is wrong with the answer, in words; undefined if it is right. */
  readonly fault: () => string | undefined | Promise<string | undefined>;
  /** Trains or measures with the answer and with the right one, and reports both results. */
  readonly consequence: () => string | Promise<string>;
}

/** Grades one exercise. An answer that throws is wrong. */
export async function grade(exercise: Exercise): Promise<string | undefined> {
  try {
    return await exercise.fault();
  } catch (error) {
    return `The function failed: ${error instanceof Error ? error.message : String(error)}.`;
  }
}

export function percent(fraction: number): string {
  return `${Math.round(100 * fraction)}%`;
}
