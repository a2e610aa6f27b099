/** Why a command came to nothing: what is told, and how the process ends. */

export const EXIT = { done: 0, failed: 1, misused: 2, unreachable: 3 } as const;

export class Problem extends Error {
  constructor(
    readonly exit: number,
    /** As the server names it, where it does. */
    readonly code: string,
    message: string,
    /** What else the server said: `request_id`; or there was to choose from. */
    readonly more: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** The command was called wrongly: nothing was asked of the server. */
export function misuse(message: string): Problem {
  return new Problem(EXIT.misused, "usage", message);
}
