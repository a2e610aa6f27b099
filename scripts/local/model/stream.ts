/** A message as the API streams it: Server-Sent Events. */
import { type Fields, type Message, wholeMessage } from "./message.ts";

export interface StreamEvent extends Fields {
  type: string;
}

export const STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };

export function eventsOf(message: Message): StreamEvent[] {
  const [first, ...others] = message.blocks.map(eventsOfBlock);
  const ping = { type: "ping" };
  return [
    startOf(message),
    ...(first ? [first[0], ping, ...first.slice(1)] : [ping]),
    ...others.flat(),
    deltaOf(message),
    { type: "message_stop" },
  ];
}

export function encode(event: StreamEvent): string {
  return encodeData(event.type, JSON.stringify(event));
}

export function encodeData(type: string, data: string): string {
  return `event: ${type}\ndata: ${data}\n\n`;
}

export function isTextDelta({ type, delta }: StreamEvent): boolean {
  return type === "content_block_delta" && (delta as Fields).type === "text_delta";
}

/** At the start nothing is said yet, and one token is counted as spent. */
function startOf(message: Message): StreamEvent {
  const { stop_details: _, ...start } = wholeMessage({ ...message, blocks: [] });
  return {
    type: "message_start",
    message: { ...start, stop_reason: null, usage: { ...message.usage, output_tokens: 1 } },
  };
}

function eventsOfBlock({ opened, deltas }: Message["blocks"][number], index: number): StreamEvent[] {
  return [
    { type: "content_block_start", index, content_block: opened },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
}

function deltaOf({ stopReason, stopDetails, usage }: Message): StreamEvent {
  const details = stopDetails ? { stop_details: stopDetails } : {};
  return { type: "message_delta", delta: { stop_reason: stopReason, stop_sequence: null, ...details }, usage };
}
