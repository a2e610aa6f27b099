/**
 * The rules of the stand-in, in one place. README.md beside this file says them in words.
 *
 * A block is one thing an answer can contain. The chat writes it when the system prompt asks for it, the
 * judge looks for it in the text of the answer, and the rewriter asks for it with `instruction`.
 */
import { type Part, partsOf, sentencesOf, wordsOf } from "./text.ts";

export interface Block {
  /** A sentence of the system prompt that matches, and does not forbid, switches the block on. */
  asked: RegExp;
  /** The sentence the rewriter adds to a prompt. */
  instruction: string;
  write(parts: Part[]): string;
  /** How the judge recognises it in an answer, whoever wrote it. */
  seen: RegExp;
}

export type BlockName = keyof typeof BLOCKS;

/** In the order in which they stand in an answer. */
export const BLOCKS = {
  acknowledgement: {
    asked: /\backnowledg|\bempath|\bwarm(ly|th)?\b/iu,
    instruction: "Open by acknowledging what the user is after, in a warm tone.",
    write: ([first]) => `I understand that you want to get "${first.topic}" right, and I am glad that you ask.`,
    seen: /\bI understand\b|\bglad (that )?you\b|\bthank you for\b|\bhappy to help\b|\bsounds like you\b/iu,
  },
  everyPart: {
    asked: /\b(every|each|all) (the )?parts?\b/iu,
    instruction: "Answer every part of the question, one point for each part.",
    write: (parts) => parts.map(({ topic, keywords }) => `- On "${topic}": ${pointsToSettle(keywords)}`).join("\n"),
    seen: /^[-*•] /mu,
  },
  reasons: {
    asked: /\breasons?\b|\b(say|explain) why\b/iu,
    instruction: "Explain the reasons behind your advice.",
    write: ([first]) =>
      `Begin there because everything else about "${first.topic}" rests on it, and a mistake made early ` +
      "costs more than one made late.",
    seen: /\bbecause\b|\bthe reason\b|\bwhich means\b|\btherefore\b/iu,
  },
  steps: {
    asked: /\bsteps\b|\bstep by step\b/iu,
    instruction: "Lay out what to do as short numbered steps.",
    write: (parts) =>
      [
        `1. Write down what you expect from "${parts[0].topic}".`,
        `2. Compare two or three ways to get "${parts.at(-1)!.topic}" done.`,
        "3. Take the simplest one, and check the result before you go on.",
      ].join("\n"),
    seen: /^1[.)] .+\n+2[.)] /mu,
  },
  examples: {
    asked: /\bexamples?\b|\bfor instance\b/iu,
    instruction: "Give one concrete example.",
    write: ([first]) =>
      `For example, someone new to "${first.topic}" could spend an hour on the smallest case, note what ` +
      "surprised them, and only then take on the rest.",
    seen: /\bfor example\b|\bfor instance\b|\be\.g\./iu,
  },
  caveats: {
    asked: /\bcaveats?\b|\blimits\b|\blimitations?\b|\bassumptions?\b/iu,
    instruction: "State the caveats and the limits of your answer.",
    write: () =>
      "Keep in mind that this depends on your situation: where much is at stake, check it against a source " +
      "that you trust.",
    seen: /\bkeep in mind\b|\bdepends on\b|\bthe limits\b|\bassum(e|ing|ption)/iu,
  },
  followUp: {
    asked: /\b(follow-?up|clarifying) questions?\b|\bend with (a|one) question\b/iu,
    instruction: "End with one follow-up question that takes the user further.",
    write: ([first]) => `What have you tried so far with "${first.topic}"?`,
    seen: /\?["')\s]*$/u,
  },
} satisfies Record<string, Block>;

/** What every answer says, whatever the prompt: alone, it is the shallow answer of a plain prompt. */
export function coreSentence(parts: Part[]): string {
  return `Start with the basics of "${parts[0].topic}".`;
}

export interface Criterion {
  score(exchange: Exchange): number;
  weakness: string;
  strength: string;
  /** Which weaknesses, also in other words than ours, this criterion stands behind. */
  named: RegExp;
  remedies: BlockName[];
}

/** All that the judge looks at. There is deliberately no system prompt in it. */
export interface Exchange {
  parts: Part[];
  /** The distinct words of the answer, lower case. */
  said: Set<string>;
  words: number;
  sentences: number;
  has: Record<BlockName, boolean>;
}

/** The criteria of the rubric in `supabase/seed.sql`. Each score is a whole number from 1 to 5. */
export const CRITERIA: Record<string, Criterion> = {
  completeness: {
    score: (exchange) => {
      const substance = Math.min(1, exchange.sentences / (3 * exchange.parts.length + 3));
      const coverage = Math.min(1, shareOfKeywordsMentioned(exchange) / 0.8);
      return 1 + Math.round(4 * coverage * substance);
    },
    weakness: "Parts of the question stay unanswered: answers are incomplete.",
    strength: "Every part of the question is answered.",
    named: /\bparts?\b|complete/iu,
    remedies: ["everyPart", "steps"],
  },
  depth: {
    score: ({ has, words, parts }) => {
      const thorough = words >= 50 + 50 * parts.length;
      return 1 + Number(has.reasons) + Number(has.examples) + Number(has.steps) + Number(thorough);
    },
    weakness: "Answers are shallow: they give neither reasons nor examples.",
    strength: "Answers give reasons and examples.",
    named: /\bdepth\b|shallow|\breasons?\b|\bexamples?\b/iu,
    remedies: ["reasons", "examples"],
  },
  tone: {
    score: ({ has, words }) => {
      if (words < 3) return 1;
      return has.acknowledgement ? 4 + Number(words >= 40) : 2;
    },
    weakness: "The tone is curt: what the user is after is not acknowledged.",
    strength: "The tone is warm and acknowledges the user.",
    named: /\btone\b|\bcurt\b|\bcold\b|acknowledg/iu,
    remedies: ["acknowledgement"],
  },
  scope: {
    score: (exchange) => {
      if (!isOnTopic(exchange)) return 1;
      const proportionate = exchange.words >= 40 && exchange.words <= 150 + 40 * exchange.parts.length;
      return 3 + Number(exchange.has.caveats) + Number(proportionate);
    },
    weakness: "Answers do not say where their limits are: caveats are missing, so their scope is unclear.",
    strength: "Answers stay within the question and state their limits.",
    named: /\bscope\b|\blimits?\b|caveat/iu,
    remedies: ["caveats"],
  },
  missed_opportunities: {
    score: ({ has }) => 1 + 2 * Number(has.followUp) + Number(has.examples || has.caveats) + Number(has.steps),
    weakness: "Opportunities are missed: no follow-up question takes the user further.",
    strength: "Answers offer a next step.",
    named: /follow-?up|opportunit|next step/iu,
    remedies: ["followUp"],
  },
};

export function readExchange(userMessage: string, answer: string): Exchange {
  const words = wordsOf(answer).map((word) => word.toLowerCase());
  return {
    parts: partsOf(userMessage),
    said: new Set(words),
    words: words.length,
    sentences: sentencesOf(answer).length,
    has: Object.fromEntries(
      Object.entries(BLOCKS).map(([name, block]) => [name, block.seen.test(answer)]),
    ) as Record<BlockName, boolean>,
  };
}

/** Sentences of the useless rewriter: none of them switches a block on. */
export const EMPTY_PHRASES = [
  "Always do your very best work.",
  "Quality matters in everything you say.",
  "Be the assistant that you would like to meet.",
  "Excellence is expected at all times.",
  "Take pride in what you write.",
  "Remember how important this is.",
  "Never settle for less than great.",
  "Strive to be outstanding in everything.",
];

function pointsToSettle(keywords: string[]): string {
  if (keywords.length === 0) return "what matters is what you are after.";
  return `what matters is ${new Intl.ListFormat("en").format(keywords)}, taken one at a time.`;
}

function shareOfKeywordsMentioned({ parts, said }: Exchange): number {
  const keywords = parts.flatMap((part) => part.keywords);
  if (keywords.length === 0) return 1;
  return keywords.filter((keyword) => said.has(keyword)).length / keywords.length;
}

function isOnTopic({ parts, said }: Exchange): boolean {
  const keywords = parts.flatMap((part) => part.keywords);
  return keywords.length === 0 || keywords.some((keyword) => said.has(keyword));
}
