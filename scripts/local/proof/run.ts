/**
 * The demo's third part: an assistant whose drafts people wrote. One is rejected at screening, one promoted by a canary,
 * one promoted by replay and rolled back when people's votes fall; and a placebo is tested between.
 */
import { ask, callWithSecretKey, invoke, type Person, signUp } from "../person.ts";
import type { Tested } from "../report/read_proof.ts";
import type { Stack } from "../stack.ts";
import { makeMember } from "../learning/world.ts";
import { DRAFTS, PEOPLE, questionOf, voteOn, WORKSHOP } from "./people.ts";
import { type Did, type Log, prove } from "./prove.ts";
import { configure, foundWorkshop, letDaysPass, repeatConversations } from "./world.ts";

/** How many people talk, once each. Screening draws 60 of what was asked, a replay proof from 100 others: this is copied. */
const EARLIER = 24;
const EARLIER_TIMES = 7;
const CANARY = 120;
/** Instead of one conversation in five, so that fewer are enough. */
const CANARY_SHARE = 0.5;
/** A rollback wants 200 votes on the version before, and counts one a person. */
const LIKED = PEOPLE;
/** Of these votes a part at a time, so that the fall is seen when it is clear and not long after. */
const DISLIKED = 40;
const MOST_ROUNDS = 6;
/** A conversation is observed two days after its coin, and a canary takes seven at least. */
const CANARY_DAYS = 8;
const EARLIER_DAYS = 2;
const AT_ONCE = 16;

/** Changes of the default settings. */
const SETTINGS = { proof_pairs: 200, placebo_share: 0, canary_share: CANARY_SHARE };

/** Said on the terminal before it begins, and on the page. */
export const STAGED = [
  "The drafts are written for the purpose, and each is put to the test by hand, as pawl test does: one that changes no answer, " +
  "one that adds what judge and people like, one that adds what the judge likes and people cannot bear.",
  `${PEOPLE} simulated people vote on every answer, far more often than people do.`,
  `Earlier questions are copied: each counts ${EARLIER_TIMES} times.`,
  `What happened is moved back: earlier questions by ${EARLIER_DAYS} days, the canary with its conversations by ` +
  `${CANARY_DAYS} days, for it may not end before seven.`,
  "The canary gives the draft to half of the conversations instead of a fifth, so that fewer are enough.",
  "The third draft is promoted by a replay proof, which sees no people: the judge is fooled, honestly, by its own taste. " +
  "Only then do people see it, and their votes take it back.",
];

export async function runProof(stack: Stack, log: Log): Promise<{ tested: Tested; seconds: number }> {
  const started = performance.now();
  const organization = await foundWorkshop(stack.database, SETTINGS);
  const people = await gather(stack, organization);
  const place = { organization_id: organization, assistant: "default" };
  let asked = 0;
  const talk = async (count: number, what: string) => {
    log(`${count} conversations: ${what}`);
    // Each time the next ones, so that whoever votes on a version has not voted on it before.
    const talking = Array.from({ length: count }, (_, place) => people[(asked + place) % people.length]);
    const votes = await converse(talking, asked);
    asked += count;
    log(`${votes.up} of ${votes.all} votes are thumbs up`);
  };
  const write = async (draft: (live: string) => string, reason: string): Promise<number> => {
    const { about } = await callWithSecretKey(stack, "prompt-updater", {
      ...{ ...place, action: "write", reason },
      content: draft(await liveText(stack, organization)),
    });
    await callWithSecretKey(stack, "prompt-updater", { ...place, action: "test", version: about.version, reason });
    log(`version ${about.version} is put to the test: ${reason}`);
    return about.version;
  };
  const carryOn = () => prove(stack, { organization_id: organization }, log);

  await talk(EARLIER, "what there is to be asked again");
  await repeatConversations(stack.database, organization, EARLIER_TIMES - 1);
  await letDaysPass(stack.database, organization, EARLIER_DAYS);

  await write(DRAFTS.empty, "A draft that changes no answer.");
  await carryOn();

  await callWithSecretKey(stack, "prompt-updater", { ...place, action: "test", placebo: true });
  log("a placebo is put to the test: the live text once more");
  await carryOn();

  await configure(stack.database, organization, { proof_method: "canary" });
  await write(DRAFTS.thorough, "A draft that asks for every part, reasons, steps and an example.");
  await carryOn();
  await talk(CANARY, "while a coin chooses the version");
  await letDaysPass(stack.database, organization, CANARY_DAYS);
  log(`what happened is moved back by ${CANARY_DAYS} days`);
  await carryOn();

  await talk(LIKED, "with what was promoted");
  await configure(stack.database, organization, { proof_method: "replay" });
  await write(DRAFTS.charming, "A draft that asks for a warm opening and a question at the end.");
  let back: Did | undefined;
  await carryOn();
  for (let round = 0; round < MOST_ROUNDS && !back; round++) {
    await talk(DISLIKED, "with what is live now");
    back = (await carryOn()).find(({ did }) => did === "rolled_back");
  }
  const tested = { organization, assistant: "default", name: `${WORKSHOP.name}: arranged for the demo` };
  return { tested, seconds: Math.round((performance.now() - started) / 100) / 10 };
}

async function gather(stack: Stack, organization: string): Promise<Person[]> {
  return await Promise.all(Array.from({ length: PEOPLE }, async (_, number) => {
    const person = await signUp(stack, `${WORKSHOP.slug}-${number + 1}`);
    await makeMember(stack.database, organization, person.id);
    return person;
  }));
}

/** Each person asks one thing, and votes on the answer. */
async function converse(people: Person[], before: number): Promise<{ up: number; all: number }> {
  const waiting = people.map((person, place) => ({ person, which: before + place }));
  const votes = { up: 0, all: 0 };
  const worker = async () => {
    for (let own = waiting.shift(); own; own = waiting.shift()) {
      const { answer, answer_id: message_id } = await ask(own.person, questionOf(own.which));
      const signal = voteOn(answer, `${own.which}`);
      const told = await invoke<{ errors: unknown[] }>(own.person.client, "feedback-collector", {
        signals: [{ message_id, signal }],
      });
      if (told.errors.length > 0) throw new Error(`feedback-collector refused: ${JSON.stringify(told.errors[0])}`);
      votes.all++;
      votes.up += Number(signal === "thumbs_up");
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return votes;
}

async function liveText(stack: Stack, organization: string): Promise<string> {
  const [{ content }] = await stack.database.query(
    `select p.content from pawl.system_prompts p join pawl.assistants a on a.id = p.assistant_id
     where a.organization_id = $1 and p.is_active`,
    [organization],
  );
  return content;
}
