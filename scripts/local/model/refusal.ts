/** What the API says when it does not take a request. */

export class Refusal extends Error {
  constructor(readonly status: number, readonly type: string, message: string) {
    super(message);
  }
}

export function invalid(message: string): Refusal {
  return new Refusal(400, "invalid_request_error", message);
}
