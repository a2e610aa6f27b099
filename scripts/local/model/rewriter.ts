/** The rewriter of the stand-in: it adds to the prompt what the named weaknesses call for. */
import { asksFor } from "./chat.ts";
import { BLOCKS, CRITERIA, EMPTY_PHRASES } from "./rules.ts";

export interface RewriteTask {
  current_prompt: string;
  weaknesses: string[];
  protected_clauses: string[];
  max_characters: number;
  violations: string[];
}

export interface Rewrite {
  prompt: string;
  change_reason: string;
}

/** "useless" writes prompts that change no answer: the control that shows what the loop gains by itself. */
export type Rewriter = "helpful" | "useless";

export function rewrite(task: RewriteTask, rewriter: Rewriter): Rewrite {
  return rewriter === "useless" ? addEmptyPhrase(task) : addRemedies(task);
}

function addRemedies(task: RewriteTask): Rewrite {
  const missing = task.weaknesses
    .flatMap(remediesFor)
    .filter((block, index, all) => all.indexOf(block) === index && !asksFor(task.current_prompt, block))
    .map((block) => block.instruction);
  // A refused first attempt is answered with the smallest change that still helps.
  const instructions = task.violations.length > 0 ? missing.slice(0, 1) : missing;
  return {
    prompt: appendWhatFits(task, instructions),
    change_reason: missing.length > 0
      ? `Simulated rewrite against the main weakness: ${task.weaknesses[0]}`
      : "Simulated rewrite: no weakness calls for a new instruction.",
  };
}

function addEmptyPhrase(task: RewriteTask): Rewrite {
  const phrase = EMPTY_PHRASES.find((one) => !task.current_prompt.includes(one));
  return {
    prompt: appendWhatFits(task, phrase ? [phrase] : []),
    change_reason: "Simulated useless rewrite: a phrase that changes no answer.",
  };
}

function remediesFor(weakness: string) {
  return Object.values(CRITERIA)
    .filter((criterion) => criterion.named.test(weakness))
    .flatMap((criterion) => criterion.remedies)
    .map((name) => BLOCKS[name]);
}

/**
 * The current prompt is kept whole, and with it every protected clause it holds. Where not one
 * instruction fits beside it, it gives way to the protected clauses and what fits beside those.
 */
function appendWhatFits(task: RewriteTask, instructions: string[]): string {
  const bases = [task.current_prompt.trimEnd(), task.protected_clauses.join("\n")];
  for (const base of bases) {
    const prompt = append(base, instructions, task.max_characters);
    if (prompt !== base) return prompt;
  }
  return task.current_prompt;
}

function append(base: string, instructions: string[], maxCharacters: number): string {
  return instructions.reduce((text, instruction) => {
    const longer = `${text}\n${instruction}`.trimStart();
    return longer.length <= maxCharacters ? longer : text;
  }, base);
}
