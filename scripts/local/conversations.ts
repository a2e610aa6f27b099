/** Reads exported conversations: what people wrote, turn by turn. The answers of the export are left out. */
import { isObject } from "./model/schema.ts";

/** The user's messages of one conversation, in order. */
export type Conversation = string[];

export interface Conversations {
  conversations: Conversation[];
  /** What was left out, a line each, naming the line of the file. */
  notes: string[];
}

/** What chat-handler accepts, in bytes of UTF-8. */
const MAX_MESSAGE_BYTES = 32 * 1024;
const MAX_TURNS = 10;

/**
 * Each line is `{"messages": [{"role", "content"}, …]}` or an Open Assistant message tree. Lines that are
 * neither are noted and skipped; reading ends after `limit` conversations.
 */
export function readConversations(jsonLines: string, limit = Infinity): Conversations {
  const conversations: Conversation[] = [];
  const notes: string[] = [];
  for (const [index, line] of jsonLines.split("\n").entries()) {
    if (line.trim() === "") continue;
    if (conversations.length >= limit) {
      notes.push(`stopped before line ${index + 1}: the limit is ${limit} conversations`);
      break;
    }
    try {
      const { kept, left } = sendable(userTurnsOf(line));
      notes.push(...left.map((reason) => `line ${index + 1}: ${reason}`));
      if (kept.length > 0) conversations.push(kept);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      notes.push(`line ${index + 1} skipped: ${error.message}`);
    }
  }
  return { conversations, notes };
}

class Malformed extends Error {}

function userTurnsOf(line: string): string[] {
  const value = parse(line);
  if (!isObject(value)) throw new Malformed("not a JSON object");
  if (Array.isArray(value.messages)) return turnsOfMessages(value.messages);
  if (isObject(value.prompt)) return turnsOfTree(value.prompt);
  throw new Malformed('neither {"messages": […]} nor an Open Assistant tree');
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Malformed("not JSON");
  }
}

function turnsOfMessages(messages: unknown[]): string[] {
  const turns = messages.flatMap((message, index) => {
    if (!isObject(message) || typeof message.role !== "string" || typeof message.content !== "string") {
      throw new Malformed(`messages[${index}] is not {"role", "content"} with text in both`);
    }
    return message.role === "user" ? [message.content] : [];
  });
  if (turns.length === 0) throw new Malformed("no message of a user");
  return turns;
}

/** The path through a tree that follows the best-ranked reply, and the first where there is no rank. */
function turnsOfTree(prompt: Record<string, unknown>): string[] {
  const turns: string[] = [];
  for (let node: Record<string, unknown> | undefined = prompt; node; node = bestReply(node)) {
    if (typeof node.text !== "string") throw new Malformed("a message of the tree has no text");
    if (node.role === "prompter") turns.push(node.text);
  }
  if (turns.length === 0) throw new Malformed("no message of a user");
  return turns;
}

function bestReply(node: Record<string, unknown>): Record<string, unknown> | undefined {
  const replies = Array.isArray(node.replies) ? node.replies.filter(isObject) : [];
  return replies.filter((reply) => reply.deleted !== true).sort((one, other) => rankOf(one) - rankOf(other))[0];
}

function rankOf(reply: Record<string, unknown>): number {
  return typeof reply.rank === "number" ? reply.rank : Number.MAX_SAFE_INTEGER;
}

function sendable(turns: string[]): { kept: Conversation; left: string[] } {
  const left: string[] = [];
  const kept = turns.filter((turn, index) => {
    const bytes = new TextEncoder().encode(turn).length;
    if (bytes > MAX_MESSAGE_BYTES) left.push(`user message ${index + 1} skipped: ${bytes} bytes are over 32 KiB`);
    else if (turn.trim() === "") left.push(`user message ${index + 1} skipped: it is empty`);
    else return true;
    return false;
  });
  if (kept.length > MAX_TURNS) {
    left.push(`${kept.length - MAX_TURNS} user messages after the first ${MAX_TURNS} skipped`);
  }
  return { kept: kept.slice(0, MAX_TURNS), left };
}
