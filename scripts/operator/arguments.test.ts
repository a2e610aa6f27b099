import assert from "node:assert/strict";
import { check, readCall } from "./arguments.ts";
import { COMMANDS } from "./commands.ts";

const read = (...args: string[]) => {
  const call = readCall(args, COMMANDS);
  check(call);
  return { name: call.command!.name, words: call.positionals, values: call.values, flags: [...call.flags] };
};

Deno.test("options stand anywhere, with = or without", () => {
  const expected = { name: "rollback", words: ["2"], values: { reason: "too chatty" }, flags: ["json"] };
  assert.deepEqual(read("rollback", "2", "--reason", "too chatty", "--json"), expected);
  assert.deepEqual(read("--json", "--reason=too chatty", "rollback", "2"), { ...expected });
  assert.deepEqual(read("pause", "--reason=--for now").values, { reason: "--for now" });
  assert.deepEqual(read("write", "-").words, ["-"]);
  assert.deepEqual(read("write", "--", "--odd-name.txt").words, ["--odd-name.txt"]);
});

Deno.test("what does not fit is refused by name", () => {
  const wrong: [string[], RegExp][] = [
    [["rollback", "--json=yes"], /--json takes no value/u],
    [["rollback", "--reason", ""], /--reason wants TEXT/u],
    [["rollback", "--constructor"], /no option '--constructor'/u],
    [["constructor"], /no command 'constructor'/u],
    [["lgos"], /did you mean 'logs'/u],
  ];
  for (const [args, message] of wrong) assert.throws(() => read(...args), { code: "usage", message });
});

Deno.test("every command's options are known, and its help names them", () => {
  const names = COMMANDS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, options, takes: [least] } of COMMANDS) {
    for (const option of options) {
      const value = ["yes", "all", "activate", "clear", "placebo", "force"].includes(option) ? [] : ["value"];
      const given = read(name, ...Array(least).fill("1"), `--${option}`, ...value);
      assert.ok(option in given.values || given.flags.includes(option));
    }
  }
});

Deno.test("the command runs on the version of jsdiff that the tests run on", () => {
  const pins = ["../../deno.jsonc", "pawl.json", "pawl.lock"].map((file) =>
    /npm:diff@[\d.]+/u.exec(Deno.readTextFileSync(new URL(file, import.meta.url)))?.[0]
  );
  assert.match(pins[0]!, /^npm:diff@\d/u);
  assert.deepEqual(pins, Array(3).fill(pins[0]));
});
