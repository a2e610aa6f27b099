import assert from "node:assert/strict";
import { ago, readMoment, readSpan, span } from "./times.ts";

Deno.test("spans are read as people write them, and nothing else is", () => {
  const minutes = { "30m": 30, "2h": 120, "1h30m": 90, "3d": 4320, "2w": 20160, "90s": 1.5 };
  for (const [text, expected] of Object.entries(minutes)) assert.equal(readSpan(text), expected * 60_000, text);
  for (const text of ["", "2", "h", "2 h", "-2h", "2y", "0h", "1.5h", "9999999d"]) {
    assert.equal(readSpan(text), null, text);
  }
});

Deno.test("moments without a zone are of this one", () => {
  const local = (hour: number) => new Date(2030, 0, 31, hour).getTime();
  assert.equal(readMoment("2030-01-31")?.getTime(), local(0));
  assert.equal(readMoment("2030-01-31 18:00")?.getTime(), local(18));
  assert.equal(readMoment("2030-01-31T18:00:00")?.getTime(), local(18));
  const zoned = Date.UTC(2030, 0, 31, 18);
  for (const text of ["2030-01-31T18:00Z", "2030-01-31 20:00+02:00", "2030-01-31T18:00:00.000+00:00"]) {
    assert.equal(readMoment(text)?.getTime(), zoned, text);
  }
  for (const text of ["", "18:00", "tomorrow", "2030-13-01", "31.01.2030", "2030"]) {
    assert.equal(readMoment(text), null, text);
  }
});

Deno.test("lengths of time have one or two units", () => {
  const lengths = { 45: "45 s", 300: "5 min", 3600: "1 h", 7080: "1 h 58 min", 100_800: "1 d 4 h", 1_728_000: "20 d" };
  for (const [seconds, text] of Object.entries(lengths)) assert.equal(span(Number(seconds) * 1000), text);
  const now = new Date("2026-11-21T12:00:00Z");
  assert.equal(ago("2026-11-21T11:59:30Z", now), "just now");
  assert.equal(ago("2026-11-21T12:00:30Z", now), "just now");
  assert.equal(ago("2026-11-21T11:55:00Z", now), "5 min ago");
});
