/**
 * Grades the exercises:  npm run exercise              all of them, and what the first unsolved one does wrong
 *                        npm run exercise -- 5         one exercise
 */
import * as backward from "./backward.js";
import { exercisesOf } from "./catalog.js";
import { type Exercise, grade } from "./exercise.js";
import * as modes from "./modes.js";
import * as probes from "./probes.js";
import { solutions } from "./solutions.js";

const exercises = exercisesOf({ ...backward, ...modes, ...probes }, solutions);

/** Says what is wrong with an answer, and what the mistake does. */
async function explain(exercise: Exercise, fault: string): Promise<void> {
  console.log(
    `\nExercise ${exercises.indexOf(exercise) + 1}, in examples/exercises/${exercise.file}: ${exercise.title}`,
  );
  console.log(`  ${fault}`);
  try {
    console.log(`  Why it matters: ${await exercise.consequence()}`);
  } catch {
    console.log("  Training with this answer is not possible.");
  }
}

async function gradeAll(): Promise<boolean> {
  const faults: (string | undefined)[] = [];
  for (const exercise of exercises) {
    faults.push(await grade(exercise));
    const number = String(faults.length).padStart(2);
    console.log(`${number} ${faults.at(-1) === undefined ? "solved  " : "unsolved"}  ${exercise.title}`);
  }
  const solved = faults.filter((fault) => fault === undefined).length;
  console.log(`${solved} of ${exercises.length} solved`);
  const first = faults.findIndex((fault) => fault !== undefined);
  if (first >= 0) await explain(exercises[first]!, faults[first]!);
  return first < 0;
}

async function gradeOne(exercise: Exercise): Promise<boolean> {
  const fault = await grade(exercise);
  if (fault === undefined) console.log(`Solved: ${exercise.title}`);
  else await explain(exercise, fault);
  return fault === undefined;
}

const [given] = process.argv.slice(2);
const chosen = exercises[Number(given) - 1];
if (given !== undefined && chosen === undefined) {
  console.error(`exercise: expected a number from 1 to ${exercises.length}, got ${given}`);
  process.exitCode = 2;
} else {
  const solved = chosen === undefined ? await gradeAll() : await gradeOne(chosen);
  process.exitCode = solved ? 0 : 1;
}
