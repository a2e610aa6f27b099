/** Numbers and names as the report writes them. */
import { type Html, markup } from "./html.ts";

export function score(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : value.toFixed(2);
}

/** With its sign; what would read "+0.00" is "±0.00". */
export function change(value: number): string {
  const digits = Math.abs(value).toFixed(2);
  if (Number(digits) === 0) return `±${digits}`;
  return `${value > 0 ? "+" : "−"}${digits}`;
}

/** Of a share from 0 to 1; what is short of the whole does not read as it. */
export function percent(share: number): string {
  const whole = Math.round(share * 100);
  if (whole === 100 && share < 1) return "over 99\u00A0%";
  return whole === 0 && share > 0 ? "under 1\u00A0%" : `${whole}\u00A0%`;
}

/** Of a confidence from 0 to 1: none is the whole, though it may be stored so. */
export function sureness(confidence: number): string {
  return percent(Math.min(confidence, 1 - Number.EPSILON));
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** `missed_opportunities` → `Missed opportunities`. */
export function title(key: string): string {
  const words = key.replaceAll(/[_\s]+/gu, " ").trim() || key;
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function time(iso: string): Html {
  return markup`<time datetime="${iso}">${iso.slice(11, 19)}<span class="quiet"> UTC</span></time>`;
}

export function date(iso: string): string {
  return new Date(iso).toLocaleDateString("en", { dateStyle: "long", timeZone: "UTC" });
}

/** Colours and shapes of versions; beyond the last they begin again, and the number beside them tells. */
const LOOKS = 6;

export function lookOf(version: number): number {
  return (version - 1) % LOOKS + 1;
}

/** A version's name with its shape and colour, as the charts draw it. */
export function versionName(version: number): Html {
  const drawn = markup`<svg class="shape" viewBox="-8 -8 16 16" aria-hidden="true">${shape(version)}</svg>`;
  return markup`<span class="version v${lookOf(version)}">${drawn}Version ${version}</span>`;
}

const SHAPES = [
  markup`<circle r="5.5" />`,
  markup`<path d="M-5 -5H5V5H-5Z" />`,
  markup`<path d="M0 -6.5L6.5 5H-6.5Z" />`,
  markup`<path d="M0 -7L7 0L0 7L-7 0Z" />`,
  markup`<path d="M-6.5 -5H6.5L0 6.5Z" />`,
  markup`<path d="M-2 -6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z" />`,
];

/** Around the origin, about 12 units wide. */
export function shape(version: number): Html {
  return SHAPES[lookOf(version) - 1];
}

export function simulatedTag(simulated: boolean): Html | false {
  return simulated && markup`<span class="tag simulated">simulated</span>`;
}
