/** The content of a request: text, as a string or in blocks, and which blocks end what is to be cached. */
import { invalid } from "./refusal.ts";
import { isObject } from "./schema.ts";

/** One block of text; a string is one block. */
export interface TextBlock {
  text: string;
  /** Where the block's `cache_control` stands and how long it asks for; null without one. */
  caching: Caching | null;
}

export interface Caching {
  path: string;
  ttl: "5m" | "1h";
}

/** How the real API names a field of a block differs: it knows blocks of one type in `system`, of many in a message. */
export type Place = "system" | "message";

export function readContent(content: unknown, path: string, place: Place): TextBlock[] {
  if (typeof content === "string") {
    if (place === "message" && content.trim() === "") {
      throw invalid(`${path}: text content must contain non-whitespace text`);
    }
    return [{ text: content, caching: null }];
  }
  if (!Array.isArray(content)) throw invalid(`${path}: Input should be a string or a list of blocks`);
  if (content.length === 0) throw invalid(`${path}: must have non-empty content`);
  return content.map((block, index) => readBlock(block, `${path}.${index}`, place));
}

export function textOf(blocks: TextBlock[]): string {
  return blocks.map(({ text }) => text).join("\n");
}

export function readCaching(control: unknown, path: string): Caching | null {
  if (control === undefined || control === null) return null;
  if (!isObject(control)) throw invalid(`${path}: Input should be an object`);
  const { type, ttl = "5m", ...others } = control;
  if (type !== "ephemeral") {
    throw invalid(
      `${path}: Input tag '${type}' found using 'type' does not match any of the expected tags: 'ephemeral'`,
    );
  }
  const [unknown] = Object.keys(others);
  if (unknown) throw invalid(`${path}.ephemeral.${unknown}: Extra inputs are not permitted`);
  if (ttl !== "5m" && ttl !== "1h") throw invalid(`${path}.ephemeral.ttl: Input should be '5m' or '1h'`);
  return { path, ttl };
}

const MAX_CACHED_BLOCKS = 4;

/** Takes them in the order in which the API reads: system, then messages. */
export function checkCachings(cachings: Caching[]): void {
  if (cachings.length > MAX_CACHED_BLOCKS) {
    throw invalid(
      `A maximum of ${MAX_CACHED_BLOCKS} blocks with cache_control may be provided. Found ${cachings.length}.`,
    );
  }
  const firstShort = cachings.findIndex(({ ttl }) => ttl === "5m");
  const late = cachings.find(({ ttl }, index) => ttl === "1h" && firstShort !== -1 && index > firstShort);
  if (late) {
    throw invalid(
      `${late.path}.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. ` +
        "Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
    );
  }
}

function readBlock(block: unknown, path: string, place: Place): TextBlock {
  if (!isObject(block) || block.type !== "text") {
    throw invalid(`${path}: the simulated model reads text blocks only`);
  }
  const { type: _, text, cache_control, ...others } = block;
  const fields = place === "system" ? path : `${path}.text`;
  const [unknown] = Object.keys(others);
  if (unknown) throw invalid(`${fields}.${unknown}: Extra inputs are not permitted`);
  if (typeof text !== "string" || text.trim() === "") {
    throw invalid(`${path}: text content blocks must contain non-whitespace text`);
  }
  return { text, caching: readCaching(cache_control, `${fields}.cache_control`) };
}
