/** The commands about tests of versions, against answers as the server gives them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { check, readCall } from "./arguments.ts";
import { COMMANDS } from "./commands.ts";
import type { Scene } from "./scene.ts";

const ID = "9d1f0c22-254f-46fd-83c4-6116b881f2d7";
const STATUS = { organization_id: "51a81667-254f-46fd-83c4-6116b881f2d7", assistant: "default" };
const ANSWERS: Record<string, unknown> = {
  pawl_status: { assistants: [STATUS] },
  pawl_list_suggestions: {
    suggestions: [{ suggestion_id: "1234abcd-254f-46fd-83c4-6116b881f2d7", at: "", version: 13 }],
  },
  pawl_list_receipts: { receipts: [{ receipt_id: ID, at: "" }] },
  pawl_get_version: { version: { version: 12, rollback_to: 11 } },
};

/** What was sent where, and what was asked on the terminal. */
async function sent(args: string[], { agrees = true } = {}) {
  const decisions: Record<string, unknown>[] = [];
  const questions: string[] = [];
  const call = readCall(args, COMMANDS);
  check(call);
  const scene = {
    call,
    now: new Date(),
    asks: true,
    agreed: (question: string) => {
      questions.push(question);
      return Promise.resolve(agrees);
    },
    server: {
      read: (rpc: string) => Promise.resolve({ text: "{}", body: ANSWERS[rpc] }),
      decide: (decision: Record<string, unknown>) => {
        decisions.push(decision);
        return Promise.resolve({ text: "{}", body: { action: "x", changed: {}, about: {} } });
      },
      verify: (which: Record<string, unknown>) => {
        decisions.push({ action: "verify_receipt", ...which });
        return Promise.resolve({ text: "{}", body: { matches: true } });
      },
    },
  } as unknown as Scene;
  await call.command!.run(scene);
  return { decisions, questions };
}

Deno.test("approve and reject take a version or the beginning of a suggestion's id, and never mix them up", async () => {
  const suggestion_id = "1234abcd-254f-46fd-83c4-6116b881f2d7";
  for (
    const [word, about] of [["13", { version: 13 }], ["v1234", { version: 1234 }], ["1234", { suggestion_id }]] as const
  ) {
    for (const action of ["approve", "reject"]) {
      const { decisions, questions } = await sent([action, word, "--reason", "why"]);
      assert.deepEqual(decisions, [{ action, ...about, reason: "why" }]);
      // Approving may change what is live.
      assert.equal(questions.length, action === "approve" ? 1 : 0);
    }
  }
  assert.deepEqual(
    (await sent(["approve", "13", "--assistant", "support"])).decisions,
    [{ action: "approve", version: 13, assistant: "support" }],
  );
});

Deno.test("force asks first, says that nothing was proved, and wants a reason", async () => {
  const { decisions, questions } = await sent(["force", "13", "--reason", "urgent"]);
  assert.deepEqual(decisions, [{ action: "force", version: 13, reason: "urgent" }]);
  assert.deepEqual(questions, ["Make version 13 live in place of version 12, UNPROVED?"]);
  await assert.rejects(sent(["force", "13"]), { code: "usage", message: /--reason TEXT/u });
  await assert.rejects(sent(["force", "13", "--reason", "urgent"], { agrees: false }), { code: "not_agreed" });
});

Deno.test("test takes a version or --placebo, not both and not neither", async () => {
  assert.deepEqual((await sent(["test", "4"])).decisions, [{ action: "test", version: 4 }]);
  assert.deepEqual((await sent(["test", "--placebo"])).decisions, [{ action: "test", placebo: true }]);
  await assert.rejects(sent(["test"]), { code: "usage" });
  await assert.rejects(sent(["test", "4", "--placebo"]), { code: "usage" });
});

Deno.test("a receipt is found by the beginning of its id", async () => {
  const verifying = [{ action: "verify_receipt", receipt_id: ID }];
  assert.deepEqual((await sent(["receipt", "verify", "9d1f"])).decisions, verifying);
  assert.deepEqual((await sent(["receipt", "verify", ID])).decisions, verifying);
  await assert.rejects(sent(["receipt", "verify", "9d1e"]), { code: "receipt_not_found" });
  await assert.rejects(sent(["receipt", "check", ID]), { code: "usage" });
});

Deno.test("verify ends with 0 where the receipt matches, and with 1 and the differences where it does not", async () => {
  let matches = true;
  const ruling = { decision: "promote", reason: "better", log_e: 7.3, at: 20, n: 20, words: "Better." };
  const server = Deno.serve({ port: 0, onListen: () => {} }, async (request) => {
    assert.deepEqual(await request.json(), { action: "verify_receipt", receipt_id: ID });
    const differences = matches ? [] : ["at: 20 was written down, 21 comes out", "log_e: 7.3, 5.1"];
    return Response.json({
      receipt_id: ID,
      matches,
      recorded: ruling,
      recomputed: ruling,
      differences,
      request_id: "r",
    });
  });
  const pawl = async (...more: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(fileURLToPath(new URL("../pawl", import.meta.url)), {
      args: ["receipt", "verify", ID, ...more],
      env: { PAWL_URL: `http://localhost:${server.addr.port}`, PAWL_KEY: "sb_secret_x", PAWL_TOKEN: "" },
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out, err };
  };
  try {
    const good = await pawl();
    assert.equal(good.code, 0, good.err);
    assert.match(good.out, /^Receipt 9d1f0c22 matches/u);
    matches = false;
    const bad = await pawl();
    assert.deepEqual([bad.code, bad.out], [1, ""]);
    assert.match(bad.err, /does NOT match.*\n {2}differences:\n {4}at: 20 was written down, 21 comes out\n {4}log_e/u);
    const asJson = await pawl("--json");
    assert.deepEqual([asJson.code, asJson.out], [1, ""]);
    const { code, differences, recorded } = JSON.parse(asJson.err);
    assert.deepEqual([code, differences.length, recorded], ["receipt_mismatch", 2, ruling]);
  } finally {
    await server.shutdown();
  }
});
