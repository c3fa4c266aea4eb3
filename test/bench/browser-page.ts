/** The page of `npm run bench -- browser`. */
import { run } from "./works.js";

Object.assign(window, {
  bench: (words: readonly string[], effort: Parameters<typeof run>[1]): void => {
    run(words, effort, (line) => console.log(line));
  },
});
