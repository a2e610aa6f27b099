import assert from "node:assert/strict";
import { learnedLines, promptDifference, testLines, type VersionRow, versionTable } from "./demo_page.ts";
import { exampleReport } from "./report/example.ts";

const MEANS = { completeness: 2, depth: 1, tone: 2, scope: 3, missed_opportunities: 1 };
const REASON = "Simulated rewrite against the main weakness: answers are shallow.";
const VERSIONS: VersionRow[] = [
  { version: 1, answers: 20, mean_overall: 1.612, mean_by_criterion: MEANS, change_reason: null },
  { version: 2, answers: 20, mean_overall: null, mean_by_criterion: {}, change_reason: REASON },
];

for (const width of [40, 60, 80, 100, 200]) {
  Deno.test(`the table keeps to ${width} columns where its numbers do`, () => {
    const lines = versionTable(VERSIONS, width).split("\n");
    const numbers = "version  answers  overall  complete  depth  tone  scope  missed".length;
    assert.ok(lines.every((line) => line.length <= Math.max(width, numbers)), lines.join("\n"));
    assert.match(lines.join(" ").replace(/\s+/g, " "), /1 20 1\.61 2\.00 1\.00 2\.00 3\.00 1\.00 2 20 – –/);
    assert.match(lines.join(" ").replace(/\s+/g, " "), /weakness: answers are shallow\./);
  });
}

Deno.test("the difference shows sentences that came and went", () => {
  const prompts = { first: "Be kind. Be brief.", last: "Be kind.\nGive reasons." };
  assert.equal(promptDifference(prompts, 80), "  (1 of 2 sentences kept)\n- Be brief.\n+ Give reasons.");
});

Deno.test("learned patterns are a few lines each, under their organisation", () => {
  const { organizations } = exampleReport().learning!;
  for (const width of [40, 80, 200]) {
    const lines = learnedLines({ organizations }, width).split("\n");
    assert.ok(lines.every((line) => line.length <= width), lines.join("\n"));
    const told = lines.join(" ").replace(/\s+/gu, " ");
    assert.match(told, /^plain words: active plain words confidence 98 %, influence 93 %\. Rests on 7 answers/u);
    assert.match(told, /withdrawn \(its words are gone\) .* plain words: nothing$/u);
  }
});

Deno.test("tests are a few lines each, with what became of their receipts", () => {
  const { proof } = exampleReport();
  for (const width of [60, 80, 200]) {
    const lines = testLines(proof, width).split("\n");
    assert.ok(lines.every((line) => line.length <= width), lines.join("\n"));
    const told = lines.join(" ").replace(/\s+/gu, " ");
    assert.match(
      told,
      /^plain words: promoted version 2 against 1, replay: it is better\. plain words Receipt receipt- verified\./u,
    );
    assert.match(told, /promoted version 4 \(a placebo\) against 1, canary: .* Receipt receipt- does NOT match\./u);
    assert.match(told, /rolled back version 2 back to 1, watch: the share of thumbs up fell\./u);
    assert.match(
      told,
      /closed version 2 against 1, canary: the judge was changed\. Of the 60 tests of 2026, 3 reached/u,
    );
    assert.match(told, /plain words: no tests The yearly budget is off; .* No placebo was tested\.$/u);
  }
});
