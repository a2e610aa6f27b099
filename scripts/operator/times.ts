/** Times as people write and read them, in the time zone of whoever is at the terminal. */

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Milliseconds of "90m", "2h", "1h30m", "3d"; null for anything else. */
export function readSpan(text: string): number | null {
  if (!/^(\d{1,6}[smhdw])+$/u.test(text)) return null;
  const parts = [...text.matchAll(/(\d+)([smhdw])/gu)];
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * SECONDS[unit], 0);
  return seconds > 0 ? seconds * 1000 : null;
}

/** A date, or a date and a time; of this time zone unless it names one. Null for anything else. */
export function readMoment(text: string): Date | null {
  const parts = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/iu
    .exec(text);
  if (!parts) return null;
  const [, day, time = "00:00", zone = ""] = parts;
  const moment = new Date(`${day}T${time}${zone}`);
  return Number.isNaN(moment.getTime()) ? null : moment;
}

/** 2026-11-21 13:02 */
export function stamp(at: string | Date): string {
  const date = new Date(at);
  const two = (number: number) => String(number).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** "just now", "5 min ago". */
export function ago(at: string, now: Date): string {
  const passed = now.getTime() - new Date(at).getTime();
  return passed < 60_000 ? "just now" : `${span(passed)} ago`;
}

/** A length of time in its one or two largest units: "45 s", "5 min", "1 h 58 min", "3 d 4 h", "20 d". */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) {
    return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  }
  const days = Math.floor(hours / 24);
  return days < 7 && hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}
