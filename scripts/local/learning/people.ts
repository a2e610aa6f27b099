/**
 * The simulated people of the demo's second part: what they ask, and what they make of the answers. Nothing here is
 * thrown by dice: the same person asks and reacts the same in every run.
 */
import { type Format, shareOf } from "../model/formats.ts";

export interface Community {
  slug: string;
  name: string;
  /** What its people ask about, and how they like such questions answered; null: they do not mind. */
  interests: Interest[];
}

export interface Interest {
  /** As pawl-core will tell it from the text. */
  question_type: "database" | "how_to" | "explanation";
  liked: Format | null;
  /** A question in parts: one of each list, joined. */
  parts: string[][];
}

export const PEOPLE = 24;

const MOMENTS = ["on a Monday", "before noon", "in winter", "for a newcomer", "at short notice", "in a small team"];
const MEASURES = [
  "the newest",
  "the oldest",
  "all open",
  "all late",
  "the cheapest",
  "the first hundred",
  "every second",
];

/** The organisation everybody joins, and another one with tastes of its own. */
export const COMMUNITIES: Community[] = [
  {
    slug: "default",
    name: "Default organisation",
    interests: [
      {
        question_type: "database",
        liked: "table",
        parts: [
          ["Which SQL gives me"],
          MEASURES,
          ["orders", "invoices", "parcels", "refunds", "carts", "vouchers"],
          ["by country?", "by warehouse?", "by courier?", "by season?", "by price?", "by shop?"],
        ],
      },
      {
        question_type: "how_to",
        liked: "list",
        parts: [
          ["How do I"],
          ["pack a vase", "ship a bicycle", "book a courier", "accept a return", "wrap a mirror", "label a crate"],
          ["for abroad", "for a regular", "for a school", "for a museum", "for a neighbour"],
          MOMENTS.map((moment) => `${moment}?`),
        ],
      },
      {
        question_type: "explanation",
        liked: null,
        parts: [
          ["Explain the idea behind"],
          ["customs duty", "packing foam", "bonded storage", "cold shipping", "free ports", "pallet pools"],
          MOMENTS.map((moment) => `${moment}.`),
        ],
      },
    ],
  },
  {
    slug: "library",
    name: "Library",
    interests: [
      {
        question_type: "database",
        liked: "code",
        parts: [
          ["Which SQL gives me"],
          MEASURES,
          ["loans", "readers", "books", "journals", "shelves", "fines"],
          ["by branch?", "by author?", "by language?", "by decade?", "by age?", "by topic?"],
        ],
      },
      {
        question_type: "how_to",
        liked: "prose",
        parts: [
          ["How do I"],
          ["repair a spine", "shelve an atlas", "host a reading", "lend a map", "scan a page", "greet a class"],
          ["for the archive", "for a visitor", "for the children", "for an author", "for the council"],
          MOMENTS.map((moment) => `${moment}?`),
        ],
      },
      {
        question_type: "explanation",
        liked: null,
        parts: [
          ["Explain the idea behind"],
          ["call numbers", "open shelves", "legal deposit", "rare bindings", "paper acid", "reading rooms"],
          MOMENTS.map((moment) => `${moment}.`),
        ],
      },
    ],
  },
];

/** The `number`th question of an interest; questions come again only when every one was asked. */
export function questionOf({ parts }: Interest, number: number): string {
  const count = parts.reduce((product, part) => product * part.length, 1);
  // A step without a common divisor walks through all of them, neighbours far apart.
  let left = number * STEP % count;
  return parts.map((part) => {
    const words = part[left % part.length];
    left = Math.floor(left / part.length);
    return words;
  }).join(" ");
}

const STEP = 7_919;

export interface Signal {
  signal: "thumbs_up" | "thumbs_down" | "copy" | "dwell_time";
  value?: number;
}

/** Of what they like, and of what they do not, people are sure most of the time. */
const THUMB_SHARE = 0.9;
const UP_IF_LIKED = 0.95;
const UP_IF_NOT = 0.15;
const UP_IF_ALL_THE_SAME = 0.6;
const COPY_SHARE = 0.3;
const DWELL_SHARE = 0.2;

/** What somebody does about an answer. `which` tells this answer from their others. */
export function reactionsTo(answer: string, { liked }: Interest, which: string): Signal[] {
  const chance = (what: string) => shareOf(`${which}/${what}`);
  const fits = liked === null ? null : formatSeen(answer) === liked;
  const pleased = chance("pleased") < (fits === null ? UP_IF_ALL_THE_SAME : fits ? UP_IF_LIKED : UP_IF_NOT);
  return [
    ...chance("thumb") < THUMB_SHARE ? [{ signal: pleased ? "thumbs_up" : "thumbs_down" } as const] : [],
    ...pleased && chance("copy") < COPY_SHARE ? [{ signal: "copy" } as const] : [],
    ...!pleased && chance("dwell") < DWELL_SHARE ? [{ signal: "dwell_time", value: 75 } as const] : [],
  ];
}

/** As people see it: at a glance. */
export function formatSeen(answer: string): Format {
  if (answer.includes("```")) return "code";
  if (/^\|/mu.test(answer)) return "table";
  return /^(?:-|\d+\.) /mu.test(answer) ? "list" : "prose";
}
