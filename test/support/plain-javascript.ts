/** A value as plain JavaScript may pass it, whatever the types say. */
export function plain<T>(value: unknown): T {
  return value as T;
}
