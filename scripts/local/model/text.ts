/** Reading plain text the way the stand-in does: sentences, the parts of a question, its keywords. */

/** A question beyond this many parts, or a part beyond this many keywords, is read no further. */
const MAX_PARTS = 6;
const MAX_KEYWORDS = 4;
const MAX_TOPIC_WORDS = 3;
const MAX_WORD_CHARACTERS = 30;

/** One thing a message asks for. */
export interface Part {
  /** The first run of meaningful words standing side by side, as the user wrote them. */
  topic: string;
  /** Distinct meaningful words in order, lower case. */
  keywords: string[];
}

/** Splits a message into the things it asks for: at least one, even for a message without words. */
export function partsOf(message: string): Part[] {
  const parts = message
    .split(/[.?!;\n]+|,?\s+and\s+(?=(?:how|what|why|when|where|who|which|can|could|do|does|is|are)\b)/iu)
    .map(readPart)
    .filter((part) => part.keywords.length > 0);
  return parts.length > 0 ? parts.slice(0, MAX_PARTS) : [wordlessPart(message)];
}

export function sentencesOf(text: string): string[] {
  return text
    .split(/(?<=[.?!])\s+|\n+/u)
    .map((sentence) => sentence.trim())
    .filter((sentence) => wordsOf(sentence).length > 0 && !/^\d+[.)]$/u.test(sentence));
}

export function wordsOf(text: string): string[] {
  return text.match(/[\p{L}\p{N}]+(?:['’+#-]+[\p{L}\p{N}]*)*/gu) ?? [];
}

/** A rule of thumb: the stand-in has no tokenizer. */
const CHARACTERS_PER_TOKEN = 4;

export function tokensIn(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}

export function firstTokens(text: string, count: number): string {
  return cutAt(text, count * CHARACTERS_PER_TOKEN);
}

/** Cuts before an emoji rather than through it: half of one is no text. */
export function cutAt(text: string, length: number): string {
  const cut = text.slice(0, length);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}

function readPart(text: string): Part {
  const words = wordsOf(text);
  const keywords = words.filter(isMeaningful).map((word) => word.toLowerCase());
  return { topic: firstTopic(words), keywords: [...new Set(keywords)].slice(0, MAX_KEYWORDS) };
}

/** A greeting or a bare "why?" has no meaningful word; its own first words stand for the topic. */
function wordlessPart(message: string): Part {
  const words = wordsOf(message).slice(0, MAX_TOPIC_WORDS).map((word) => word.slice(0, MAX_WORD_CHARACTERS));
  return { topic: words.join(" ") || "your message", keywords: [] };
}

function firstTopic(words: string[]): string {
  const start = words.findIndex(isMeaningful);
  const run = words.slice(Math.max(start, 0), start + MAX_TOPIC_WORDS);
  const end = run.findIndex((word) => !isMeaningful(word));
  return (end === -1 ? run : run.slice(0, end)).join(" ");
}

function isMeaningful(word: string): boolean {
  return word.length > 2 && word.length <= MAX_WORD_CHARACTERS && !COMMON_WORDS.has(word.toLowerCase());
}

const COMMON_WORDS = new Set(
  `about after again all also am and another any anything are aren't around ask asked because been before
  being best better but can can't cannot come could couldn't did didn't does doesn't doing don't each either
  else even ever every few find for from further get give gives goes going good got had has have having hello
  help her here hers him his how how's however i'd i'll i'm i've into isn't it's its itself just keep know
  let let's like list little long look looking lot made make makes many may maybe me might more most much must
  need needs never nor not now off okay once one ones only other our out over own please put really same say
  see she should shouldn't show since some someone something still such sure take tell than thank thanks that
  that's the their them then there there's these they they're thing things think this those through too try
  two until use used using very want wanted wants was wasn't way were what what's when where which while who
  whom whose why will with within without won't would wouldn't write yes yet you you're your yours`
    .split(/\s+/u),
);
