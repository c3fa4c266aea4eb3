/** The text of module.ts, compiled from the sources in this folder. */
export function build(): Promise<string>;

/** The text of relaxed-module.ts, compiled from the sources in this folder. */
export function buildRelaxed(): Promise<string>;

/** The text of some bytes, as `decodeBytes` reads it. */
export function encodeBytes(bytes: Uint8Array): string;
