/** usage: what the command lines of the examples share: refusals in one sentence, and counts. */

/** Thrown when the command line cannot be understood. */
export class UsageError extends Error {}

/** Gives what `parse`, a call of Node's parseArgs, gives; what that refuses becomes a `UsageError`. */
export function strictly<Parsed>(parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (error) {
    // Node's first sentence names the option; what follows speaks of positional arguments that look like options.
    if (error instanceof TypeError) throw new UsageError(error.message.split(". ")[0]);
    throw error;
  }
}

/** The whole number of at least 1 that an option says. */
export function readCount(name: string, text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new UsageError(`${name}: expected a whole number of at least 1, got ${JSON.stringify(text)}`);
  }
  return count;
}
