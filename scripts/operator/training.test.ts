/** The commands about models, against answers as the server gives them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { check, readCall } from "./arguments.ts";
import { COMMANDS } from "./commands.ts";
import { CALL, MODEL } from "./example.ts";
import type { Scene } from "./scene.ts";
import type { Run } from "./training_answers.ts";

const STATUS = {
  organization_id: "51a81667-254f-46fd-83c4-6116b881f2d7",
  organization: "default",
  assistant: "default",
};

/** What was asked of which function. */
async function sent(args: string[], answers: Record<string, unknown> = {}) {
  const asked: [name: string, parameters: Record<string, unknown>][] = [];
  const call = readCall(args, COMMANDS);
  check(call);
  const answer = (name: string, usual: unknown) => (parameters: Record<string, unknown>) => {
    asked.push([name, parameters]);
    const given = answers[name] ?? usual;
    const body = typeof given === "function" ? given(parameters) : given;
    return Promise.resolve({ text: JSON.stringify(body), body });
  };
  const bodies: Record<string, unknown> = {
    pawl_status: { assistants: [STATUS] },
    pawl_list_models: { models: [MODEL] },
    pawl_list_drift: { metrics: [] },
    pawl_list_runs: { runs: [] },
  };
  const server = {
    read: (rpc: string, parameters: Record<string, unknown>) => answer(rpc, bodies[rpc])(parameters),
    retrain: answer("run", { results: [], more: false, request_id: "r" }),
    rebuild: answer("rebuild", { identical: true, parts: [], next_part: null, request_id: "r" }),
  };
  const shown = await call.command!.run({ call, now: new Date("2026-11-21T12:00:00Z"), server } as unknown as Scene);
  return { asked, json: shown.json };
}

Deno.test("models, drift and analyze name the assistant, and keep to what one page holds", async () => {
  const where = ["--assistant", "support"];
  const p_assistant = "support";
  assert.deepEqual((await sent(["models", ...where])).asked, [["pawl_list_models", { p_assistant, p_limit: 20 }]]);
  assert.deepEqual((await sent(["drift", "--limit", "100"])).asked, [["pawl_list_drift", { p_limit: 100 }]]);
  assert.deepEqual((await sent(["analyze", ...where])).asked, [["pawl_analyze_feedback", { p_assistant }]]);
  assert.deepEqual((await sent(["analyze", "--days", "0.5"])).asked, [["pawl_analyze_feedback", { p_days: 0.5 }]]);
  const wrong: [string[], RegExp][] = [
    [["models", "--limit", "101"], /up to 100 here, not '101'/u],
    [["drift", "--limit", "0"], /--limit wants/u],
    [["analyze", "--days", "0"], /--days wants/u],
    [["analyze", "--days", "4000"], /--days wants/u],
    [["analyze", "--days", "week"], /--days wants/u],
    [["runs", "--status", "done"], /--status wants one of running, completed, failed, lost, not 'done'/u],
  ];
  for (const [args, message] of wrong) await assert.rejects(sent(args), { code: "usage", message });
});

Deno.test("runs are read page by page, by function and status, until a time or so many", async () => {
  const at = (n: number) => new Date(Date.UTC(2026, 10, 21, 11) - n * 60_000).toISOString();
  const all = Array.from({ length: 250 }, (_, n): Run => ({ ...CALL, run_id: `${n}`, at: at(n) }));
  const pawl_list_runs = ({ p_before, p_limit }: Record<string, unknown>) => ({
    outcome: "ok",
    runs: all.filter((one) => !p_before || one.at < String(p_before)).slice(0, Number(p_limit)),
  });
  const { asked, json } = await sent(
    ["runs", "--function", "chat-handler", "--status", "failed", "--limit", "240"],
    { pawl_list_runs },
  );
  assert.equal(JSON.parse(json).runs.length, 240);
  assert.equal(new Set(JSON.parse(json).runs.map((one: Run) => one.run_id)).size, 240);
  for (const [, { p_function, p_status }] of asked) {
    assert.deepEqual([p_function, p_status], ["chat-handler", "failed"]);
  }
  const since = await sent(["runs", "--since", "2h"], { pawl_list_runs });
  assert.equal(JSON.parse(since.json).runs.length, 61);
});

Deno.test("retrain says whose and --force, and no person can be named for it", async () => {
  assert.deepEqual((await sent(["retrain"])).asked, [["run", {}]]);
  assert.deepEqual(
    (await sent(["retrain", "--force", "--assistant", "default", "--organization", "default"])).asked.at(-1),
    ["run", { force: true, assistant: "default", organization_id: STATUS.organization_id }],
  );
  await assert.rejects(sent(["retrain", "--as", STATUS.organization_id]), { code: "usage", message: /no --as/u });
  await assert.rejects(sent(["retrain", "now"]), { code: "usage" });
});

Deno.test("retrain is a failure where one assistant failed, and says which and why", async () => {
  const done = { assistant: "a", triggered: true, collected: 1, stored: 1, drift: null, dataset: null };
  const failed = {
    ...done,
    assistant: "b",
    triggered: false,
    failed: true,
    code: "storage_unavailable",
    reason: "Away",
  };
  const run = { results: [done, failed], more: false, request_id: "r" };
  await assert.rejects(sent(["retrain"], { run }), {
    exit: 1,
    code: "storage_unavailable",
    more: { request_id: "r", assistants: ["b: Away (storage_unavailable)"], answer: run },
  });
});

Deno.test("dataset verify finds the version, and goes through all its parts", async () => {
  const file = (number: number, more = {}) => ({
    path: `a/v2/train-0000${number}.jsonl`,
    identical: true,
    missing: 0,
    ...more,
  });
  const pages = (more = {}) => ({ part = 1 }: { part?: number }) => ({
    identical: true,
    parts: [file(part, part === 3 ? more : {})],
    next_part: part < 3 ? part + 1 : null,
    request_id: `r${part}`,
  });
  for (const named of ["v2", "2"]) {
    const { asked, json } = await sent(["dataset", "verify", named, "--assistant", "support"], { rebuild: pages() });
    assert.deepEqual(asked, [
      ["pawl_list_models", { p_assistant: "support", p_limit: 100 }],
      ["rebuild", { model_version_id: MODEL.id }],
      ["rebuild", { model_version_id: MODEL.id, part: 2 }],
      ["rebuild", { model_version_id: MODEL.id, part: 3 }],
    ]);
    const parts = [file(1), file(2), file(3)];
    assert.deepEqual(JSON.parse(json), { identical: true, parts, next_part: null, request_id: "r3" });
  }
  assert.deepEqual((await sent(["dataset", "verify", MODEL.id])).asked, [["rebuild", { model_version_id: MODEL.id }]]);
  const told = (more: Record<string, unknown>) => sent(["dataset", "verify", "v2"], { rebuild: pages(more) });
  await assert.rejects(
    told({ identical: false, missing: 2 }),
    (problem: { exit: number; code: string; more: { differences: string[] } }) => {
      assert.deepEqual([problem.exit, problem.code], [1, "dataset_mismatch"]);
      assert.deepEqual(problem.more.differences, ["a/v2/train-00003.jsonl: 2 rows are gone"]);
      return true;
    },
  );
  await assert.rejects(told({ identical: false }), (problem: { more: { differences: string[] } }) => {
    assert.deepEqual(problem.more.differences, ["a/v2/train-00003.jsonl: its rows make another file"]);
    return true;
  });
  await assert.rejects(sent(["dataset", "verify", "v3"]), {
    code: "model_version_not_found",
    more: { versions: ["v2"] },
  });
  await assert.rejects(sent(["dataset", "verify", "newest"]), { code: "usage" });
  await assert.rejects(sent(["dataset", "check", "v2"]), { code: "usage" });
  const stuck = { identical: true, parts: [], next_part: 1, request_id: "r" };
  await assert.rejects(sent(["dataset", "verify", "v2"], { rebuild: { ...stuck, next_part: 0 } }), {
    code: "not_pawl",
  });
});

Deno.test("dataset verify ends with 0 where all comes out the same, with 1 and the parts where it does not", async () => {
  let identical = true;
  const server = Deno.serve({ port: 0, onListen: () => {} }, async (request) => {
    assert.deepEqual(await request.json(), { action: "rebuild", model_version_id: MODEL.id });
    const parts = [{ path: "a/v2/train-00001.jsonl", identical, missing: identical ? 0 : 1 }];
    return Response.json({ identical, parts, next_part: null, request_id: "r" });
  });
  const pawl = async (...more: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(fileURLToPath(new URL("../pawl", import.meta.url)), {
      args: ["dataset", "verify", MODEL.id, ...more],
      env: { PAWL_URL: `http://localhost:${server.addr.port}`, PAWL_KEY: "sb_secret_x", PAWL_TOKEN: "" },
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out, err };
  };
  try {
    const good = await pawl();
    assert.equal(good.code, 0, good.err);
    assert.match(good.out, /comes out the same, byte for byte: 1 file\.\n$/u);
    identical = false;
    const bad = await pawl();
    assert.deepEqual([bad.code, bad.out], [1, ""]);
    assert.match(
      bad.err,
      /does NOT come out the same: 1 of 1 parts differ.*\n {2}differences:\n {4}a\/v2\/train-00001\.jsonl: 1 row is gone\n$/su,
    );
    const asJson = await pawl("--json");
    assert.deepEqual([asJson.code, asJson.out], [1, ""]);
    assert.deepEqual(JSON.parse(asJson.err).answer.parts[0].missing, 1);
  } finally {
    await server.shutdown();
  }
});

Deno.test("retrain waits as long as a call may take, and doubts what it has no answer to", async () => {
  const command = COMMANDS.find(({ name }) => name === "retrain")!;
  assert.ok(command.patience! >= 150 && !COMMANDS.find(({ name }) => name === "models")!.patience);
  const server = Deno.serve({ port: 0, onListen: () => {} }, () => new Response("<html>", { status: 504 }));
  try {
    const { code, stderr } = await new Deno.Command(fileURLToPath(new URL("../pawl", import.meta.url)), {
      args: ["retrain"],
      env: { PAWL_URL: `http://localhost:${server.addr.port}`, PAWL_KEY: "sb_secret_x", PAWL_TOKEN: "" },
    }).output();
    assert.equal(code, 3);
    assert.match(new TextDecoder().decode(stderr), /may be at work all the same: see `models`/u);
  } finally {
    await server.shutdown();
  }
});
