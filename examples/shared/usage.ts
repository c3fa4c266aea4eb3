/** Usage: command-line parsing shared by the examples. */

/** Thrown if the command line is invalid. */
export class UsageError extends Error {}

/** Calls `parse`, which calls Node's parseArgs, and turns its errors into `UsageError`. */
export function strictly<Parsed>(parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (error) {
    // Node's first sentence names the option; the rest explains positional arguments that resemble options.
    if (error instanceof TypeError) throw new UsageError(error.message.split(". ")[0]);
    throw error;
  }
}

/** Reads an option that is a whole number of at least 1. */
export function readCount(name: string, text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new UsageError(`${name}: expected a whole number of at least 1, got ${JSON.stringify(text)}`);
  }
  return count;
}
