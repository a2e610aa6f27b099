/** What operators have retrain-trigger do: what is due, and a dataset once more. */
import type { Shown } from "./commands.ts";
import { EXIT, misuse, Problem } from "./problem.ts";
import { given, placeOf, type Scene, UUID } from "./scene.ts";
import type { PartRebuilt, Worked } from "./training_answers.ts";
import { listModels } from "./training_looks.ts";
import { retrainedPage, sameDatasetPage } from "./training_page.ts";

/** Whatever failed for an assistant is a failure: a script must not take it for done. What was done is kept. */
export async function retrain(scene: Scene): Promise<Shown> {
  ownKeyAlone(scene);
  const force = scene.call.flags.has("force") ? true : undefined;
  const { text, body } = await scene.server.retrain({ ...(await placeOf(scene)), ...given({ force }) });
  const failed = body.results.filter((one) => one.failed);
  if (failed.length > 0) {
    const message = "It failed for some assistants; what was done before is kept, and the next call goes on.";
    throw new Problem(EXIT.failed, failed[0].code ?? "failed", message, {
      request_id: body.request_id,
      assistants: failed.map(told),
      answer: body,
    });
  }
  return { json: text, page: (paper) => retrainedPage(body, paper) };
}

function told({ assistant, reason, code }: Worked): string {
  return `${assistant}: ${reason ?? "it did not say why"} (${code ?? "failed"})`;
}

/** One that does not come out the same is a failure, as a receipt that does not match. */
export async function verifyDataset(scene: Scene): Promise<Shown> {
  const [verb, version] = scene.call.positionals;
  if (verb !== "verify") throw misuse(`dataset verify VERSION, not '${verb}'`);
  ownKeyAlone(scene);
  const { id, name } = await modelNamed(scene, version);
  const { parts, text, request_id } = await rebuilt(scene, id, name);
  const others = parts.filter((one) => !one.identical);
  if (others.length > 0) {
    const message =
      `The dataset of ${name} does NOT come out the same: ${others.length} of ${parts.length} parts differ.`;
    const differences = others.map(difference);
    throw new Problem(EXIT.failed, "dataset_mismatch", message, { request_id, differences, answer: { parts } });
  }
  return { json: text, page: (paper) => sameDatasetPage(name, parts.length, paper) };
}

function difference({ path, missing }: PartRebuilt): string {
  if (missing === 0) return `${path}: its rows make another file`;
  return `${path}: ${missing === 1 ? "1 row is" : `${missing} rows are`} gone`;
}

async function modelNamed(scene: Scene, named: string): Promise<{ id: string; name: string }> {
  if (UUID.test(named)) return { id: named, name: named };
  const version = /^v?([1-9]\d{0,8})$/u.exec(named)?.[1];
  if (!version) throw misuse(`a model's version, as v2, or its id, not '${named}': see pawl models`);
  const { body } = await listModels(scene, 100);
  const found = body.models.find((one) => one.version === `v${version}`);
  if (found) return { id: found.id, name: found.version };
  const versions = body.models.map((one) => one.version);
  const message = `The assistant has no model v${version}, or it is older than its newest 100.`;
  throw new Problem(EXIT.failed, "model_version_not_found", message, { versions });
}

/** All parts, a call after the other; as the server wrote it where one call is all. */
async function rebuilt(scene: Scene, model_version_id: string, name: string) {
  const parts: PartRebuilt[] = [];
  let part: number | undefined;
  while (true) {
    const { text, body } = await scene.server.rebuild({ model_version_id, ...given({ part }) }).catch((problem) => {
      if (problem.code !== "model_version_not_found") throw problem;
      throw new Problem(EXIT.failed, problem.code, `${name} has no dataset.`, problem.more);
    });
    const { request_id } = body;
    parts.push(...body.parts);
    if (body.next_part === null) {
      const whole = { identical: parts.every((one) => one.identical), parts, next_part: null, request_id };
      return { parts, request_id, text: part === undefined ? text : JSON.stringify(whole) };
    }
    if (body.next_part <= (part ?? 0)) {
      throw new Problem(EXIT.failed, "not_pawl", "The parts of the dataset do not end.");
    }
    part = body.next_part;
  }
}

/** Nobody's sign-in may do it, so nobody can be named for it. */
function ownKeyAlone({ call }: Scene): void {
  if (call.values.as) throw misuse(`${call.command?.name} takes no --as: the secret key alone may do it`);
}
