/** Texts that nobody may be told, and the search for them: whole, in part, or encoded. */

export interface Secrets {
  /** `what` is what a finding is called by. */
  keep(what: string, text: string): void;
  /** Whether a text holds one, and of what kind it is. */
  find(text: string): Finding | null;
}

export interface Finding {
  what: string;
  /** The text as it was found in, decoded, with every secret blotted out: a report is no place for one either. */
  shown: string;
}

/** A text that is shorter is no secret that could be told from any other text. */
export const SHORTEST = 6;
/**
 * A longer text is looked for in pieces of this length, one beginning at every STEP: of whatever was cut out of it, a
 * part of LONGEST_UNSEEN characters or more holds one of them.
 */
const PIECE = 16;
const STEP = 8;
export const LONGEST_UNSEEN = PIECE + STEP - 2;

export function makeSecrets(): Secrets {
  // By their beginnings, so that a text is gone through once however many secrets there are.
  const kept = new Map<string, Map<string, string>>();
  const seen = new Set<string>();
  const foundAt = (text: string, place: number): [piece: string, what: string] | undefined => {
    const candidates = kept.get(text.slice(place, place + SHORTEST));
    return [...candidates ?? []].find(([piece]) => text.startsWith(piece, place));
  };
  const find = (text: string): Finding | null => {
    for (const form of formsOf(text)) {
      for (let place = 0; place + SHORTEST <= form.length; place++) {
        const found = foundAt(form, place);
        if (!found) continue;
        const shown = blotted(form, foundAt);
        // What is left of it may tell more to those who decode it.
        return { what: found[1], shown: find(shown)?.shown ?? shown };
      }
    }
    return null;
  };
  return {
    keep: (what, text) => {
      const secret = inOneLine(text);
      if (seen.has(secret)) return;
      seen.add(secret);
      for (const piece of piecesOf(secret)) {
        const beginning = piece.slice(0, SHORTEST);
        if (!kept.has(beginning)) kept.set(beginning, new Map());
        kept.get(beginning)!.set(piece, what);
      }
    },
    find,
  };
}

function piecesOf(secret: string): string[] {
  if (secret.length < SHORTEST) return [];
  if (secret.length <= PIECE) return [secret];
  const last = secret.length - PIECE;
  const places = Array.from({ length: Math.ceil(last / STEP) }, (_, number) => number * STEP);
  return [...places, last].map((place) => secret.slice(place, place + PIECE));
}

function blotted(text: string, foundAt: (text: string, place: number) => [string, string] | undefined): string {
  let shown = "";
  let covered = 0;
  for (let place = 0; place < text.length; place++) {
    const found = foundAt(text, place);
    if (found) covered = Math.max(covered, place + found[0].length);
    shown += place < covered ? "█" : text[place];
  }
  return shown;
}

/** A text as it stands and as its decoders read it, one within the other too. */
function formsOf(text: string): Set<string> {
  const forms = new Set([inOneLine(text)]);
  for (let depth = 0; depth < 2; depth++) {
    for (const form of [...forms]) {
      for (const decode of DECODERS) forms.add(inOneLine(decode(form)));
    }
  }
  return forms;
}

const DECODERS: ((text: string) => string)[] = [unescaped, fromPercents, fromBase64, fromHex, fromByteList];

/** Of JSON's escapes, JavaScript's, and those of Rust's Debug. */
function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replaceAll(
    /\\(?:u\{([\da-f]{1,6})\}|u([\da-f]{4})|x([\da-f]{2})|(.))/giu,
    (_, rust, json, byte, character) => {
      const code = rust ?? json ?? byte;
      if (code === undefined) return WHITE[character] ?? character;
      const number = parseInt(code, 16);
      return number > 0x10ffff ? "" : String.fromCodePoint(number);
    },
  );
}

const WHITE: Record<string, string> = { n: " ", r: " ", t: " ", b: " ", f: " " };

function fromPercents(text: string): string {
  if (!/%[\da-f]{2}/iu.test(text)) return text;
  return text.replaceAll("+", " ").replaceAll(/(?:%[\da-f]{2})+/giu, (run) => asText(hexOf(run.replaceAll("%", ""))));
}

/** Nothing says where in a run of letters it begins: at any of four places. */
function fromBase64(text: string): string {
  const runs = text.match(/[\w+/-]{11,}/gu) ?? [];
  return legible(runs.flatMap((run) => [0, 1, 2, 3].map((start) => bytesOf(run.slice(start)))));
}

function bytesOf(base64: string): Uint8Array {
  const whole = base64.length % 4 === 1 ? base64.slice(0, -1) : base64;
  const options = { alphabet: "base64url", lastChunkHandling: "loose" } as const;
  return Uint8Array.fromBase64(whole.replaceAll("+", "-").replaceAll("/", "_"), options);
}

function fromHex(text: string): string {
  return legible((text.match(/(?:[\da-f]{2}){6,}/giu) ?? []).map(hexOf));
}

function hexOf(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../gu) ?? [], (pair) => parseInt(pair, 16));
}

/** As Rust shows a Vec<u8>, and JavaScript a Uint8Array. */
function fromByteList(text: string): string {
  const lists = text.match(/\d{1,3}(?:, *\d{1,3}){5,}/gu) ?? [];
  return legible(lists.map((list) => Uint8Array.from(list.split(","), Number)));
}

/** What of some bytes can be read; what is no text decodes to scraps that are shorter. */
function legible(bytes: Uint8Array[]): string {
  const pieces = bytes.flatMap((some) => inOneLine(asText(some)).split("\ufffd"));
  return pieces.filter((piece) => piece.length >= SHORTEST).join("\n");
}

function asText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** A log breaks texts into lines; what is white counts as one space. */
function inOneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
}
