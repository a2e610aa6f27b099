/** The evidence of one test against what it has to reach, observation by observation, drawn as SVG. */
import type { CurveReport, TestReport } from "./data.ts";
import { type Html, markup } from "./html.ts";
import { count, lookOf, simulatedTag } from "./words.ts";

const WIDTH = 420;
const HEIGHT = 180;
const LEFT = 62;
const RIGHT = 10;
const TOP = 20;
const BOTTOM = 30;

/** Each in its scale, with what stands where the line is to get to. */
interface Scale {
  title: string;
  low: number;
  high: number;
  ticks: [value: number, name: string][];
  threshold: string;
}

export function evidenceChart({ curve, stage, version }: TestReport, id: string, simulated: boolean): Html | false {
  if (!curve) return false;
  const scale = curve.kind === "wins" ? scaleOfWins(curve) : scaleOfBets(curve, stage);
  const { values, threshold } = curve;
  const said = `${count(values.length, "observation")}; at the end ${told(curve, values.at(-1)!)}, ${scale.threshold}`;
  const points = values.map((value, index) => `${x(index + 1, values.length)},${y(scale, value)}`);
  const line = y(scale, threshold);
  return markup`<figure class="evidence"><svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"
aria-labelledby="${id} ${id}-text"><title id="${id}">${scale.title}</title><desc id="${id}-text">${said}</desc>
${scale.ticks.map(([value, name]) => tick(y(scale, value), name))}
<line class="threshold" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${line}" y2="${line}"/>
<g class="v${lookOf(version)}"><polyline class="curve" points="${`${LEFT},${y(scale, 0)} ${points.join(" ")}`}"/>
<g class="mark" transform="translate(${x(values.length, values.length)} ${
    y(scale, values.at(-1)!)
  })"><circle r="4.5"/></g></g>
<text class="tick" x="${LEFT}" y="${HEIGHT - 10}">0</text>
<text class="tick" x="${WIDTH - RIGHT}" y="${HEIGHT - 10}" text-anchor="end">${
    count(values.length, OBSERVED[stage] ?? "observation")
  }</text>
<text class="threshold-label" x="${LEFT + 4}" y="${round(line - 6)}">${scale.threshold}</text></svg>
<figcaption>${simulatedTag(simulated)} ${scale.title}.</figcaption></figure>`;
}

const OBSERVED: Record<string, string> = {
  screening: "pair",
  replay: "pair",
  canary: "conversation",
  watch: "vote",
};

function told({ kind }: CurveReport, value: number): string {
  return kind === "wins" ? String(value) : times(value);
}

function scaleOfWins({ values }: CurveReport): Scale {
  const [low, high] = [Math.min(...values, -2), Math.max(...values, 2)];
  const ticks = [...new Set([low, 0, high])].map((value): [number, string] => [value, `${value}`.replace("-", "−")]);
  return { title: "Wins less losses, pair by pair", low, high, ticks, threshold: "has to end above 0" };
}

/** In steps of ten: a bet that wins grows by factors. How far beyond the threshold it went says nothing more. */
function scaleOfBets({ values, threshold }: CurveReport, stage: string): Scale {
  const low = Math.max(Math.min(...values, 0), Math.log(1e-4));
  const high = Math.min(Math.max(...values, threshold) * 1.06, threshold * 1.3);
  const powers = Array.from({ length: 16 }, (_, index) => index - 4)
    .filter((power) => power * Math.LN10 >= low - 1e-9 && power * Math.LN10 <= high);
  const every = Math.ceil(powers.length / 5);
  const ticks = powers.filter((power) => power % every === 0)
    .map((power): [number, string] => [power * Math.LN10, times(power * Math.LN10)]);
  const watch = stage === "watch";
  return {
    title: watch ? "Evidence that the votes fell, vote by vote" : "What a fair bet of 1 on it would stand at",
    low,
    high,
    ticks,
    threshold: `${watch ? "goes back" : "goes live"} at ${times(threshold)}`,
  };
}

function times(log: number): string {
  const value = Math.exp(log);
  if (value < 0.995) return String(Number(value.toPrecision(1)));
  return value < 9.95 ? String(Number(value.toFixed(1))) : Math.round(value).toLocaleString("en");
}

function tick(at: number, name: string): Html {
  return markup`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/>
<text class="tick" x="${LEFT - 7}" y="${at + 4}" text-anchor="end">${name}</text>`;
}

function x(place: number, of: number): number {
  return round(LEFT + (WIDTH - LEFT - RIGHT) * place / of);
}

/** What lies beyond the scale stands at its edge. */
function y({ low, high }: Scale, value: number): number {
  const held = Math.min(high, Math.max(low, value));
  return round(TOP + (HEIGHT - TOP - BOTTOM) * (high - held) / (high - low));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
