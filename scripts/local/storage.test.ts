/** The stand-in for Storage: the unmodified client can use it, and it refuses what the real one refuses. */
import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { startGateway } from "./gateway.ts";
import { makeStorage, type Storage } from "./storage.ts";
import { makeKeys } from "./supabase.ts";

const keys = makeKeys();

async function onStorage(use: (url: string, storage: Storage) => Promise<void>): Promise<void> {
  const gateway = startGateway(0);
  const storage = makeStorage(keys);
  const nobody = () => Promise.resolve(new Response("nobody", { status: 418 }));
  gateway.open({ storage, functions: { forward: nobody }, supabase: nobody });
  try {
    await use(gateway.url, storage);
  } finally {
    await gateway.stop();
  }
}

interface Given {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** With the secret key unless other headers are given. */
async function ask(url: string, path: string, { method = "POST", headers, body }: Given = {}) {
  const given = headers ?? { apikey: keys.secretKey, "content-type": "application/json" };
  const response = await fetch(`${url}/storage/v1/${path}`, { method, headers: given, body });
  const text = await response.text();
  const labelled = response.headers.get("x-pawl-simulated");
  return { status: response.status, labelled, body: text.startsWith("{") ? JSON.parse(text) : text };
}

Deno.test("the unmodified client makes a bucket, uploads, signs and downloads [catches: a stand-in for nothing]", () =>
  onStorage(async (url, stored) => {
    const auth = { persistSession: false, autoRefreshToken: false };
    const { storage } = createClient(url, keys.secretKey, { auth });
    assert.equal((await storage.createBucket("training", { public: false })).error, null);
    const bucket = storage.from("training");
    const lines = '{"ü": 1}\n{"b": 2}\n';
    const uploaded = await bucket.upload("a/v1/train-00001.jsonl", lines, { contentType: "application/jsonl" });
    assert.deepEqual([uploaded.error, uploaded.data?.path], [null, "a/v1/train-00001.jsonl"]);
    const { data, error } = await bucket.createSignedUrl("a/v1/train-00001.jsonl", 60);
    assert.equal(error, null);
    const response = await fetch(data!.signedUrl);
    assert.deepEqual([response.status, response.headers.get("content-type")], [200, "application/jsonl"]);
    assert.equal(await response.text(), lines);
    assert.equal(await (await bucket.download("a/v1/train-00001.jsonl")).data!.text(), lines);
    assert.deepEqual([...stored.objects.keys()], ["training/a/v1/train-00001.jsonl"]);

    // The client shows what the body says, and not the status.
    const twice = await bucket.upload("a/v1/train-00001.jsonl", lines);
    assert.deepEqual([twice.error?.message, (twice.error as { statusCode?: string }).statusCode], [
      "The resource already exists",
      "409",
    ]);
    const again = await bucket.upload("a/v1/train-00001.jsonl", "{}\n", { upsert: true });
    assert.equal(again.error, null);
    assert.equal(await (await fetch(data!.signedUrl)).text(), "{}\n");
  }));

Deno.test("what is refused, with what, and always as a 400 [catches: a client that trusts the status]", () =>
  onStorage(async (url) => {
    const refused = async (path: string, given: Given, statusCode: string, error: string) => {
      const { status, labelled, body } = await ask(url, path, given);
      assert.deepEqual([status, labelled, body.statusCode, body.error], [400, "true", statusCode, error], path);
      assert.equal(typeof body.message, "string");
    };
    const json = { "content-type": "application/json" };
    const own = { apikey: keys.secretKey, ...json };
    const made = JSON.stringify({ name: "training" });
    assert.deepEqual((await ask(url, "bucket", { body: made })).body, { name: "training" });
    await refused("bucket", { body: made }, "409", "Duplicate");
    await refused("bucket", { body: "{}" }, "400", "Error");
    await refused("bucket", { body: '{"name": "a/b"}' }, "400", "Invalid Input");
    await refused("bucket", { body: '{"name": "b", "secret": true}' }, "400", "Error");
    await refused("bucket", { body: "[]" }, "400", "Error");
    await refused("bucket", { headers: { apikey: keys.secretKey }, body: made }, "400", "Error");

    await refused("bucket", { headers: json, body: made }, "400", "Error");
    await refused("bucket", { headers: { ...json, apikey: keys.publishableKey }, body: made }, "403", "Unauthorized");
    const bearer = { ...json, authorization: `Bearer ${keys.secretKey}` };
    await refused("bucket", { headers: bearer, body: made }, "403", "Unauthorized");
    await refused("bucket", { headers: { ...own, authorization: "Bearer a.b.c" }, body: made }, "403", "Unauthorized");
    const both = { ...own, authorization: `Bearer ${keys.secretKey}` };
    assert.equal((await ask(url, "bucket/training", { method: "GET", headers: both })).body.public, false);

    await refused("object/none/a.jsonl", { body: "x" }, "404", "Bucket not found");
    await refused("object/training/a%7Cb", { body: "x" }, "400", "InvalidKey");
    // A body of bytes brings no type of its own.
    const untyped = await fetch(`${url}/storage/v1/object/training/a`, {
      method: "POST",
      headers: { apikey: keys.secretKey },
      body: new Uint8Array([1]),
    });
    assert.equal((await untyped.json()).message, "headers must have required property 'content-type'");

    await refused("object/sign/training/none", { body: '{"expiresIn": 60}' }, "404", "not_found");
    await ask(url, "object/training/a", { body: "x" });
    await refused("object/sign/training/a", { body: "{}" }, "400", "Error");
    await refused("object/sign/training/a", { body: '{"expiresIn": 0}' }, "400", "Error");
    await refused("object/sign/training/a", { method: "GET" }, "400", "Error");
    await refused("object/sign/training/a?token=a.b.c", { method: "GET" }, "400", "InvalidJWT");
    await refused("object/public/training/a", { method: "GET" }, "404", "Bucket not found");
    const { status, body } = await ask(url, "object/list/training", { method: "PATCH", headers: own, body: "{}" });
    assert.deepEqual([status, body.statusCode], [404, 404]);
  }));

Deno.test("an address is signed for one object and a time [catches: a token that opens all]", () =>
  onStorage(async (url) => {
    await ask(url, "bucket", { body: '{"name": "training"}' });
    for (const name of ["a", "b"]) await ask(url, `object/training/${name}`, { body: name });
    const { body: { signedURL } } = await ask(url, "object/sign/training/a", { body: '{"expiresIn": 1}' });
    assert.match(signedURL, /^\/object\/sign\/training\/a\?token=/u);
    const nobody = {};
    const get = (path: string) => ask(url, path, { method: "GET", headers: nobody });
    assert.equal((await get(signedURL.slice(1))).body, "a");
    assert.equal((await get(signedURL.slice(1).replace("training/a", "training/b"))).body.error, "InvalidSignature");
    const forged = signedURL.slice(1).replace(/.$/u, (last: string) => last === "A" ? "B" : "A");
    assert.equal((await get(forged)).body.error, "InvalidJWT");
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    assert.equal((await get(signedURL.slice(1))).body.error, "InvalidJWT");
  }));

Deno.test("an outage is of the requests it names [catches: a test that believes it tried one]", () =>
  onStorage(async (url, storage) => {
    await ask(url, "bucket", { body: '{"name": "training"}' });
    storage.outage = ({ method, path }) => method === "POST" && path.startsWith("/object/") ? "unreachable" : null;
    assert.deepEqual(await ask(url, "object/training/a", { body: "x" }), {
      status: 503,
      labelled: "true",
      body: "upstream connect error",
    });
    assert.equal((await ask(url, "bucket/training", { method: "GET" })).status, 200);
    storage.outage = () => "no_connections";
    const { status, body } = await ask(url, "object/training/a", { body: "x" });
    assert.deepEqual([status, body.statusCode], [400, "503"]);
    storage.outage = null;
    assert.equal((await ask(url, "object/training/a", { body: "x" })).status, 200);
  }));
