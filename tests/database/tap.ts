/** Reads what pgTAP prints (the Test Anything Protocol). */

export interface FileResult {
  passed: number;
  /** Failed assertions with their diagnosis, and a plan that does not fit. */
  problems: string[];
}

/** `values` are the values of all rows that the file's statements returned, in order. */
export function readTap(values: unknown[]): FileResult {
  const problems: string[] = [];
  const plans: number[] = [];
  let passed = 0;
  let failed = 0;
  for (const line of values.filter((value) => typeof value === "string").flatMap((value) => value.split("\n"))) {
    const plan = /^1\.\.(\d+)/u.exec(line);
    if (plan) plans.push(Number(plan[1]));
    else if (/^ok\b/u.test(line)) passed++;
    else if (/^not ok\b/u.test(line)) {
      failed++;
      problems.push(line);
    } else if (/^#/u.test(line) && failed > 0) problems[problems.length - 1] += `\n${line}`;
  }
  const ran = passed + failed;
  if (plans.length !== 1) problems.push(`${plans.length} plans in place of one`);
  else if (plans[0] !== ran) problems.push(`planned ${plans[0]} assertions and ran ${ran}`);
  else if (ran === 0) problems.push("no assertion ran");
  return { passed, problems };
}
