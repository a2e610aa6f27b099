/**
 * A stand-in for Supabase Storage, as far as Pawl uses it: buckets, uploads, signed addresses. In memory, and gone when
 * the stack ends; each of its answers says so in a header.
 *
 * It is strict: what the real one refuses is refused, in its words. It refuses as the real one does, too: the HTTP status
 * is 400 whatever it was, and what it was is a text in the body, `{"statusCode": "409", "error": "Duplicate", …}`.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export interface Storage {
  /** Answers a request whose path begins with /storage/v1/. */
  fetch(request: Request): Promise<Response>;
  buckets: Map<string, Bucket>;
  /** By bucket and path: `pawl-training/a/b.jsonl`. */
  objects: Map<string, StoredObject>;
  /** While it says so of a request, that one fails; null: all is well. */
  outage: ((request: { method: string; path: string }) => Outage | null) | null;
}

/** The gateway before it finds nobody there; or it is there and finds no connection to its database. */
export type Outage = "unreachable" | "no_connections";

export interface Bucket {
  id: string;
  name: string;
  public: boolean;
  file_size_limit: number | null;
}

export interface StoredObject {
  bytes: Uint8Array;
  type: string;
}

interface Keys {
  secretKey: string;
  /** Signs addresses as it signs sessions. */
  jwtSecret: string;
}

export const STORAGE_PATH = "/storage/v1";
const MOST_BYTES = 50 * 1024 * 1024;

export function makeStorage(keys: Keys): Storage {
  const storage: Storage = {
    buckets: new Map(),
    objects: new Map(),
    outage: null,
    fetch: async (request) => {
      const answer = await answerOrRefusal(request, storage, keys);
      answer.headers.set("x-pawl-simulated", "true");
      return answer;
    },
  };
  return storage;
}

/** What the real one says when it does not do as it was asked. */
class Refused extends Error {
  constructor(readonly statusCode: number, readonly error: string, message: string) {
    super(message);
  }
}

async function answerOrRefusal(request: Request, storage: Storage, keys: Keys): Promise<Response> {
  try {
    return await answerTo(request, storage, keys);
  } catch (refusal) {
    if (!(refusal instanceof Refused)) throw refusal;
    const { statusCode, error, message } = refusal;
    return Response.json({ statusCode: `${statusCode}`, error, message }, { status: statusCode === 500 ? 500 : 400 });
  }
}

async function answerTo(request: Request, storage: Storage, keys: Keys): Promise<Response> {
  const { method } = request;
  const { pathname, searchParams } = new URL(request.url);
  const path = pathname.slice(STORAGE_PATH.length);
  const outage = storage.outage?.({ method, path }) ?? null;
  if (outage) {
    await request.body?.cancel();
    if (outage === "unreachable") return new Response("upstream connect error", { status: 503 });
    throw new Refused(503, "DatabaseConnectionLimit", "The database has reached its maximum number of connections.");
  }
  const [, order, rest] = /^\/(bucket|object\/sign|object\/authenticated|object\/public|object)(?:\/(.+))?$/u
    .exec(path) ?? [];
  if (method === "GET" && order === "object/sign" && rest) {
    return signed(storage, keys, rest, searchParams.get("token"));
  }
  if (method === "GET" && order === "object/public" && rest) return open(storage, rest);
  if (order) checkKey(request.headers, keys);
  switch (`${method} ${order}${rest ? "/" : ""}`) {
    case "POST bucket":
      return createBucket(storage, await bodyOf(request));
    case "GET bucket/":
      return Response.json(bucketOf(storage, decoded(rest)));
    case "POST object/":
      return await upload(storage, rest, request);
    case "POST object/sign/":
      return sign(storage, keys, rest, await bodyOf(request));
    case "GET object/":
    case "GET object/authenticated/":
      return sent(objectOf(storage, ...placeOf(storage, rest)));
  }
  await request.body?.cancel();
  const message = `Route ${method}:${path} not found`;
  return Response.json({ message, error: "Not Found", statusCode: 404 }, { status: 404 });
}

/**
 * A key that is no JWT is a key in `apikey`, and nowhere else: in `authorization` only where both are the same. Nobody
 * but the secret key has a right to anything here.
 */
function checkKey(headers: Headers, { secretKey }: Keys): void {
  const [key, bearer] = [headers.get("apikey"), headers.get("authorization")?.replace(/^Bearer /iu, "")];
  if (!key && !bearer) throw new Refused(400, "Error", "headers must have required property 'authorization'");
  if (bearer !== undefined && bearer !== key) throw new Refused(403, "Unauthorized", "Invalid Compact JWS");
  if (key !== secretKey) throw new Refused(403, "Unauthorized", "new row violates row-level security policy");
}

const BUCKET_FIELDS = ["id", "name", "public", "type", "file_size_limit", "allowed_mime_types"];
/** Letters, digits and what S3 keys may hold besides; a path has slashes too. */
const BUCKET_NAME = /^[\w!.*'() &$@=;:+,?-]{1,100}$/u;
const OBJECT_NAME = /^[\w/!.*'() &$@=;:+,?-]{1,1024}$/u;

function createBucket({ buckets }: Storage, body: Record<string, unknown>): Response {
  const { name, id = name, public: isPublic = false, file_size_limit = null } = body;
  const unknown = Object.keys(body).find((field) => !BUCKET_FIELDS.includes(field));
  if (unknown) throw new Refused(400, "Error", `body must NOT have additional properties: ${unknown}`);
  if (typeof name !== "string") throw new Refused(400, "Error", "body must have required property 'name'");
  if (typeof id !== "string") throw new Refused(400, "Error", "body/id must be string");
  if (typeof isPublic !== "boolean") throw new Refused(400, "Error", "body/public must be boolean");
  if (file_size_limit !== null && !Number.isInteger(file_size_limit)) {
    throw new Refused(400, "Error", "body/file_size_limit must be integer");
  }
  if (!BUCKET_NAME.test(id)) throw new Refused(400, "Invalid Input", "Bucket name invalid");
  if (buckets.has(id)) throw new Refused(409, "Duplicate", "The resource already exists");
  buckets.set(id, { id, name, public: isPublic, file_size_limit: file_size_limit as number | null });
  return Response.json({ name });
}

async function upload(storage: Storage, rest: string, request: Request): Promise<Response> {
  const type = request.headers.get("content-type");
  const upsert = request.headers.get("x-upsert");
  if (!type) throw new Refused(400, "Error", "headers must have required property 'content-type'");
  const bytes = await request.bytes();
  const [bucket, path] = placeOf(storage, rest);
  if (bytes.length > Math.min(bucket.file_size_limit ?? MOST_BYTES, MOST_BYTES)) {
    throw new Refused(413, "Payload too large", "The object exceeded the maximum allowed size");
  }
  const key = `${bucket.id}/${path}`;
  if (storage.objects.has(key) && upsert !== "true") {
    throw new Refused(409, "Duplicate", "The resource already exists");
  }
  storage.objects.set(key, { bytes, type });
  return Response.json({ Id: crypto.randomUUID(), Key: key });
}

function sign(storage: Storage, keys: Keys, rest: string, { expiresIn }: Record<string, unknown>): Response {
  if (expiresIn === undefined) throw new Refused(400, "Error", "body must have required property 'expiresIn'");
  if (!Number.isInteger(expiresIn)) throw new Refused(400, "Error", "body/expiresIn must be integer");
  if ((expiresIn as number) < 1) throw new Refused(400, "Error", "body/expiresIn must be >= 1");
  const [bucket, path] = placeOf(storage, rest);
  objectOf(storage, bucket, path);
  const now = Math.floor(Date.now() / 1000);
  const token = tokenOf({ url: `${bucket.id}/${path}`, iat: now, exp: now + (expiresIn as number) }, keys);
  // Of the path as it came; where it leads is for the caller to put before it.
  return Response.json({ signedURL: `/object/sign/${rest}?token=${token}` });
}

/** Whoever has the address has the object: no key is looked at. */
function signed(storage: Storage, keys: Keys, rest: string, token: string | null): Response {
  if (!token) throw new Refused(400, "Error", "querystring must have required property 'token'");
  const { url, exp } = readToken(token, keys);
  if (exp * 1000 < Date.now()) throw new Refused(400, "InvalidJWT", '"exp" claim timestamp check failed');
  const [bucket, path] = placeOf(storage, rest);
  if (url !== `${bucket.id}/${path}`) {
    throw new Refused(400, "InvalidSignature", "The url do not match the signature");
  }
  return sent(objectOf(storage, bucket, path));
}

function open(storage: Storage, rest: string): Response {
  const [bucket, path] = placeOf(storage, rest);
  if (!bucket.public) throw new Refused(404, "Bucket not found", "Bucket not found");
  return sent(objectOf(storage, bucket, path));
}

function sent({ bytes, type }: StoredObject): Response {
  const etag = `"${createHash("md5").update(bytes).digest("hex")}"`;
  return new Response(bytes.slice(), { headers: { "content-type": type, etag, "cache-control": "no-cache" } });
}

function bucketOf({ buckets }: Storage, id: string): Bucket {
  const bucket = buckets.get(id);
  if (!bucket) throw new Refused(404, "Bucket not found", "Bucket not found");
  return bucket;
}

function placeOf(storage: Storage, rest: string): [bucket: Bucket, path: string] {
  const [, id, path] = /^([^/]+)\/(.+)$/u.exec(decoded(rest)) ?? [];
  if (!id) throw new Refused(400, "Error", "params must have required property '*'");
  const bucket = bucketOf(storage, id);
  if (!OBJECT_NAME.test(path)) throw new Refused(400, "InvalidKey", `Invalid key: ${path}`);
  return [bucket, path];
}

function objectOf({ objects }: Storage, { id }: Bucket, path: string): StoredObject {
  const object = objects.get(`${id}/${path}`);
  if (!object) throw new Refused(404, "not_found", "Object not found");
  return object;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refused(400, "InvalidKey", `Invalid key: ${text}`);
  }
}

async function bodyOf(request: Request): Promise<Record<string, unknown>> {
  const text = await request.text();
  if (!/^application\/json\s*(;|$)/iu.test(request.headers.get("content-type") ?? "")) {
    throw new Refused(400, "Error", "body must be object");
  }
  try {
    const body = JSON.parse(text);
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return body;
  } catch {
    // said below, as for JSON that is no object
  }
  throw new Refused(400, "Error", "body must be object");
}

interface Claims {
  url: string;
  iat: number;
  exp: number;
}

function tokenOf(claims: Claims, keys: Keys): string {
  const said = [{ alg: "HS256", typ: "JWT" }, claims]
    .map((part) => new TextEncoder().encode(JSON.stringify(part)).toBase64(BASE64URL)).join(".");
  return `${said}.${signatureOf(said, keys)}`;
}

function readToken(token: string, keys: Keys): Claims {
  const [, said, signature] = /^([\w-]+\.[\w-]+)\.([\w-]+)$/u.exec(token) ?? [];
  if (!said) throw new Refused(400, "InvalidJWT", "Invalid Compact JWS");
  const [own, given] = [signatureOf(said, keys), signature].map((text) => new TextEncoder().encode(text));
  if (own.length !== given.length || !timingSafeEqual(own, given)) {
    throw new Refused(400, "InvalidJWT", "signature verification failed");
  }
  return JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(said.split(".")[1], BASE64URL)));
}

function signatureOf(said: string, { jwtSecret }: Keys): string {
  return createHmac("sha256", jwtSecret).update(said).digest("base64url");
}

const BASE64URL = { alphabet: "base64url", omitPadding: true } as const;
