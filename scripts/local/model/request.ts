/** Requests as strict as the real Messages API takes them: what it refuses is refused here, in its words. */
import { type Caching, checkCachings, readCaching, readContent, type TextBlock, textOf } from "./content.ts";
import { invalid, Refusal } from "./refusal.ts";
import { isObject, refusalOf, type Schema } from "./schema.ts";
import type { Tuned } from "./tuned.ts";

/** A request that passed every check. */
export interface MessagesRequest {
  model: string;
  maxTokens: number;
  system: string;
  lastUserMessage: string;
  /** The schema a structured answer must fit, or null for plain text. */
  schema: Schema | null;
  stream: boolean;
  /** The texts of the system prompt up to each block with `cache_control`, the shortest prefix first. */
  cacheable: string[][];
  /** Of the whole request but `stream`: asking for a stream makes no prompt longer. */
  characters: number;
}

const MODELS = /^claude-(opus|sonnet|haiku)-5-5(-\d{8})?$/u;
const API_VERSION = "2023-06-01";

const KNOWN_FIELDS = new Set([
  "model",
  "messages",
  "max_tokens",
  "system",
  "metadata",
  "stop_sequences",
  "stream",
  "service_tier",
  "thinking",
  "tools",
  "tool_choice",
  "output_config",
  "cache_control",
  "container",
  "inference_geo",
]);
/** Refused by every model of the 5.5 generation. */
const SAMPLING_FIELDS = ["temperature", "top_p", "top_k"];
/** Accepted by the real API; ours would answer as if they were not there, so it says no instead. */
const UNSERVED_FIELDS = ["tools", "thinking", "container", "stop_sequences"];

/** Claude's, with a key that looks like one of Anthropic's; or tuned ones, with the key of whoever serves them. */
export function checkHeaders(headers: Headers, tuned: Tuned | null): void {
  const key = headers.get("x-api-key");
  if (!key) throw new Refusal(401, "authentication_error", "x-api-key header is required");
  const isKnown = tuned ? key === tuned.key : key.startsWith("sk-ant-");
  if (!isKnown) throw new Refusal(401, "authentication_error", "invalid x-api-key");
  const version = headers.get("anthropic-version");
  if (!version) throw invalid("anthropic-version: header is required");
  if (version !== API_VERSION) throw invalid(`anthropic-version: "${version}" is not a valid version`);
  const type = headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/iu.test(type)) throw invalid("content-type: must be application/json");
}

export function readRequest(body: string, tuned: Tuned | null): MessagesRequest {
  const request = parseObject(body);
  checkFields(request);
  if (tuned && request.output_config) throw invalid("output_config: this model chats, and does nothing else");
  const system = request.system === undefined ? [] : readContent(request.system, "system", "system");
  const messages = checkMessages(request.messages);
  checkCachings(cachingsOf([...system, ...messages.flatMap(({ blocks }) => blocks)]));
  return {
    model: checkModel(request.model, tuned),
    maxTokens: checkMaxTokens(request.max_tokens),
    system: textOf(system),
    lastUserMessage: textOf(messages.at(-1)!.blocks),
    schema: checkOutputConfig(request.output_config),
    stream: checkStream(request.stream),
    cacheable: prefixesOf(system),
    characters: JSON.stringify({ ...request, stream: undefined }).length,
  };
}

function parseObject(body: string): Record<string, unknown> {
  try {
    const value = JSON.parse(body);
    if (isObject(value)) return value;
  } catch {
    // said below, as for JSON that is no object
  }
  throw invalid("The request body is not valid JSON");
}

function checkFields(request: Record<string, unknown>): void {
  for (const field of SAMPLING_FIELDS) {
    if (field in request) throw invalid(`\`${field}\` is not supported for this model.`);
  }
  for (const field of Object.keys(request)) {
    if (!KNOWN_FIELDS.has(field)) throw invalid(`${field}: Extra inputs are not permitted`);
  }
  const choice = request.tool_choice;
  if (isObject(choice) && (choice.type === "tool" || choice.type === "any")) {
    throw invalid("tool_choice: forcing a tool is not supported for this model.");
  }
  readCaching(request.cache_control, "cache_control");
  for (const field of UNSERVED_FIELDS) {
    if (request[field]) throw invalid(`${field}: the simulated model does not serve this field`);
  }
}

function checkModel(model: unknown, tuned: Tuned | null): string {
  if (typeof model !== "string") throw invalid("model: Field required");
  if (tuned ? !Object.hasOwn(tuned.models, model) : !MODELS.test(model)) {
    throw new Refusal(404, "not_found_error", `model: ${model}`);
  }
  return model;
}

function checkMaxTokens(maxTokens: unknown): number {
  if (maxTokens === undefined) throw invalid("max_tokens: Field required");
  if (!Number.isInteger(maxTokens)) throw invalid("max_tokens: Input should be a valid integer");
  if ((maxTokens as number) < 1) throw invalid("max_tokens: must be greater than or equal to 1");
  return maxTokens as number;
}

interface Message {
  role: string;
  blocks: TextBlock[];
}

/** Neighbours of the same role are fine, as in the real API, which reads them as one turn. */
function checkMessages(messages: unknown): Message[] {
  if (!Array.isArray(messages)) throw invalid("messages: Field required");
  if (messages.length === 0) throw invalid("messages: at least one message is required");
  const checked = messages.map(checkMessage);
  if (checked[0].role !== "user") throw invalid('messages: first message must use the "user" role');
  if (checked.at(-1)!.role !== "user") {
    throw invalid(
      "This model does not support assistant message prefill. The conversation must end with a user message.",
    );
  }
  return checked;
}

function checkMessage(message: unknown, index: number): Message {
  const path = `messages.${index}`;
  if (!isObject(message)) throw invalid(`${path}: Input should be an object`);
  const unknown = Object.keys(message).find((field) => field !== "role" && field !== "content");
  if (unknown) throw invalid(`${path}.${unknown}: Extra inputs are not permitted`);
  const { role, content } = message;
  if (role !== "user" && role !== "assistant") {
    throw invalid(`messages: Unexpected role "${role}". Allowed roles are "user" or "assistant".`);
  }
  return { role, blocks: readContent(content, `${path}.content`, "message") };
}

function checkStream(stream: unknown = false): boolean {
  if (typeof stream !== "boolean") throw invalid("stream: Input should be a valid boolean");
  return stream;
}

function cachingsOf(blocks: TextBlock[]): Caching[] {
  return blocks.map(({ caching }) => caching).filter((caching) => caching !== null);
}

function prefixesOf(system: TextBlock[]): string[][] {
  const texts = system.map(({ text }) => text);
  return system.flatMap(({ caching }, index) => caching ? [texts.slice(0, index + 1)] : []);
}

function checkOutputConfig(config: unknown): Schema | null {
  if (config === undefined) return null;
  if (!isObject(config)) throw invalid("output_config: Input should be an object");
  const unknown = Object.keys(config).find((field) => field !== "format" && field !== "effort");
  if (unknown) throw invalid(`output_config.${unknown}: Extra inputs are not permitted`);
  const { format } = config;
  if (format === undefined) return null;
  if (!isObject(format) || format.type !== "json_schema") {
    throw invalid("output_config.format.type: Input should be 'json_schema'");
  }
  const refusal = refusalOf(format.schema, "output_config.format.schema");
  if (refusal) throw invalid(refusal);
  return format.schema as Schema;
}
