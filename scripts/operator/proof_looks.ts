/** What operators look at of tests: the queue, receipts, one of them decided once more. */
import type { Shown } from "./commands.ts";
import { walk } from "./listing.ts";
import { findOne, limitOf } from "./looks.ts";
import { EXIT, misuse, Problem } from "./problem.ts";
import type { Queue, Receipt, ReceiptSummary } from "./proof_answers.ts";
import { queuePage } from "./queue_page.ts";
import { receiptPage, receiptsPage, verifiedPage } from "./receipt_page.ts";
import { given, parametersOf, type Scene, UUID } from "./scene.ts";

export async function queue(scene: Scene): Promise<Shown> {
  const { text, body } = await scene.server.read<Queue>("pawl_list_queue", await parametersOf(scene));
  return { json: text, page: (paper) => queuePage(body, paper) };
}

export async function receipts(scene: Scene): Promise<Shown> {
  const { text, items } = await listReceipts(scene, await parametersOf(scene), limitOf(scene));
  return { json: text, page: (paper) => receiptsPage(items, paper) };
}

export async function receipt(scene: Scene): Promise<Shown> {
  const [verb, id] = scene.call.positionals;
  if (verb !== "show" && verb !== "verify") {
    throw misuse(`receipt show ID, or receipt verify ID, not '${verb}'`);
  }
  const receipt_id = await wholeId(scene, id);
  return verb === "show" ? await showReceipt(scene, receipt_id) : await verifyReceipt(scene, receipt_id);
}

async function showReceipt(scene: Scene, p_receipt_id: string): Promise<Shown> {
  const parameters = { p_receipt_id, ...given({ p_user_id: scene.call.values.as }) };
  const { text, body } = await scene.server.read<{ receipt: Receipt }>("pawl_get_receipt", parameters);
  return { json: text, page: (paper) => receiptPage(body.receipt, paper) };
}

/** One that does not match is a failure: a script that verifies must not take it for done. */
async function verifyReceipt(scene: Scene, receipt_id: string): Promise<Shown> {
  const { text, body } = await scene.server.verify({ receipt_id, ...given({ user_id: scene.call.values.as }) });
  if (!body.matches) {
    const { differences, recorded, recomputed } = body;
    const message = `Receipt ${receipt_id} does NOT match: its observations do not lead to what it says.`;
    throw new Problem(EXIT.failed, "receipt_mismatch", message, { differences, recorded, recomputed });
  }
  return { json: text, page: (paper) => verifiedPage(body, paper) };
}

async function wholeId(scene: Scene, beginning: string): Promise<string> {
  if (UUID.test(beginning)) return beginning;
  const found = await findOne(scene, "receipt", beginning, (one: ReceiptSummary) => one.receipt_id, async (place) => {
    return (await listReceipts(scene, place, Infinity)).items;
  });
  return found.receipt_id;
}

function listReceipts(scene: Scene, parameters: Record<string, unknown>, limit: number) {
  return walk<ReceiptSummary>("receipts", {
    limit,
    place: ({ at }) => at,
    ask: async (p_limit, after) => {
      const page = { ...parameters, ...given({ p_limit, p_before: after?.at }) };
      const answer = await scene.server.read<{ receipts: ReceiptSummary[] }>("pawl_list_receipts", page);
      return { text: answer.text, items: answer.body.receipts };
    },
  });
}
