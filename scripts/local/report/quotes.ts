/** Where the judge's quotes stand in a text, and the text with them marked. */
import { type Html, markup, prose } from "./html.ts";

export interface Quote {
  /** What the reader finds the quote by. */
  number: number;
  /** Of what was scored by it. */
  name: string;
  text: string;
}

export interface Place {
  start: number;
  end: number;
}

/**
 * As the loop checks evidence: white space, letter case, the forms of quotation marks and dashes do not count, nor do
 * quotation marks around the quote.
 */
export function find(quote: string, text: string): Place | null {
  const verbatim = text.indexOf(quote);
  if (quote.trim() !== "" && verbatim !== -1) return { start: verbatim, end: verbatim + quote.length };
  const wanted = fold(quote).text.replaceAll(/^["' ]+|["' ]+$/gu, "");
  if (wanted === "") return null;
  const folded = fold(text);
  const first = folded.text.indexOf(wanted);
  if (first === -1) return null;
  return { start: folded.from[first], end: folded.to[first + wanted.length - 1] };
}

/** Quotes may overlap: a piece that several share is marked once, and each quote's number stands where it ends. */
export function markQuotes(text: string, quotes: Quote[]): Html {
  const found = quotes.flatMap((quote) => {
    const place = find(quote.text, text);
    return place ? [{ ...quote, ...place }] : [];
  });
  const edges = [...new Set([0, text.length, ...found.flatMap(({ start, end }) => [start, end])])].sort((a, b) =>
    a - b
  );
  return markup`${
    edges.slice(1).map((end, index) => {
      const start = edges[index];
      const over = found.filter((quote) => quote.start <= start && quote.end >= end);
      const ending = found.filter((quote) => quote.end === end);
      return [marked(text.slice(start, end), over), ending.length > 0 && numbers(ending)];
    })
  }`;
}

function marked(piece: string, quotes: Quote[]): Html {
  if (quotes.length === 0) return prose(piece);
  const names = quotes.map(({ name }) => name).join(", ");
  return markup`<mark data-quotes="${quotes.map(({ number }) => number).join(" ")}" title="Quoted for: ${names}">${
    prose(piece)
  }</mark>`;
}

function numbers(quotes: Quote[]): Html {
  return markup`<sup>${quotes.map(({ number }) => number).join(" ")}</sup>`;
}

interface Folded {
  text: string;
  /** Where each unit of the folded text comes from. */
  from: number[];
  to: number[];
}

/** Lower case, one space for each run of white space, plain quotation marks and dashes. */
function fold(text: string): Folded {
  const folded: Folded = { text: "", from: [], to: [] };
  let at = 0;
  for (const character of text) {
    const plain = plainOf(character);
    if (plain !== " " || !folded.text.endsWith(" ")) {
      folded.text += plain;
      for (let unit = 0; unit < plain.length; unit++) {
        folded.from.push(at);
        folded.to.push(at + character.length);
      }
    }
    at += character.length;
  }
  return folded;
}

function plainOf(character: string): string {
  if (/\p{White_Space}/u.test(character)) return " ";
  if (/[\u2018\u2019\u201A\u2032]/u.test(character)) return "'";
  if (/[\u201C\u201D\u201E\u2033\u00AB\u00BB]/u.test(character)) return '"';
  if (/[\u2010-\u2015\u2212]/u.test(character)) return "-";
  return character.toLowerCase();
}
