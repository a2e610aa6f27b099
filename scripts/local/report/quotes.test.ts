import assert from "node:assert/strict";
import { find, markQuotes } from "./quotes.ts";

const found = (quote: string, text: string) => {
  const place = find(quote, text);
  return place && text.slice(place.start, place.end);
};
const marked = (text: string, ...quotes: string[]) =>
  markQuotes(text, quotes.map((quote, index) => ({ number: index + 1, name: `C${index + 1}`, text: quote }))).text;

Deno.test("a quote is found as the loop finds evidence, and its place is that of the original", () => {
  const text = "Put it  in\nWATER — for “eight” minutes. İstanbul, 😀 yes.";
  assert.equal(found('in water - for "eight" minutes.', text), "in\nWATER — for “eight” minutes.");
  assert.equal(found("“put it in water”", text), "Put it  in\nWATER");
  assert.equal(found("i̇STANBUL, 😀 YES", text), "İstanbul, 😀 yes");
  for (const absent of ["for ten minutes", "", '  "" ', "yes. Put"]) assert.equal(found(absent, text), null, absent);
});

Deno.test("quotation marks that belong to a quote are marked with it [catches: trimming what is there]", () => {
  assert.equal(found('of "red wine"', 'Start with the basics of "red wine" first.'), 'of "red wine"');
});

Deno.test("quotes that overlap, lie within each other, or are one and the same", () => {
  const mark = (numbers: string, names: string, text: string) =>
    `<mark data-quotes="${numbers}" title="Quoted for: ${names}">${text}</mark>`;
  assert.equal(
    marked("abcdef", "abcd", "cdef"),
    mark("1", "C1", "ab") + mark("1 2", "C1, C2", "cd") + "<sup>1</sup>" + mark("2", "C2", "ef") + "<sup>2</sup>",
  );
  assert.equal(
    marked("abcdef", "abcdef", "cd"),
    mark("1", "C1", "ab") + mark("1 2", "C1, C2", "cd") + "<sup>2</sup>" + mark("1", "C1", "ef") + "<sup>1</sup>",
  );
  assert.equal(marked("abcdef", "cd", "cd"), `ab${mark("1 2", "C1, C2", "cd")}<sup>1 2</sup>ef`);
  assert.equal(marked("abcdef", "xyz"), "abcdef");
  assert.equal(marked("", "xyz"), "");
});

Deno.test("markup in a marked text, or in the name of a criterion, is text", () => {
  assert.equal(
    markQuotes(`<b>"&'`, [{ number: 1, name: `"'>`, text: "<b>" }]).text,
    '<mark data-quotes="1" title="Quoted for: &quot;&#39;&gt;">&lt;b&gt;</mark><sup>1</sup>&quot;&amp;&#39;',
  );
});
