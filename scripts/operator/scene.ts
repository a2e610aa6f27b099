/** What a command acts in: how it was called, the project, and what stands beside it. */
import type { Call } from "./arguments.ts";
import type { Command } from "./commands.ts";
import type { Status } from "./answers.ts";
import { EXIT, misuse, Problem } from "./problem.ts";
import type { Server } from "./server.ts";

export interface Scene {
  call: Call<Command>;
  server: Server;
  now: Date;
  /** Asks on a terminal; true at once where there is none. */
  agreed: (question: string) => Promise<boolean>;
  /** Whether `agreed` asks. */
  asks: boolean;
  /** A file's text, or standard input's for "-". */
  text: (path: string) => Promise<string>;
}

/** Which assistant, as the SQL functions take it. */
export async function parametersOf(scene: Scene): Promise<Record<string, unknown>> {
  const { assistant, as } = scene.call.values;
  return given({ p_assistant: assistant, p_organization_id: await organizationOf(scene), p_user_id: as });
}

/** Which assistant and why, as prompt-updater takes it. */
export async function placeOf(scene: Scene): Promise<Record<string, unknown>> {
  const { assistant } = scene.call.values;
  return given({ assistant, organization_id: await organizationOf(scene), ...byWhom(scene) });
}

/** By whom and why. */
export function byWhom({ call: { values } }: Scene): Record<string, unknown> {
  return given({ reason: values.reason, user_id: values.as });
}

/** Of all assistants that the caller may see, or of those named. */
export async function statusOf(scene: Scene): Promise<Status[]> {
  const { body } = await scene.server.read<{ assistants: Status[] }>("pawl_status", await parametersOf(scene));
  return body.assistants;
}

/** People remember slugs, the functions take ids. */
async function organizationOf({ server, call }: Scene): Promise<string | undefined> {
  const { organization, as } = call.values;
  if (!organization || UUID.test(organization)) return organization;
  const { body } = await server.read<{ assistants: Status[] }>("pawl_status", given({ p_user_id: as }));
  const found = body.assistants.find((one) => one.organization === organization);
  if (found) return found.organization_id;
  const { organizations } = choices(body.assistants);
  throw new Problem(
    EXIT.failed,
    "organization_not_found",
    `There is no organisation '${organization}'.`,
    {
      organizations,
    },
  );
}

/** What a refusal leaves to choose from, with it. */
export async function withChoices(problem: Problem, { server, call }: Scene): Promise<Problem> {
  const code = problem.code;
  if (code !== "organization_required" && code !== "assistant_not_found") {
    return problem;
  }
  const { organization, as } = call.values;
  const organizationId = organization && UUID.test(organization) ? organization : undefined;
  const parameters = given({ p_organization_id: organizationId, p_user_id: as });
  const { body } = await server.read<{ assistants: Status[] }>("pawl_status", parameters);
  const here = body.assistants.filter((one) =>
    !organization ||
    [one.organization, one.organization_id].includes(organization)
  );
  const { organizations, assistants } = choices(here);
  const more = code === "organization_required" ? { organizations } : { assistants };
  const unnamed = code === "assistant_not_found" && !call.values.assistant;
  const message = unnamed ? "Several assistants and none called default: say which with --assistant." : problem.message;
  return new Problem(problem.exit, code, message, { ...problem.more, ...more });
}

function choices(assistants: Status[]) {
  const ids = new Map(assistants.map((one) => [one.organization, one.organization_id]));
  return {
    organizations: [...ids].map(([slug, id]) => ({ slug, id })),
    assistants: assistants.map((one) => one.assistant),
  };
}

/** Without what was not said. */
export function given(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** A version's number as it was typed. */
export function versionNumber(text: string): number {
  const number = Number(text.replace(/^v/u, ""));
  if (!Number.isInteger(number) || number < 1 || number > 2_147_483_647) {
    throw misuse(`a version is a number, not '${text}'`);
  }
  return number;
}

export const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/iu;
