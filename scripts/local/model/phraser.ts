/** The stand-in words an instruction: from what it is for alone, never from the examples it was shown. */
import { type Format, NAMES } from "./formats.ts";

/** `examples` come with it, and nothing here reads them. */
export interface PhraseTask {
  question_type: string;
  characteristic: { dimension: string; value: string };
  max_characters: number;
  violations: string[];
}

export interface Phrase {
  instruction: string;
  pattern_type: string;
}

export function phrase({ question_type, characteristic, max_characters, violations }: PhraseTask): Phrase {
  const what = wishFor(characteristic);
  const full = `Simulated: for ${question_type.replaceAll("_", "-")} questions, ${what}.`;
  const brief = `Simulated: ${what}.`;
  const instruction = violations.length === 0 && full.length <= max_characters ? full : brief;
  return {
    instruction: instruction.slice(0, max_characters),
    pattern_type: TYPES[characteristic.dimension] ?? "prompt_strategy",
  };
}

const TYPES: Record<string, string> = { format: "response_format", tool: "tool_preference" };
const LENGTHS: Record<string, string> = {
  short: "keep to a few sentences",
  medium: "write a few paragraphs",
  long: "go into every detail",
};

function wishFor({ dimension, value }: PhraseTask["characteristic"]): string {
  if (dimension === "format") return `answer with ${NAMES[value as Format] ?? "a mix of formats"}`;
  if (dimension === "length") return LENGTHS[value] ?? "keep to that length";
  return dimension === "tool" ? `use the tool ${value}` : "answer as people like it best";
}
