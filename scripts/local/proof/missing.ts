/** What the third part should have shown and did not. */
import type { ProofReport, TestReport } from "../report/data.ts";

/** A sentence each. */
export function missingOf({ assistants }: Pick<ProofReport, "assistants">): string[] {
  const [, staged] = assistants;
  const tests = assistants.flatMap((one) => one.tests);
  const shown = (verdict: TestReport["verdict"]) =>
    staged?.tests.some((test) => test.verdict === verdict && !test.placebo) ?? false;
  const wrong = tests.filter(({ receipt }) => receipt && !receipt.verified);
  return [
    ...shown("rejected") ? [] : ["No version was rejected."],
    ...shown("promoted") ? [] : ["No version was promoted."],
    ...shown("rolled_back") ? [] : ["No version was rolled back."],
    ...wrong.map(({ receipt }) => `Receipt ${receipt!.id} does not match: ${receipt!.differences.join("; ")}.`),
    ...promotedPlacebos(tests).map(({ version }) => `Version ${version}, a placebo, was promoted.`),
  ];
}

function promotedPlacebos(tests: TestReport[]): TestReport[] {
  return tests.filter(({ placebo, verdict }) => placebo && verdict === "promoted");
}
