/** What a call throws, as in "RangeError: who: expected this, got that": kind and whole message in one. */
export function thrownBy(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return String(error);
  }
  return "nothing was thrown";
}
