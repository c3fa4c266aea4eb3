/** The text of module.ts, compiled from the sources in this folder. */
export function build(): Promise<string>;
