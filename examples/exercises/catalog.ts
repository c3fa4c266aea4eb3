/** The catalog: all exercises, in order. */
import type { Answers } from "./answers.js";
import type { Exercise } from "./exercise.js";
import { backwardExercise } from "./grade-backward.js";
import { otherExercises } from "./grade-modes.js";

/** Returns the exercises for some answers. */
export function exercisesOf(answers: Answers, solutions: Answers): Exercise[] {
  const rule = (title: string, name: Extract<keyof Answers, `dx${string}`>): Exercise =>
    backwardExercise(title, answers[name], solutions[name]);
  return [
    rule("The gradient in one line", "dxInOneLine"),
    rule("The gradient in a loop", "dxInALoop"),
    rule("The gradient of a scale", "dxOfAScale"),
    rule("The gradient by the chain rule", "dxByChainRule"),
    rule("The gradient from two sums", "dxFromSums"),
    rule("The gradient from dxhat", "dxFromDxhat"),
    rule("The gradient by projection", "dxByProjection"),
    rule("The gradient in two steps", "dxInTwoSteps"),
    ...otherExercises(answers, solutions),
  ];
}
