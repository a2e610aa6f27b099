/** Long lists, which the server gives a page at a time. */

/** What the server gives at most. */
const PAGE = 100;

export interface Page<T> {
  /** As the server wrote it. */
  text: string;
  items: T[];
  /** What the answer holds besides; of several pages, that of the first. */
  beside?: Record<string, unknown>;
}

export interface Walk<T> {
  limit: number;
  /** So many items, after this one: the last of the page before. */
  ask: (size: number, after: T | undefined) => Promise<Page<T>>;
  /** What the next page is asked for by, where several items may share it: a page may end in the midst of them. */
  place?: (item: T) => string;
  /** False ends the list before this item. */
  wanted?: (item: T) => boolean;
}

/** Newest first; in one page as the server wrote it, else under the same name. */
export async function walk<T>(name: string, { limit, ask, place, wanted = () => true }: Walk<T>): Promise<Page<T>> {
  const items: T[] = [];
  let beside: Record<string, unknown> | undefined;
  while (true) {
    const size = Math.min(PAGE, limit - items.length);
    const page = await ask(size, items.at(-1));
    beside ??= page.beside;
    const last = page.items.length < size ||
      items.length + page.items.length >= limit;
    const taken = last ? page.items : withoutTornEnd(page.items, place);
    const kept = taken.slice(0, indexOrEnd(taken, (item) => !wanted(item)));
    items.push(...kept);
    const whole = last || kept.length < taken.length;
    if (whole && items.length === page.items.length) return page;
    if (whole) {
      return { items, beside, text: JSON.stringify({ outcome: "ok", [name]: items, ...beside }) };
    }
  }
}

/** Leaves what shares the last item's place to the next page, where it is whole. */
function withoutTornEnd<T>(items: T[], place: ((item: T) => string) | undefined): T[] {
  if (!place) return items;
  const end = place(items.at(-1)!);
  const rest = items.filter((item) => place(item) !== end);
  return rest.length > 0 ? rest : items;
}

function indexOrEnd<T>(items: T[], matches: (item: T) => boolean): number {
  const index = items.findIndex(matches);
  return index < 0 ? items.length : index;
}
