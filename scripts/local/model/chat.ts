/** The chat side of the stand-in: an answer made of the blocks that the system prompt asks for. */
import { FORBIDS, formatAsked, formatByChance, inFormat } from "./formats.ts";
import { type Luck, NO_LUCK } from "./noise.ts";
import { type Block, type BlockName, BLOCKS, coreSentence } from "./rules.ts";
import { partsOf, sentencesOf } from "./text.ts";

/** Opens every answer, so that nobody takes one for the words of a real model. */
export const LABEL = "[simulated] ";

/** With `variety` an answer comes in a format also where none is asked for; `luck` may drop blocks and add others. */
export function chat(systemPrompt: string, userMessage: string, variety = false, luck: Luck = NO_LUCK): string {
  const parts = partsOf(userMessage);
  const { acknowledgement, ...blocks } = BLOCKS;
  const write = (from: Partial<Record<BlockName, Block>>) =>
    (Object.entries(from) as [BlockName, Block][])
      .filter(([name, block]) => luck.has(name, asksFor(systemPrompt, block)))
      .map(([, block]) => block.write(parts));
  const paragraphs = [...write({ acknowledgement }), coreSentence(parts), ...write(blocks)];
  const format = formatAsked(systemPrompt) ?? (variety ? formatByChance(userMessage) : null);
  return LABEL + (format ? inFormat(format, pointsOf(paragraphs)) : paragraphs.join("\n\n"));
}

/** Whether some sentence of the prompt asks for the block without forbidding it. */
export function asksFor(systemPrompt: string, block: Block): boolean {
  return sentencesOf(systemPrompt).some((sentence) => block.asked.test(sentence) && !FORBIDS.test(sentence));
}

/** Line by line, without the marks of lists. */
function pointsOf(paragraphs: string[]): string[] {
  return paragraphs.flatMap((paragraph) => paragraph.split("\n")).map((line) => line.replace(/^(?:-|\d+\.) /u, ""));
}
