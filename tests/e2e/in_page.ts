/** What runs inside a page: each function is sent there by itself and sees nothing of this file. */
// deno-lint-ignore-file no-explicit-any -- the library of types for pages contradicts Deno's

declare const document: any;
declare function getComputedStyle(element: any): Record<"backgroundColor" | "color" | "fill", string>;

/** How far the page reaches out to the side, in pixels; with everything unfolded, if so asked. */
export function overflow(unfold: boolean): number {
  if (unfold) document.querySelectorAll("details").forEach((details: any) => details.open = true);
  const { scrollWidth, clientWidth } = document.scrollingElement;
  return scrollWidth - clientWidth;
}

export function background(): string {
  return getComputedStyle(document.documentElement).backgroundColor;
}

/** Texts whose colour differs from what is behind them by less than a ratio (WCAG 2), and how many were looked at. */
export function faintTexts(least: number): { looked: number; faint: string[] } {
  const channels = (colour: string) => colour.match(/[\d.]+/g)!.map(Number);
  const luminance = (colour: string) => {
    const [red, green, blue] = channels(colour).map((value) =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element: any): string => {
    if (!element) return "rgb(255, 255, 255)";
    const { backgroundColor } = getComputedStyle(element);
    return channels(backgroundColor)[3] === 0 ? behind(element.parentElement) : backgroundColor;
  };
  const faint: string[] = [];
  let looked = 0;
  for (const element of document.body.querySelectorAll("*")) {
    const text = [...element.childNodes].filter(({ nodeType }) => nodeType === 3 /* text */)
      .map(({ textContent }) => textContent.trim()).join("");
    if (text === "" || element.getClientRects().length === 0) continue;
    looked++;
    const { color, fill } = getComputedStyle(element);
    const [one, other] = [element.ownerSVGElement ? fill : color, behind(element)].map(luminance);
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < least) faint.push(`${ratio.toFixed(2)}: ${text.slice(0, 40)}`);
  }
  return { looked, faint };
}

/** The numbers at the top: what stands above, and the words below it. */
export function facts(): { value: string; name: string }[] {
  return [...document.querySelectorAll(".facts > div")].map((fact) => ({
    value: fact.querySelector("dd").innerText,
    name: fact.querySelector("dt").innerText,
  }));
}

/** The rows of the table of versions, cell by cell, as they read. */
export function versionRows(): string[][] {
  return [...document.querySelectorAll("#version-table ~ tbody tr")].map((row) =>
    [...row.cells].map(({ innerText }) => innerText.trim())
  );
}

/** What is marked in each exchange, by the number of the criterion it was quoted for. */
export function marks(): string[] {
  return [...document.querySelectorAll(".exchange")].flatMap((exchange) => {
    const quotes: Record<string, string> = {};
    for (const mark of exchange.querySelectorAll("mark")) {
      for (const number of mark.dataset.quotes.split(" ")) {
        quotes[number] = (quotes[number] ?? "") + mark.textContent;
      }
    }
    return Object.entries(quotes).map(([number, text]) => `${number}: ${text}`);
  });
}

/** The two texts that each difference shows. */
export function diffs(): { before: string; after: string }[] {
  const without = (diff: any, tag: string) => {
    const copy = diff.cloneNode(true);
    copy.querySelectorAll(tag).forEach((one: any) => one.remove());
    return copy.textContent;
  };
  return [...document.querySelectorAll(".diff")].map((diff) => ({
    before: without(diff, "ins"),
    after: without(diff, "del"),
  }));
}

/** The text of every element that fits a selector. */
export function texts(selector: string): string[] {
  return [...document.querySelectorAll(selector)].map(({ textContent }) => textContent.trim());
}
