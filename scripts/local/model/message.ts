/** What the simulated model says: blocks that can travel whole or in pieces, and what they cost. */
import type { CacheUse } from "./cache.ts";
import type { MessagesRequest } from "./request.ts";
import { firstTokens, tokensIn } from "./text.ts";

/** JSON, as the API spells it. */
export type Fields = Record<string, unknown>;

export interface Message extends Saying {
  id: string;
  model: string;
  usage: Usage;
}

/** What is said, whoever asked. */
export interface Saying {
  blocks: Block[];
  stopReason: string;
  /** A refusal has some. */
  stopDetails: Fields | null;
}

/** A stream shows how a block opens, then its deltas; a whole message shows what they come to. */
export interface Block {
  opened: Fields;
  deltas: Fields[];
  whole: Fields;
}

export interface Usage {
  input_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  output_tokens: number;
}

export function say(text: string, maxTokens: number): Saying {
  const said = firstTokens(text, maxTokens);
  const stopReason = said === text ? "end_turn" : "max_tokens";
  return { blocks: [textBlock(piecesOf(said))], stopReason, stopDetails: null };
}

export function textBlock(pieces: string[]): Block {
  return {
    opened: { type: "text", text: "" },
    deltas: pieces.map((text) => ({ type: "text_delta", text })),
    whole: { type: "text", text: pieces.join("") },
  };
}

/** A few words each, and three or more where there are three words; joined, the text. */
export function piecesOf(text: string): string[] {
  const words = text.match(/\s*\S+(?:\s+$)?/gu) ?? [text];
  const most = Math.max(1, Math.floor(words.length / 3));
  const pieces: string[] = [];
  for (let start = 0; start < words.length;) {
    const count = Math.min(WORDS_A_PIECE[pieces.length % WORDS_A_PIECE.length], most);
    pieces.push(words.slice(start, start + count).join(""));
    start += count;
  }
  return pieces;
}

const WORDS_A_PIECE = [4, 6, 3, 5];

export function messageOf(saying: Saying, { model, characters }: MessagesRequest, cache: CacheUse): Message {
  return {
    ...saying,
    id: `msg_${crypto.randomUUID().replaceAll("-", "")}`,
    model: `simulated/${model}`,
    usage: {
      input_tokens: tokensIn(characters) - cache.created - cache.read,
      cache_creation_input_tokens: cache.created,
      cache_read_input_tokens: cache.read,
      output_tokens: outputTokens(saying),
    },
  };
}

/** The message as one JSON document. */
export function wholeMessage({ id, model, blocks, stopReason, stopDetails, usage }: Message): Fields {
  return {
    model,
    id,
    type: "message",
    role: "assistant",
    content: blocks.map(({ whole }) => whole),
    stop_reason: stopReason,
    stop_sequence: null,
    stop_details: stopDetails,
    usage,
  };
}

/** A stream begins by counting one token, so that even an answer without content has one. */
function outputTokens({ blocks }: Saying): number {
  const characters = blocks.map(({ whole }) => (whole.type === "text" ? String(whole.text) : JSON.stringify(whole)));
  return Math.max(1, tokensIn(characters.join("").length));
}
