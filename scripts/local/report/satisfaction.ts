/** How content people were, day by day, with learned patterns and without: drawn, and in numbers. */
import type { SatisfactionReport } from "./data.ts";
import { type Html, markup } from "./html.ts";
import { change, percent, simulatedTag } from "./words.ts";

const WIDTH = 340;
const HEIGHT = 190;
const LEFT = 30;
const RIGHT = 8;
const TOP = 12;
const BOTTOM = 30;

interface Line {
  name: string;
  /** Class of its colour; its marks have shapes of their own. */
  look: string;
  points: { x: number; y: number; day: number; value: number }[];
}

/** Mean signals, −1 to 1. */
export function satisfactionChart(rows: SatisfactionReport[], id: string): Html {
  const dates = datesOf(rows);
  const lines = [false, true].map((withPatterns) => lineOf(rows, dates, withPatterns));
  const said = lines.map(({ name, points }) =>
    `${name}: ${points.map(({ day, value }) => `day ${day} ${change(value)}`).join(", ") || "no answers"}`
  );
  return markup`<figure class="satisfaction"><svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"
aria-labelledby="${id} ${id}-text"><title id="${id}">Mean signal of a day's answers, −1 to 1</title>
<desc id="${id}-text">${said.join("; ")}</desc>${axis()}${days(dates)}${lines.map(drawn)}</svg>
<figcaption>${simulatedTag(true)} Mean signal of a day’s answers, −1 to 1:
<span class="key v3"><svg class="shape" viewBox="-8 -8 16 16" aria-hidden="true">${MARKS.v3}</svg>with</span> learned
patterns, <span class="key v1"><svg class="shape" viewBox="-8 -8 16 16" aria-hidden="true">${MARKS.v1}</svg>without</span>.
Questions nobody learned anything about are among those without, so the two are no fair comparison: the trials above
are.</figcaption></figure>`;
}

export function satisfactionTable(rows: SatisfactionReport[], name: Html): Html {
  const dates = datesOf(rows);
  const row = (
    { date, with_patterns, answers, thumbs_up, thumbs_down, thumbs_up_rate, satisfaction }: SatisfactionReport,
  ) =>
    markup`<tr><th scope="row">${dates.indexOf(date) + 1}</th><td>${
      with_patterns ? "with" : "without"
    }</td><td>${answers}</td>
<td>${thumbs_up}</td><td>${thumbs_down}</td><td>${thumbs_up_rate === null ? "–" : percent(thumbs_up_rate)}</td>
<td>${satisfaction === null ? "–" : change(satisfaction)}</td></tr>`;
  return markup`<div class="scroll" role="region" aria-label="Satisfaction by day" tabindex="0"><table>
<caption>Satisfaction by day: ${name} ${simulatedTag(true)}</caption>
<thead><tr><th scope="col">Day</th><th scope="col">Patterns</th><th scope="col">Answers</th><th scope="col">Thumbs up</th>
<th scope="col">Thumbs down</th><th scope="col">Up, of answers</th><th scope="col">Mean signal</th></tr></thead>
<tbody>${rows.map(row)}</tbody></table></div>`;
}

function datesOf(rows: SatisfactionReport[]): string[] {
  return [...new Set(rows.map(({ date }) => date))].sort();
}

function lineOf(rows: SatisfactionReport[], dates: string[], withPatterns: boolean): Line {
  const points = rows.filter(({ with_patterns }) => with_patterns === withPatterns).flatMap(
    ({ date, satisfaction }) => {
      if (satisfaction === null) return [];
      const place = dates.indexOf(date);
      return [{ x: x(place, dates.length), y: y(satisfaction), day: place + 1, value: satisfaction }];
    },
  );
  return withPatterns ? { name: "with patterns", look: "v3", points } : { name: "without", look: "v1", points };
}

const MARKS: Record<string, Html> = {
  v1: markup`<circle r="4.5" />`,
  v3: markup`<path d="M0 -6L6 4.5H-6Z" />`,
};

function drawn({ look, points }: Line): Html {
  return markup`<g class="${look}"><polyline class="curve" points="${
    points.map(({ x, y }) => `${x},${y}`).join(" ")
  }"/>${points.map(({ x, y }) => markup`<g class="mark" transform="translate(${x} ${y})">${MARKS[look]}</g>`)}</g>`;
}

function axis(): Html {
  return markup`${
    [-1, 0, 1].map((value) =>
      markup`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}"/>
<text class="tick" x="${LEFT - 7}" y="${y(value) + 4}" text-anchor="end">${value < 0 ? "−1" : value}</text>`
    )
  }`;
}

function days(dates: string[]): Html {
  const every = Math.ceil(dates.length / 8);
  return markup`${
    dates.map((_, place) =>
      place % every === 0 &&
      markup`<text class="tick" x="${x(place, dates.length)}" y="${HEIGHT - 10}" text-anchor="middle">${
        place === 0 ? "day 1" : place + 1
      }</text>`
    )
  }`;
}

function x(place: number, of: number): number {
  return round(LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / of);
}

function y(value: number): number {
  return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value) / 2);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
