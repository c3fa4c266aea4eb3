export const COPIED: readonly string[];
export function copyOf(name: string): string;
