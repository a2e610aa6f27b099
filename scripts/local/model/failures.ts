/** What each fault does to an answer: fails it, changes what is said, or disturbs it on its way. */
import { type Answer, errorAnswer, jsonAnswer, type Step } from "./delivery.ts";
import type { Fault } from "./faults.ts";
import { type Block, type Message, piecesOf, type Saying, textBlock, wholeMessage } from "./message.ts";
import { encode, encodeData, eventsOf, isTextDelta, STREAM_HEADERS, type StreamEvent } from "./stream.ts";
import { cutAt } from "./text.ts";

/** Instead of an answer: an error, or nothing at all. Null where the fault lets the model speak. */
export function failureFor(fault: Fault | null, stream: boolean, requestId: string): Answer | null {
  switch (fault?.fault) {
    case "rate_limit":
      return errorAnswer(429, RATE_LIMITED, requestId, retryHeaders(fault));
    case "spend_limit":
      return errorAnswer(429, SPEND_LIMITED, requestId);
    case "overloaded":
      return errorAnswer(529, { details: null, ...OVERLOADED }, requestId, retryHeaders(fault));
    case "error_event":
      return stream ? null : errorAnswer(529, { details: null, ...OVERLOADED }, requestId);
    case "server_error":
      return errorAnswer(500, SERVER_ERROR, requestId);
    case "timeout":
      return unanswered("hang");
    case "disconnect":
      return unanswered("break");
    default:
      return null;
  }
}

const RATE_LIMITED = {
  type: "rate_limit_error",
  message: "This request would exceed your organization's rate limit (simulated).",
};
const SPEND_LIMITED = {
  type: "rate_limit_error",
  message: "You have reached your API usage limits: your organization has crossed its monthly threshold (simulated).",
  details: { error_code: "enforced_spend_limit_reached" },
};
const OVERLOADED = { type: "overloaded_error", message: "Overloaded" };
const SERVER_ERROR = { type: "api_error", message: "Internal server error" };

function retryHeaders({ retry_after, should_retry }: Fault): Record<string, string> {
  return {
    ...(retry_after === undefined ? {} : { "retry-after": `${retry_after}` }),
    ...(should_retry === undefined ? {} : { "x-should-retry": `${should_retry}` }),
  };
}

/** The status is never sent. */
function unanswered(step: Step): Answer {
  return { status: 200, headers: {}, steps: [step] };
}

/** What the model says under the fault. */
export function changed(saying: Saying, model: string, fault: Fault | null): Saying {
  const text = String(saying.blocks[0].whole.text);
  switch (fault?.fault) {
    case "refusal": {
      const pieces = piecesOf(text).slice(0, fault.after);
      const blocks = pieces.length > 0 ? [textBlock(pieces)] : [];
      return { blocks, stopReason: "refusal", stopDetails: refusalDetails(model) };
    }
    case "empty":
      return { ...saying, blocks: [] };
    case "blank":
      return { ...saying, blocks: [textBlock([" \n"])] };
    case "max_tokens": {
      const half = cutAt(text, Math.floor(text.length / 2));
      return { ...saying, blocks: [textBlock(piecesOf(half))], stopReason: "max_tokens" };
    }
    case "unknown_blocks":
      return { ...saying, blocks: [THINKING, REDACTED_THINKING, ...saying.blocks, NOTE] };
    case "tool_use":
      return { ...saying, blocks: [...saying.blocks, toolUse()], stopReason: "tool_use" };
    default:
      return saying;
  }
}

function refusalDetails(model: string) {
  return {
    type: "refusal",
    category: "cyber",
    explanation: "This request was blocked under the usage policy (simulated).",
    recommended_model: model,
  };
}

const THINKING: Block = {
  opened: { type: "thinking", thinking: "", signature: "" },
  deltas: [
    { type: "thinking_delta", thinking: "Simulated thinking, " },
    { type: "thinking_delta", thinking: "which no user should see." },
    { type: "signature_delta", signature: "c2ltdWxhdGVk" },
  ],
  whole: {
    type: "thinking",
    thinking: "Simulated thinking, which no user should see.",
    signature: "c2ltdWxhdGVk",
  },
};
const REDACTED_THINKING: Block = unchanging({ type: "redacted_thinking", data: "c2ltdWxhdGVk" });
/** Of a type that nobody knows. */
const NOTE: Block = {
  opened: { type: "simulated_note", note: "" },
  deltas: [{ type: "simulated_note_delta", note: "A block of a type to come." }],
  whole: { type: "simulated_note", note: "A block of a type to come." },
};
const UNKNOWN_EVENT: StreamEvent = { type: "simulated_event", note: "An event of a type to come." };

function unchanging(whole: Block["whole"]): Block {
  return { opened: whole, deltas: [], whole };
}

function toolUse(): Block {
  const tool = { type: "tool_use", id: `toolu_${crypto.randomUUID().replaceAll("-", "")}`, name: "simulated_tool" };
  const json = ["", '{"subject": ', '"simulated"}'];
  return {
    opened: { ...tool, input: {} },
    deltas: json.map((partial_json) => ({ type: "input_json_delta", partial_json })),
    whole: { ...tool, input: JSON.parse(json.join("")) },
  };
}

/** The message on its way, in one piece or as a stream, disturbed as the fault has it. */
export function answerWith(message: Message, stream: boolean, fault: Fault | null): Answer {
  return stream
    ? { status: 200, headers: STREAM_HEADERS, steps: streamSteps(eventsOf(message), fault) }
    : wholeAnswer(JSON.stringify(wholeMessage(message)), fault);
}

const NOT_JSON = "This is not JSON (simulated).";

function wholeAnswer(body: string, fault: Fault | null): Answer {
  const whole = jsonAnswer(200, body);
  const half = cutAt(body, Math.floor(body.length / 2));
  switch (fault?.fault) {
    case "cut":
      return { ...whole, steps: [{ send: half }, "break"] };
    case "stall":
      return { ...whole, steps: [{ send: half }, "hang"] };
    case "end_early":
      return jsonAnswer(200, half);
    case "malformed":
      return jsonAnswer(200, NOT_JSON);
    case "hold":
      return { ...whole, steps: ["hold", ...whole.steps] };
    case "slow":
      return { ...whole, steps: [{ wait: fault.ms! }, ...whole.steps] };
    default:
      return whole;
  }
}

function streamSteps(events: StreamEvent[], fault: Fault | null): Step[] {
  const sending = (some: StreamEvent[]): Step[] => some.map((event) => ({ send: encode(event) }));
  const turn = fault?.after === undefined ? 0 : indexAfter(fault.after, events);
  const [before, rest] = [sending(events.slice(0, turn)), sending(events.slice(turn))];
  switch (fault?.fault) {
    case "cut":
      return [...before, "break"];
    case "stall":
      return [...before, "hang"];
    case "end_early":
      return before;
    case "error_event": {
      const error = sending([{ type: "error", error: OVERLOADED }]);
      return fault.after === 0 ? error : [...before, ...error];
    }
    case "malformed":
      return [...before, { send: encodeData("content_block_delta", NOT_JSON) }];
    case "hold":
      return [...before, "hold", ...rest];
    case "slow":
      return slowed(events, fault.ms!);
    case "unknown_blocks":
      return sending(events.toSpliced(indexAfter(1, events), 0, UNKNOWN_EVENT));
    default:
      return sending(events);
  }
}

/** Where so many text deltas have been sent: before the next one, or after the last. */
function indexAfter(count: number, events: StreamEvent[]): number {
  const deltas = events.flatMap((event, index) => isTextDelta(event) ? [index] : []);
  return deltas[count] ?? deltas[deltas.length - 1] + 1;
}

function slowed(events: StreamEvent[], ms: number): Step[] {
  const first = events.findIndex(isTextDelta);
  return events.flatMap((event, index): Step[] => {
    const waits = index === 0 || (isTextDelta(event) && index !== first);
    return [...(waits ? [{ wait: ms }] : []), { send: encode(event) }];
  });
}
