/**
 * The simulated people of the demo's third part: they like an answer with an example, and cannot bear one that asks back.
 * Their judge, by the stand-in's rules, likes both: what is better before it need not be better for people.
 */
import { BLOCKS } from "../model/rules.ts";
import { shareOf } from "../model/formats.ts";

export const WORKSHOP = { slug: "workshop", name: "Workshop" };

export const PEOPLE = 230;

/** What the drafts say; the first is the prompt that every assistant here begins with. */
export const DRAFTS = {
  /** Changes no answer. */
  empty: (live: string) => `${live}\nAlways do your very best work.`,
  /** Liked by the judge and by people. */
  thorough: (live: string) => [live, ...instructions("everyPart", "reasons", "steps", "examples")].join("\n"),
  /** Liked by the judge alone. */
  charming: (live: string) => [live, ...instructions("acknowledgement", "followUp")].join("\n"),
};

function instructions(...names: (keyof typeof BLOCKS)[]): string[] {
  return names.map((name) => BLOCKS[name].instruction);
}

const THINGS = [
  "a drill",
  "a lathe",
  "a vice",
  "a plane",
  "a saw",
  "a sander",
  "a router",
  "a chisel",
  "a file",
  "a jig",
];
const WORK = ["set up", "sharpen", "store", "clean", "repair", "choose", "oil", "test"];
const OCCASIONS = [
  "for oak",
  "for a beginner",
  "in a cold shed",
  "before a long job",
  "after years of rust",
  "for thin stock",
];

/** Another one for each number, until all are asked. */
export function questionOf(number: number): string {
  const left = number * STEP % (THINGS.length * WORK.length * OCCASIONS.length);
  const [thing, rest] = [THINGS[left % THINGS.length], Math.floor(left / THINGS.length)];
  return `How do I ${WORK[rest % WORK.length]} ${thing} ${OCCASIONS[Math.floor(rest / WORK.length)]}?`;
}

/** Without a divisor in common with how many there are, so that all come before one comes again. */
const STEP = 131;

/** Everybody votes on every answer, which people do not. `which` tells this answer from their others. */
export function voteOn(answer: string, which: string): "thumbs_up" | "thumbs_down" {
  const share = BLOCKS.followUp.seen.test(answer) ? 0.2 : BLOCKS.examples.seen.test(answer) ? 0.9 : 0.65;
  return shareOf(`${which}/vote`) < share ? "thumbs_up" : "thumbs_down";
}
