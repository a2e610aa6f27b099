import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { scoresChart } from "./report/charts.ts";
import { conversationsSection } from "./report/conversations.ts";
import type { ChangeReport, DemoReport } from "./report/data.ts";
import { decisionsSection } from "./report/decisions.ts";
import { exampleReport, turn } from "./report/example.ts";
import { evidenceInWords, learnedSection } from "./report/learned.ts";
import { type Case, curveOf } from "./report/evidence.ts";
import { budgetInWords, placebosInWords, proofSection } from "./report/proof.ts";
import { promptDiff } from "./report/versions.ts";
import { percent, sureness } from "./report/words.ts";
import { renderReport } from "./report_page.ts";

/** What a reader would read: without tags, style and what only screen readers get. */
function read(markup: string): string {
  return markup.replace(/<style>.*?<\/style>/su, "").replace(/<(title|desc)[^>]*>.*?<\/\1>/gsu, "")
    .replace(/<[^>]*>/gu, "").replace(/&#39;/gu, "'").replace(/&quot;/gu, '"').replace(/&lt;/gu, "<")
    .replace(/&gt;/gu, ">").replace(/&amp;/gu, "&").replace(/\s+/gu, " ");
}

const tags = (page: string) => [...page.matchAll(/<\/?[a-zA-Z!][^>]*>/gu)].map(([tag]) => tag.split(/[\s>]/u)[0]);
const headline = (report: DemoReport) => read(/<h1>.*<\/h1>/su.exec(renderReport(report))![0]);

const HOSTILE = [
  "<script>alert(1)</script>",
  "</style></title></svg></details><img src=x onerror=alert(1)>",
  '" onmouseover="alert(1)" x=\'',
  "&lt;b&gt; &#60;b&#62; <!-- -->",
  "]]> ${1} `",
];
for (const words of HOSTILE) {
  Deno.test(`text stays text wherever it stands: ${words}`, () => {
    const page = renderReport(exampleReport(words));
    assert.deepEqual(tags(page), tags(renderReport(exampleReport())));
    assert.ok(!/<[^>]* on\w+=/u.test(page), "an attribute came of it");
    const shown = read(page).split(words.replace(/\s+/gu, " ")).length;
    assert.equal(shown, read(renderReport(exampleReport())).split("plain words").length);
  });
}

Deno.test("what cannot be seen is shown by its number, and turns nothing round", () => {
  const page = renderReport(exampleReport("a\u202Eb\u200Bc\u{E0041}d\u0007e\uD800f"));
  for (const code of ["U+202E", "U+200B", "U+E0041"]) assert.ok(page.includes(`data-code="${code}"`), code);
  assert.ok(!page.includes("\u0007") && page.isWellFormed());
  // Right-to-left text itself is left as it is, in a block that finds its own direction.
  assert.match(renderReport(exampleReport("שלום")), /dir="auto">[^<]*שלום/u);
});

Deno.test("the page loads nothing, runs nothing, and says what it is", () => {
  const page = renderReport(exampleReport());
  assert.match(page, /^<!DOCTYPE html>\n<html lang="en">/u);
  const style = /<style>(.*?)<\/style>/su.exec(page)![1];
  const hash = createHash("sha256").update(style).digest("base64");
  const [, policy] = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/u.exec(page)!;
  const expected = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  assert.equal(read(policy), expected);
  assert.ok(!/\s(?:src|srcset|style)=|<(?:script|link|iframe|object|embed)|@import|url\(/u.test(page));
  assert.deepEqual([...page.matchAll(/href="([^#][^"]*)"/gu)], []);
  assert.equal(page.match(/<h1/gu)!.length, 1);
  const ids = [...page.matchAll(/ id="([^"]+)"/gu)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length, "an id twice");
  const named = [...page.matchAll(/(?:aria-labelledby|href)="#?([^"]+)"/gu)].flatMap(([, names]) => names.split(" "));
  assert.deepEqual(named.filter((name) => !ids.includes(name)), []);
});

Deno.test("the headline tells what happened, not what was hoped for", () => {
  const report = exampleReport();
  const [first, second] = report.versions;
  const means = (one: number | null, other: number | null): DemoReport => ({
    ...report,
    versions: [{ ...first, mean_overall: one }, { ...second, mean_overall: other }],
  });
  assert.match(headline(means(1.61, 4.68)), /rose from 1\.61 to 4\.68 of 5/u);
  assert.match(headline(means(4.68, 1.61)), /fell from 4\.68 to 1\.61/u);
  assert.match(headline(means(3, 3.2)), /hardly moved: from 3\.00 to 3\.20/u);
  assert.match(headline(means(3, null)), /One prompt version, judged 3\.00/u);
  assert.match(headline(means(null, null)), /No answer was judged/u);
  assert.match(read(renderReport(means(4.68, 1.61))), /scored 3\.07 points below those/u);
  assert.match(read(renderReport({ ...report, control: "paused" })), /This run is a control/u);
  assert.match(read(renderReport(report)), /do not prove statistically that a version is better/u);
});

Deno.test("simulated is said where it is so, and only there", () => {
  const simulated = renderReport(exampleReport());
  assert.match(read(simulated), /Simulated\. No language model was called/u);
  assert.match(simulated, /<title>[^<]*\(simulated\)/u);
  for (const id of ["scores", "versions", "decisions", "tests", "learned", "conversations"]) {
    assert.match(simulated, new RegExp(`<h2 id="${id}">[^<]*<span class="tag simulated">`, "u"));
  }
  const real = JSON.parse(JSON.stringify(exampleReport()).replaceAll("simulated/", ""));
  const body = renderReport({ ...real, simulated: false, learning: null }).replace(/<style>.*?<\/style>/su, "");
  assert.ok(!/simulated/iu.test(body), /.{60}simulated.{20}/iu.exec(body)?.[0]);
});

Deno.test("a difference shows what went and what came, and skips what is long and unchanged", () => {
  const one = promptDiff("Be kind. Be brief.", "Be kind. Be very clear.").text;
  assert.match(one, /<span class="kept">Be kind\. Be <\/span><del>brief<\/del><ins>very clear<\/ins>/u);
  const long = "It is so. ".repeat(300);
  const shortened = promptDiff(`Begin. ${long}End.`, `Start. ${long}Stop.`).text;
  assert.match(shortened, / … 2,\d{3} unchanged characters … /u);
  assert.ok(shortened.length < 1_000);
  const nothingAlike = promptDiff("a b ".repeat(5_000), "c d ".repeat(5_000)).text;
  assert.equal(nothingAlike.match(/<(?:ins|del)>/gu)!.length, 2);
});

Deno.test("marks, bars and dots stand where their numbers say [catches: a chart upside down]", () => {
  const report = exampleReport();
  const [wide] = scoresChart(report).text.split('class="chart narrow"');
  const numbers = (pattern: RegExp) => [...wide.matchAll(pattern)].map(([, ...found]) => found.map(Number));
  const lines = numbers(/class="grid"[^>]*y1="([\d.]+)"/gu).map(([y]) => y);
  const [bottom, top] = [lines[0], lines.at(-1)!];
  const heightOf = (score: number) => bottom + (top - bottom) * (score - 1) / 4;
  assert.ok(lines.length === 5 && top < bottom);
  const near = (found: number[], scores: number[]) => {
    assert.equal(found.length, scores.length);
    for (const [index, one] of found.entries()) assert.ok(Math.abs(one - heightOf(scores[index])) < 0.2, `${found}`);
  };
  const means = report.versions.map(({ mean_overall }) => mean_overall!);
  near(numbers(/class="mark" transform="translate\([\d.]+ ([\d.]+)\)/gu).map(([y]) => y), means);
  near(
    numbers(/class="whisker"\s+d="M[\d.]+ ([\d.]+)V([\d.]+)/gu).flat(),
    report.versions.flatMap(({ mean_overall, error_overall }) =>
      [2, -2].map((errors) => Math.min(5, Math.max(1, mean_overall! + errors * error_overall!)))
    ),
  );
  near(
    numbers(/cy="([\d.]+)" r="2\.6"/gu).map(([y]) => y),
    report.conversations.flatMap(({ turns }) => turns.map(({ evaluation }) => evaluation!.overall!)),
  );
  near(numbers(/class="threshold"[^>]*y1="([\d.]+)"/gu).map(([y]) => y), [2.5]);
});

Deno.test("learned patterns: their state, words, evidence and life, and what keeps organisations apart", () => {
  const report = exampleReport();
  const page = read((learnedSection(report) as { text: string }).text);
  for (
    const words of [
      "25 people of 2 organisations got 40 answers in 2 days (2.5 s) and reacted 29 times",
      "Days pass in seconds.",
      "1 active of 2 patterns, 24 people",
      "list for how-to questions; for explanation questions they do not mind",
      "active in use; format list for how-to questions plain words",
      "confidence98 % influence93 %",
      "shown for 3, mean signal +0.50; held back from 4, mean signal −0.25.",
      "would have multiplied its stake by 1,500.",
      "run 2candidate → to trial confidence 98 % plain words",
      "latertrial → to active confidence 98 %, shown for 93 % plain words",
      "Its words are gone.",
      "No answer has been held against it yet.",
      "2with10 5250 % +0.90",
      "2without10 5250 % –",
      "of all 40 prompts that the model received, 9 held learned instructions; none of them held one that another",
    ]
  ) assert.ok(page.includes(words), `${words}\n${page}`);
  const { learning } = report;
  const wrong = { ...learning!, checks: { ...learning!.checks, prompts: 39, foreign: 2, unlike_stored: 1 } };
  const told = read((learnedSection({ ...report, learning: wrong }) as { text: string }).text);
  assert.match(told, /of only 39 of 40 prompts .* 2 of them held one that another .* and 1 held other instructions/u);
  assert.ok(!renderReport({ ...report, learning: null }).includes('"#learned"'));
});

Deno.test("marks of satisfaction stand where their numbers say", () => {
  const section = (learnedSection(exampleReport()) as { text: string }).text;
  const lines = [...section.matchAll(/class="grid"[^>]*y1="([\d.]+)"/gu)].map(([, y]) => Number(y));
  const [low, , high] = lines;
  const marks = [...section.matchAll(/class="mark" transform="translate\([\d.]+ ([\d.]+)\)/gu)].map(([, y]) =>
    Number(y)
  );
  assert.ok(low > high, "it stands on its head");
  assert.equal(marks.length, 2, "a day without a mean has a mark");
  for (const [index, value] of [0.3, 0.9].entries()) {
    assert.ok(Math.abs(marks[index] - (low + (high - low) * (value + 1) / 2)) < 0.2, `${marks}`);
  }
});

Deno.test("nothing short of the whole reads as it, and no confidence at all", () => {
  assert.deepEqual([percent(1), percent(0.9999), percent(0)], ["100\u00A0%", "over 99\u00A0%", "0\u00A0%"]);
  assert.deepEqual([sureness(1), sureness(0.5)], ["over 99\u00A0%", "50\u00A0%"]);
});

Deno.test("odds are told in words that fit their size", () => {
  const evidence = { people: 1, shown: 1, held_back: 0, mean_shown: 1, mean_held_back: null };
  const told = (times: number) => evidenceInWords({ ...evidence, log_e: Math.log(times) });
  assert.match(told(0.5), /would have lost so far/u);
  assert.match(told(2.25), /its stake by 2\.3\./u);
  assert.match(told(1_234), /its stake by 1,234\./u);
  assert.match(told(1e9), /by more than a million\./u);
  assert.ok(!evidenceInWords({ ...evidence, log_e: null }).includes("bet"));
});

/** The cards of tests, a text each. */
const testCards = (report: DemoReport) =>
  proofSection(report).text.split('<article class="card test">').slice(1).map((one) =>
    read(one.split("</article>")[0])
  );

Deno.test("tests: verdict, stage, reason, plan, numbers, receipt; one that ended otherwise has none", () => {
  const [promoted, screened, placebo, back, closed] = testCards(exampleReport());
  const words = (card: string, ...parts: string[]) =>
    parts.forEach((part) => assert.ok(card.includes(part), `${part}\n${card}`));
  words(promoted, "Version 2 against version 1 promoted", "by replay proof: it is better", "plain words");
  words(promoted, "Said when its proof began: plain words", "won30lost4tied6bet at", "bet at1,288it takes1,200");
  words(
    promoted,
    "agreement with people0.61 (40)",
    "Receipt receipt-promoted-replay verified",
    "40 pairs",
    "goes live at 1,200",
  );
  words(screened, "Version 3 against version 1 rejected", "at screening: it did not win more often than it lost");
  words(screened, "won2lost3tied1", "has to end above 0", "verified");
  assert.ok(!/began|bet at/u.test(screened), screened);
  words(
    placebo,
    "promoted placebo",
    "in a canary",
    "with it20without80",
    "does NOT match plain words; log_e: 7.2, 7.1",
  );
  words(back, "Version 2 back to version 1 rolled back", "by people’s votes: the share of thumbs up fell");
  words(back, "goes back at 100,000", "5 votes");
  words(closed, "ended without a verdict", "the judge was changed", "No receipt: nothing was decided by proof.");
  assert.ok(!/verified|null|undefined|NaN/u.test(closed), closed);
  const page = read(proofSection(exampleReport()).text);
  words(
    page,
    "Of the 60 tests of 2026, 3 reached proof and 1 ended in a promotion; the next has to reach a bet of 600.",
  );
  words(page, "12 placebos tested: 11 ended at screening, 1 would have gone live (8 %).", "Rows are aged.");
  words(
    page,
    "No version was put to the test.",
    "The yearly budget is off; 0 tests in 2026, 0 promoted. No placebo was tested.",
  );
  const { assistants: [{ budget, placebos }] } = exampleReport().proof;
  assert.match(budgetInWords({ ...budget, level_now: null }), /none is left\.$/u);
  assert.match(placebosInWords({ ...placebos, tests: 1, rate: null }), /^1 placebo tested: .* live\.$/u);
});

Deno.test("evidence is drawn to scale, beside what it has to reach [catches: a chart upside down, a threshold elsewhere]", () => {
  const { proof } = exampleReport();
  const figures = proofSection(exampleReport()).text.split('<figure class="evidence">').slice(1);
  const curves = proof.assistants[0].tests.flatMap(({ curve }) => curve ?? []);
  assert.equal(figures.length, curves.length);
  for (const [index, { values, threshold }] of curves.entries()) {
    const [svg] = figures[index].split("</svg>");
    const points = /class="curve" points="([^"]*)"/u.exec(svg)![1].split(" ").map((one) => one.split(",").map(Number));
    const line = Number(/class="threshold"[^>]*y1="([\d.]+)"/u.exec(svg)![1]);
    const [, ...drawn] = points;
    assert.equal(drawn.length, values.length);
    assert.ok(drawn.every(([x], at) => at === 0 || x > drawn[at - 1][0]));
    // Linear in the value: two points fix the scale, the threshold and the others lie on it.
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const at = (value: number) => drawn[values.indexOf(value)][1];
    const perUnit = (at(high) - at(low)) / (high - low);
    assert.ok(perUnit < 0, "it stands on its head");
    const heightOf = (value: number) => at(low) + perUnit * (value - low);
    for (const [place, value] of values.entries()) assert.ok(Math.abs(drawn[place][1] - heightOf(value)) < 0.3);
    assert.ok(Math.abs(line - heightOf(threshold)) < 0.5, `${line}, not ${heightOf(threshold)}`);
  }
});

Deno.test("a curve is worked out as the decision is, and not drawn where it ends elsewhere", () => {
  const pair = (d: number) => ({ d });
  const ended = (log_e: number, at: number | null = null) => ({ log_e, log_e_worse: null, at });
  const bets = [0.06, 0.12, 0.2, 0.3, 0.45, 0.65];
  const two = Math.log(bets.reduce((sum, bet) => sum + (1 + bet) * (1 - bet), 0) / 6);
  const replay: Case = { kind: "replay", level: 0.01, observations: [pair(1), pair(-1)] };
  const curve = curveOf(replay, ended(two))!;
  assert.ok(Math.abs(curve.values[1] - two) < 1e-12 && Math.abs(curve.threshold - Math.log(100)) < 1e-12);
  assert.ok(Math.abs(curve.values[0] - Math.log(1 + 1.78 / 6)) < 1e-12);
  assert.equal(curveOf(replay, ended(two + 1e-3)), null);
  assert.ok(curveOf(replay, ended(curve.values[0], 1)), "where it was decided counts too");
  assert.deepEqual(curveOf({ ...replay, kind: "screening" }, ended(0))!.values, [1, 0]);
  assert.equal(curveOf({ ...replay, observations: [] }, ended(0)), null);
  // All are won: the bet stays where it first reached 100.
  const stands = (n: number) => Math.log(bets.reduce((sum, bet) => sum + (1 + bet) ** n, 0) / 6);
  const wonAt = Array.from({ length: 40 }, (_, n) => n).find((n) => stands(n) >= Math.log(100))!;
  const won = curveOf({ ...replay, observations: Array(40).fill(pair(1)) }, ended(stands(wonAt), wonAt))!;
  assert.deepEqual([won.values.length, won.values[39]], [40, won.values[wonAt - 1]]);
  assert.ok(won.values[wonAt - 2] < won.threshold);
  // One unit: its person's mean is the prior's, 0.7; the candidate got 0.9 with a chance of 0.2.
  const unit = { arm: true, propensity: 0.2, person: 1, judged: 0.9 };
  const canary: Case = { kind: "canary", level: 0.01, observations: [unit, { ...unit, judged: null }] };
  const stake = [0.1, 0.2, 0.35, 0.5, 0.75, 1].reduce((sum, bet) => sum + 1 + bet * 0.2 * 0.98 * (0.2 / 0.2), 0) / 6;
  assert.ok(curveOf(canary, ended(Math.log(stake))), "a judgement that was discarded bets nothing");
  // 100 of 100 before: the limit is 0.05^(1/100); one vote down.
  const limit = 0.05 ** 0.01;
  const r = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.8, 2.2].reduce((sum, shift) => {
    const odds = limit / (1 - limit) * Math.exp(-shift);
    return sum + (1 - odds / (1 + odds)) / (1 - limit) / 8;
  }, 0);
  const watch: Case = { kind: "watch", level: null, before_up: 100, before_n: 100, observations: [{ up: false }] };
  assert.ok(curveOf(watch, { ...ended(0), log_e_worse: Math.log(r) }));
  const votesAfter = { ...watch, observations: [{ up: false }, { up: true }, { up: true }] };
  const fell = curveOf(votesAfter, { ...ended(0, 1), log_e_worse: Math.log(r) });
  assert.equal(fell?.values.length, 1, "it ends where the fall was clear");
});

const decided = (change: Partial<ChangeReport>) => {
  const entry: ChangeReport = {
    kind: "change",
    at: "2026-11-01T10:00:00.000Z",
    actor: "person",
    action: "x",
    detail: {},
    reason: null,
    ...change,
  };
  return read(decisionsSection({ ...exampleReport(), decisions: [entry] }).text);
};

Deno.test("any change of the audit log reads well, known or not", () => {
  const published = { new_version: 3, previous_version: 2, reflection_id: "b1" };
  assert.match(
    decided({ actor: "loop", action: "submit", detail: published }),
    /Put to the test by the loop Version Version 2 → to Version 3 Reflection id b1/u,
  );
  const moved = { changed: { live_version: { from: 2, to: 1 } }, proposal_id: "p7" };
  assert.match(
    decided({ action: "rollback", detail: moved, reason: "It got curt." }),
    /Rolled back by a person Live version Version 2 → to Version 1 It got curt\. Proposal id p7/u,
  );
  const settings = {
    changed: { paused: { from: false, to: true }, until: { from: null, to: "2027" }, list: { to: ["a"] } },
  };
  assert.match(
    decided({ actor: "service", action: "set_unheard_of", detail: settings }),
    /Set unheard of by a backend Paused no → to yes Until none → to 2027 List none → to \["a"\]/u,
  );
  assert.match(decided({ detail: { changed: "everything" } }), /X by a person Changed everything/u);
  assert.match(decided({ detail: {} }), /X by a person/u);
});

Deno.test("a void score is shown as void, with its quote and no mark", () => {
  const report = exampleReport();
  const judged = turn(1, "Is it far?", "It is far away from here.", [5, 4, 3]);
  judged.evaluation!.scores.depth = { score: 4, evidence: "it is quite near", valid: false };
  const one = { ...report, conversations: [{ round: 1, turns: [judged] }] };
  const section = conversationsSection(one).text;
  assert.match(section, /<li class="void"><sup>2<\/sup> Depth <s>4<\/s> <span class="tag">void<\/span>/u);
  assert.match(read(section), /quoted “it is quite near”, which is no evidence/u);
  assert.deepEqual([...section.matchAll(/data-quotes="([^"]*)"/gu)].map(([, numbers]) => numbers), ["3", "1"]);
  // Too short to count as evidence, so void, although the letters stand in the answer.
  judged.evaluation!.scores.completeness = { score: 5, evidence: "far", valid: false };
  assert.ok(!conversationsSection(one).text.includes('data-quotes="1"'));
});

Deno.test("a discarded judgement and an answer that was not judged say so", () => {
  const discarded = turn(1, "Is it far?", "It is far away.", [5, 4, 3]);
  discarded.evaluation!.overall = null;
  const waiting = { ...turn(1, "And now?", "Still far.", [1, 1, 1]), evaluation: null };
  const conversations = [{ round: 1, turns: [discarded, waiting] }];
  const section = read(conversationsSection({ ...exampleReport(), conversations }).text);
  assert.match(section, /Judgement discarded/u);
  assert.match(section, /Not judged\./u);
});
