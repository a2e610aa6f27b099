/** The prompt cache: which prefixes of a system prompt this server has seen. Nothing in it grows old. */
import type { MessagesRequest } from "./request.ts";
import { tokensIn } from "./text.ts";

export type PromptCache = Set<string>;

/** Tokens of a request's prefix that were written to the cache, and that were read from it. */
export interface CacheUse {
  created: number;
  read: number;
}

/** A shorter prefix is not cached, however it is marked. */
const MIN_TOKENS = 1024;

/** Reads the longest prefix that is known, and writes what of the longest one goes beyond it. */
export function useCache(cache: PromptCache, { model, cacheable }: MessagesRequest): CacheUse {
  const prefixes = cacheable.filter((prefix) => tokensOf(prefix) >= MIN_TOKENS);
  const keyOf = (prefix: string[]) => JSON.stringify([model, prefix]);
  const read = tokensOf(prefixes.findLast((prefix) => cache.has(keyOf(prefix))) ?? []);
  for (const prefix of prefixes) cache.add(keyOf(prefix));
  return { created: tokensOf(prefixes.at(-1) ?? []) - read, read };
}

function tokensOf(prefix: string[]): number {
  return tokensIn(prefix.join("").length);
}
