/** scripts/demo as people run it, and the page it writes, looked at in Chromium. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "puppeteer-core";
import type { DemoReport, TurnReport, VersionReport } from "../../scripts/local/report/data.ts";
import { findChromium, type Look, look, startBrowser } from "./browser.ts";
import { ROOT, run } from "./commands.ts";
import { background, diffs, facts, faintTexts, marks, overflow, texts, versionRows } from "./in_page.ts";

const PAGE = join(ROOT, "target/demo/report.html");
/** Would close what it stands in, run, load and restyle, if it were taken for markup. */
const HOSTILE = "Why? </div></style><script>document.title = 'taken'</script><img src=x onerror=alert(1)>" +
  "\"'&amp; \u202Eevah\u202C \u200B שלום " + "w".repeat(300);

Deno.test("scripts/demo", async (test) => {
  const folder = mkdtempSync(join(tmpdir(), "pawl-demo-"));
  const file = join(folder, "export.jsonl");
  let output = "";
  const line = (...words: string[]) =>
    JSON.stringify({ messages: words.map((content) => ({ role: "user", content })) });

  await test.step("replays a file, names a malformed line by number, and shows no routine log lines", () => {
    const lines = [
      line("How do I bake bread?", "And cakes?"),
      '{"messages": [',
      line("What is rust?", HOSTILE, "How?"),
    ];
    writeFileSync(file, lines.join("\n"));
    rmSync(join(ROOT, "target/demo"), { recursive: true, force: true });
    const { code, stdout, stderr } = run("demo", ["--conversations", file]);
    assert.equal(code, 0, stderr);
    output = stdout;
    assert.match(stderr, /line 2 skipped: not JSON/u);
    assert.match(stdout, /SIMULATED/u);
    assert.ok(!stdout.includes('"level":"info"'), "the functions' routine is shown");
    assert.match(stdout, /version +answers +overall/u);
    for (const name of ["report.html", "report.json"]) assert.ok(stdout.includes(`target/demo/${name}`), stdout);
    const report = reportOfDemo();
    assert.equal(report.simulated, true);
    assert.equal(report.messages % 5, 0);
    const [first, ...others] = report.versions;
    assert.deepEqual([first.version, first.answers], [1, 5]);
    assert.ok(others.at(-1)!.mean_overall! - first.mean_overall! >= 1);
    assert.ok(others.every((version) => version.change_reason));
    assert.ok(report.reflections > 0 && report.seconds > 0);
  });

  await test.step("its report.json tells what the functions told, and adds up [catches: answers of another round]", () => {
    const report = reportOfDemo();
    const reflections = report.decisions.filter((one) => one.kind === "reflection");
    assert.deepEqual(
      reflections.map(({ answers, version, mean_overall }) => [answers, version, score(mean_overall)]),
      [...output.matchAll(/judged (\d+) answers of version (\d+): (\d\.\d\d) of 5/gu)].map(
        ([, answers, version, mean]) => [Number(answers), Number(version), mean],
      ),
    );
    assert.equal(reflections.length, report.reflections);
    for (const { round, version, answers, mean_overall } of report.rounds) {
      const held = report.conversations.filter((one) => one.round === round);
      assert.equal(held.length, 2);
      const turns = held.flatMap((one) => one.turns);
      assert.ok(turns.every((turn) => turn.version === version && /^\[simulated\] /u.test(turn.answer)));
      assert.deepEqual([answers, score(mean_overall)], [5, score(meanOf(turns))]);
      assert.equal(score(mean_overall), score(report.versions[version - 1].mean_overall));
    }
    const changes = report.decisions.filter((one) => one.kind === "change");
    assert.deepEqual(
      changes.map(({ actor, action, reason }) => [actor, action, reason]),
      report.versions.slice(1).flatMap(({ change_reason }) => [
        ["loop", "submit", change_reason],
        ["loop", "promote", null],
      ]),
    );
    const times = report.decisions.map(({ at }) => at);
    assert.deepEqual(times, times.toSorted());
    assert.deepEqual(
      report.versions.map(({ is_live }) => is_live),
      report.versions.map((_, at, all) => at === all.length - 1),
    );
  });

  await test.step("nothing goes live unproved, and what people dislike comes back [catches: a test that decides nothing]", () => {
    const { versions, proof: { assistants: [own, staged], staged: sentences } } = reportOfDemo();
    assert.deepEqual(
      own.tests.map(({ version, verdict, stage }) => [version, verdict, stage]),
      versions.slice(1).map(({ version }) => [version, "promoted", "replay"]),
    );
    assert.deepEqual(staged.tests.map(({ verdict, stage, placebo }) => [verdict, stage, placebo]), [
      ["rejected", "screening", false],
      ["rejected", "screening", true],
      ["promoted", "canary", false],
      ["promoted", "replay", false],
      ["rolled_back", "watch", false],
    ]);
    const tests = [...own.tests, ...staged.tests];
    assert.deepEqual(tests.filter(({ receipt }) => !receipt?.verified), []);
    assert.equal(new Set(tests.map(({ receipt }) => receipt!.id)).size, tests.length);
    for (const { curve, verdict, words } of tests) {
      // Drawn only where it ends at what core wrote down.
      assert.ok(curve && words, verdict);
      assert.equal(
        curve.values.some((value) => value >= curve.threshold + Number(curve.kind === "wins")),
        verdict !== "rejected",
      );
    }
    const [promoted] = own.tests;
    assert.ok(promoted.level! < 0.001 && promoted.wins! >= 18 && promoted.plan, "the level is the yearly budget's");
    assert.deepEqual([own.budget.promoted, staged.budget.promoted], [own.tests.length, 2]);
    assert.deepEqual([staged.placebos.tests, staged.placebos.promoted], [1, 0]);
    for (const sentence of sentences) assert.ok(output.includes(sentence), sentence);
    assert.match(
      output,
      /Versions were rejected, promoted and rolled back; each of \d+ receipts led to the same decision/u,
    );
  });

  await test.step("people's reactions become active patterns, and none reaches another organisation's prompt", () => {
    const { organizations, days, checks, hurried } = reportOfDemo().learning!;
    assert.equal(organizations.length, 2);
    const active = organizations.map(({ patterns }) => patterns.filter(({ state }) => state === "active"));
    assert.ok(active.some(({ length }) => length >= 2), output);
    assert.ok(checks.instructed > 0 && checks.answers === days.reduce((sum, { answers }) => sum + answers, 0));
    const { answers, instructed } = checks;
    assert.deepEqual(checks, { answers, prompts: answers, instructed, foreign: 0, unlike_stored: 0 });
    for (const [index, { tastes, people, runs, satisfaction, patterns }] of organizations.entries()) {
      assert.ok(people >= 20 && runs.length >= days.length && runs.every(({ message }) => message));
      // What people like is found out, and nothing else is taken for it.
      for (const { question_type, dimension, value, instruction, influence, confidence } of active[index]) {
        assert.equal(dimension, "format");
        assert.equal(value, tastes.find((taste) => taste.question_type === question_type)?.liked);
        assert.match(instruction!, /^Simulated: /u);
        assert.ok(influence >= 0.9 && influence < 1 && confidence > 0.5, `${influence}, ${confidence}`);
      }
      for (const { life, state } of patterns) {
        assert.equal(life.at(-1)!.to_state, state);
        assert.ok(life.every(({ reason }) => reason.trim() !== ""));
      }
      for (const { life, evidence } of active[index]) {
        assert.deepEqual([...new Set(life.map(({ to_state }) => to_state))], ["candidate", "trial", "active"]);
        assert.ok(evidence.mean_shown! > evidence.mean_held_back! && evidence.log_e! > Math.log(100));
      }
      assert.deepEqual(
        new Set(satisfaction.map(({ with_patterns }) => with_patterns)).size,
        patterns.length > 0 ? 2 : 1,
      );
      assert.ok(satisfaction.some(({ thumbs_up }) => thumbs_up > 0));
    }
    for (const sentence of hurried) assert.ok(output.includes(sentence), sentence);
    assert.match(output, /Learning came about: .* none held what another organisation had taught/u);
    // Something is said of each day while it goes on.
    assert.ok([...output.matchAll(/^\[ *\d+\.\d s\]/gmu)].length > days.length, output);
  });

  const chromium = findChromium();
  if (!chromium) {
    console.warn("SKIPPED: the demo's page (no Chromium here; name one in PAWL_CHROMIUM)");
    assert.ok(!Deno.env.get("CI"), "no Chromium to look at the demo's page with");
  }
  await test.step({
    name: `${chromium ? "" : "SKIPPED, no Chromium: "}its page reads well, on a phone and a desk, by day and night`,
    ignore: !chromium,
    fn: async (test) => {
      const browser = await startBrowser(chromium!);
      try {
        await lookAtPage(test, browser);
      } finally {
        await browser.close();
      }
    },
  });

  await test.step("a file that holds nothing to say ends in 2, with the reasons", () => {
    writeFileSync(file, 'words\n{"messages": []}\n{"id": 7}\n');
    const { code, stderr } = run("demo", ["--conversations", file]);
    assert.equal(code, 2);
    for (const number of [1, 2, 3]) assert.match(stderr, new RegExp(`line ${number} skipped`, "u"));
    assert.match(stderr, /no usable conversation/u);
  });

  await test.step("so does being called wrongly", () => {
    for (const args of [["--conversations", join(folder, "none")], ["--limit", "0"], ["--rewriter", "lazy"]]) {
      const { code, stderr } = run("demo", args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /demo: /u);
    }
  });
  rmSync(folder, { recursive: true });
});

const PHONE = { name: "phone", width: 360, height: 740, touch: true };
const DESK = { name: "desk", width: 1280, height: 900, touch: false };
const LOOKS: Look[] = [PHONE, DESK].flatMap((device) => [
  { ...device, scheme: "light" as const },
  { ...device, scheme: "dark" as const },
]);
/** Of text against what is behind it: WCAG 2, level AA. */
const LEAST_CONTRAST = 4.5;

async function lookAtPage(test: Deno.TestContext, browser: Browser): Promise<void> {
  const url = pathToFileURL(PAGE).href;
  const backgrounds: Record<string, string> = {};
  for (const one of LOOKS) {
    await test.step(`${one.name}, ${one.scheme}: silent, loads nothing, fits the width, is legible`, async () => {
      const { page, complaints, requests } = await look(browser, url, one);
      const folded = await page.evaluate(overflow, false);
      const unfolded = await page.evaluate(overflow, true);
      assert.deepEqual([folded, unfolded], [0, 0], "it scrolls sideways: pixels folded and unfolded");
      const { looked, faint } = await page.evaluate(faintTexts, LEAST_CONTRAST);
      assert.ok(looked > 100, `only ${looked} texts were looked at`);
      assert.deepEqual(faint, []);
      backgrounds[one.scheme] = await page.evaluate(background);
      assert.deepEqual(complaints, []);
      assert.deepEqual(requests, [url]);
      await page.close();
    });
  }
  await test.step("dark is dark", () => assert.notEqual(backgrounds.dark, backgrounds.light));
  const { page } = await look(browser, url, LOOKS[0]);
  const report = reportOfDemo();

  await test.step("the key numbers are report.json's [catches: a page of another run]", async () => {
    const [first, last] = [report.versions[0], report.versions.at(-1)!];
    const change = `${score(first.mean_overall)} → ${score(last.mean_overall)}`;
    assert.deepEqual((await page.evaluate(facts)).map(({ value }) => value), [
      change,
      String(report.messages),
      String(report.versions.length),
      String(report.decisions.length),
    ]);
    const [headline] = await page.evaluate(texts, "h1");
    for (const { mean_overall } of [first, last]) assert.ok(headline.includes(score(mean_overall)), headline);
    assert.match((await page.evaluate(texts, ".notice"))[0], /^Simulated\. No language model was called/u);
    assert.deepEqual(await page.evaluate(versionRows), report.versions.map((version) => rowOf(version, report)));
  });

  await test.step("charts, diffs with reasons, decisions: one for each", async () => {
    const reflections = report.decisions.filter((one) => one.kind === "reflection");
    const judged = reflections.filter(({ mean_overall }) => mean_overall !== null);
    assert.deepEqual(await page.evaluate(texts, ".chart.narrow .value"), judged.map((one) => score(one.mean_overall)));
    assert.deepEqual(
      (await page.evaluate(texts, ".multiples .delta")).map((text) => text.split(" (")[0]),
      report.rubric.map(({ key }) =>
        [judged[0], judged.at(-1)!].map(({ mean_by_criterion }) => score(mean_by_criterion[key])).join(" → ")
      ),
    );
    assert.deepEqual(
      await page.evaluate(texts, "section[aria-labelledby=versions] .card > blockquote"),
      report.versions.map(({ change_reason }) => change_reason),
    );
    const [, ...rewritten] = report.versions;
    assert.deepEqual(
      await page.evaluate(diffs),
      rewritten.map(({ content }, index) => ({ before: report.versions[index].content, after: content })),
    );
    assert.ok((await page.evaluate(texts, ".diff ins")).length >= rewritten.length);
    assert.equal((await page.evaluate(texts, ".timeline > li")).length, report.decisions.length);
  });

  await test.step("tests: each with its verdict, its evidence drawn, its receipt, as in report.json", async () => {
    const tests = report.proof.assistants.flatMap((one) => one.tests);
    assert.deepEqual(await page.evaluate(texts, ".test .receipt code"), tests.map(({ receipt }) => receipt!.id));
    assert.deepEqual(await page.evaluate(texts, ".test .receipt .tag"), tests.map(() => "verified"));
    assert.equal((await page.evaluate(texts, ".test .evidence")).length, tests.length);
    const headings = await page.evaluate(texts, ".test h3");
    for (const [index, { version, verdict }] of tests.entries()) {
      assert.match(headings[index], new RegExp(`^Version ${version} .*${verdict.replace("_", " ")}`, "su"));
    }
    assert.equal((await page.evaluate(texts, ".budget")).length, report.proof.assistants.length);
  });

  await test.step("learned patterns: each with its state, words and life, as in report.json", async () => {
    const patterns = report.learning!.organizations.flatMap(({ patterns }) => patterns);
    assert.deepEqual(await page.evaluate(texts, ".pattern .tag"), patterns.map(({ state }) => state));
    assert.deepEqual(await page.evaluate(texts, ".pattern blockquote"), patterns.map(({ instruction }) => instruction));
    const steps = patterns.flatMap(({ life }) => life);
    assert.deepEqual(await page.evaluate(texts, ".life p[dir]"), steps.map(({ reason }) => reason));
    const names = report.learning!.organizations.map(({ name }) => name);
    assert.deepEqual(await page.evaluate(texts, ".organization h3"), names);
    assert.equal((await page.evaluate(texts, ".satisfaction")).length, names.length);
    assert.match((await page.evaluate(texts, ".checked"))[0], /none of them held one that another .* and none held/su);
    const [heading] = await page.evaluate(texts, "#learned");
    assert.match(heading, /simulated$/u);
  });

  await test.step("every quote of the judge is marked, and nothing else [catches: marks a word too long]", async () => {
    const quotes = report.conversations.flatMap(({ turns }) =>
      turns.flatMap(({ evaluation }) =>
        report.rubric.flatMap(({ key }, index) => {
          const given = evaluation?.scores[key];
          return given?.valid ? [`${index + 1}: ${given.evidence}`] : [];
        })
      )
    );
    assert.ok(quotes.length > 0);
    assert.deepEqual((await page.evaluate(marks)).sort(), quotes.sort());
  });

  await test.step("what people wrote stays text [catches: markup let through]", async () => {
    const asked = await page.evaluate(texts, ".person .text");
    assert.equal(asked.filter((text) => text.startsWith(HOSTILE.slice(0, 20))).length, report.rounds.length);
    assert.ok(asked.some((text) => text.replace(/ ?\d( \d)*$/u, "").startsWith(HOSTILE)), "it was changed");
    const counted = await Promise.all(["script", "style", "img"].map((name) => page.evaluate(texts, name)));
    assert.deepEqual(counted.map(({ length }) => length), [0, 1, 0]);
    assert.match(await page.title(), /Pawl demo$/u);
  });
  await page.close();
}

function reportOfDemo(): DemoReport {
  return JSON.parse(readFileSync(join(ROOT, "target/demo/report.json"), "utf8"));
}

function rowOf(version: VersionReport, { rubric }: DemoReport): string[] {
  const { mean_overall, error_overall, mean_by_criterion, error_by_criterion } = version;
  const cell = (mean: number | null, error: number | null) =>
    score(mean) + (error === null ? "" : ` ±${error.toFixed(2)}`);
  return [
    `Version ${version.version}`,
    String(version.answers),
    cell(mean_overall, error_overall),
    ...rubric.map(({ key }) => cell(mean_by_criterion[key], error_by_criterion[key])),
  ];
}

function meanOf(turns: TurnReport[]): number {
  return turns.reduce((sum, { evaluation }) => sum + evaluation!.overall!, 0) / turns.length;
}

function score(value: number | null): string {
  return value!.toFixed(2);
}
