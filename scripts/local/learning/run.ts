/**
 * The demo's second part: people of two organisations with other tastes ask and react, days pass, and reflection-loop
 * learns from it, until two patterns are active for one organisation.
 */
import { type Answer, ask, callWithSecretKey, invoke, type Person, signUp } from "../person.ts";
import type { LearningChecks, LearningDay, LearningReport } from "../report/data.ts";
import { readOrganization } from "../report/read_learning.ts";
import { ENOUGH_ACTIVE } from "../report/scores.ts";
import type { Stack } from "../stack.ts";
import { check, NOTHING_CHECKED, promptsFrom, sum } from "./checks.ts";
import { COMMUNITIES, type Community, formatSeen, type Interest, PEOPLE, questionOf, reactionsTo } from "./people.ts";
import {
  exchangesOf,
  foundOrganization,
  HOURS_AGED,
  letADayPass,
  makeMember,
  patternsOf,
  type StoredExchange,
} from "./world.ts";

export type Log = (line: string) => void;

/** What is asked of each person a day, by whether they care: the first day there is nothing to compare yet. */
const FIRST_DAY = { caring: 4, indifferent: 1 };
const OTHER_DAYS = { caring: 2, indifferent: 1 };
const MOST_DAYS = 10;
/** Beyond this a day is not begun. */
const MOST_SECONDS = 200;
/** What one run finds, the next one begins to try: so a day of trial begins the day after. */
const RUNS_A_DAY = 2;
/** People who ask at the same time. */
const AT_ONCE = 16;
/** A learning run of this size needs one call; more would say that it does not end. */
const MOST_CALLS = 20;
const ANSWERS_A_LINE = 150;

/** Said on the terminal before it begins, and on the page. */
export const HURRIED = [
  "The people are simulated: they like other formats in each organisation, and react to about nine of ten answers, " +
  "far more often than people do.",
  `After each round of questions everything that happened is moved back by ${HOURS_AGED} hours, so that a day has ` +
  "passed and the reactions are settled.",
  "reflection-loop is called twice after each such day instead of every six hours.",
];

export async function runLearning(stack: Stack, log: Log): Promise<LearningReport> {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  const groups = await Promise.all(COMMUNITIES.map((community) => gather(stack, community)));
  log(`learning: ${groups.map(({ people, name }) => `${people.length} simulated people at "${name}"`).join(", ")}`);
  await setVariety(stack, true);
  await letADayPass(stack.database);
  const days: LearningDay[] = [];
  let checks = NOTHING_CHECKED;
  let failed_runs = 0;
  for (let last = false; !last;) {
    last = days.length + 1 >= MOST_DAYS || seconds() > MOST_SECONDS || await isEnoughActive(stack);
    const { day, checked, failed } = await liveThroughADay(stack, groups, days.length + 1, log);
    days.push(day);
    checks = sum(checks, checked);
    failed_runs += failed;
  }
  await setVariety(stack, false);
  const organizations = await Promise.all(groups.map((group) => readOrganization(stack.database, group, days.length)));
  return { days, organizations, checks, failed_runs, hurried: HURRIED, seconds: seconds() };
}

export interface Group extends Community {
  id: string;
  people: Person[];
}

async function gather(stack: Stack, community: Community): Promise<Group> {
  const id = await foundOrganization(stack.database, community);
  const people = await Promise.all(
    Array.from({ length: PEOPLE }, async (_, number) => {
      const person = await signUp(stack, `${community.slug}-${number + 1}`);
      await makeMember(stack.database, id, person.id);
      return person;
    }),
  );
  return { ...community, id, people };
}

/** One who asks, what, and how they like it. */
interface Question {
  person: Person;
  interest: Interest;
  text: string;
  /** Tells it from all others. */
  name: string;
}

async function liveThroughADay(stack: Stack, groups: Group[], number: number, log: Log) {
  await forgetPrompts(stack);
  const patterns = await patternsOf(stack.database);
  const questions = groups.flatMap((group) => questionsOf(group, number));
  const asked = await askAll(questions, number, log);
  const exchanges = await exchangesOf(stack.database, asked.map(({ answer_id }) => answer_id));
  demandAsMeant(asked, exchanges);
  const checked = check(promptsFrom(await promptsOf(stack)), exchanges, patterns);
  const reactions = await reactAll(asked);
  log(`day ${number}: ${reactions} reactions; ${saidOf(checked)}`);
  await letADayPass(stack.database);
  let failed = 0;
  for (let run = 0; run < RUNS_A_DAY; run++) failed += await learn(stack, groups, log);
  return { day: { day: number, answers: asked.length, reactions }, checked, failed };
}

function questionsOf({ slug, people, interests }: Group, day: number): Question[] {
  return people.flatMap((person, place) =>
    interests.flatMap((interest) => {
      const { caring, indifferent } = day === 1 ? FIRST_DAY : OTHER_DAYS;
      const count = interest.liked === null ? indifferent : caring;
      return Array.from({ length: count }, (_, index): Question => {
        const number = place * count + index + day * PEOPLE * FIRST_DAY.caring;
        const name = `${slug}/${place}/${interest.question_type}/${day}/${index}`;
        return { person, interest, text: questionOf(interest, number), name };
      });
    })
  );
}

type Asked = Question & Answer;

/** Each person asks one thing after another, each in a conversation of its own; several people at once. */
async function askAll(questions: Question[], day: number, log: Log): Promise<Asked[]> {
  const asked: Asked[] = [];
  const waiting = [...Map.groupBy(questions, ({ person }) => person.id).values()];
  const worker = async () => {
    for (let own = waiting.shift(); own; own = waiting.shift()) {
      for (const question of own) {
        asked.push({ ...question, ...await ask(question.person, question.text) });
        if (asked.length % ANSWERS_A_LINE === 0) log(`day ${day}: ${asked.length} of ${questions.length} answers`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return asked;
}

/** What Pawl takes questions and answers for is what these people mean by them; or nobody could see what it learns. */
function demandAsMeant(asked: Asked[], exchanges: StoredExchange[]): void {
  const meant = new Map(asked.map(({ text, ...question }) => [text, question]));
  for (const { question, question_type, response_format } of exchanges) {
    const { interest, answer } = meant.get(question)!;
    if (question_type !== interest.question_type) {
      throw new Error(`"${question}" was meant as ${interest.question_type} and taken for ${question_type}`);
    }
    if (response_format !== formatSeen(answer)) {
      throw new Error(`An answer in the format ${formatSeen(answer)} was taken for ${response_format}: ${answer}`);
    }
  }
}

/** All that a person has to say is one call. */
async function reactAll(asked: Asked[]): Promise<number> {
  const counts = await Promise.all(
    [...Map.groupBy(asked, ({ person }) => person.id).values()].map(async (own) => {
      const signals = own.flatMap(({ answer_id: message_id, answer, interest, name }) =>
        reactionsTo(answer, interest, name).map((signal) => ({ message_id, ...signal }))
      );
      if (signals.length === 0) return 0;
      const told: Collected = await invoke(own[0].person.client, "feedback-collector", { signals });
      if (told.errors.length > 0) throw new Error(`feedback-collector refused: ${JSON.stringify(told.errors[0])}`);
      return told.stored;
    }),
  );
  return counts.reduce((total, count) => total + count, 0);
}

interface Collected {
  stored: number;
  errors: unknown[];
}

function saidOf({ answers, instructed, foreign, unlike_stored }: LearningChecks): string {
  const wrong = foreign + unlike_stored;
  return `${instructed} of ${answers} prompts held learned instructions, ` +
    (wrong === 0 ? "all of their own organisation and stored as shown" : `${wrong} of them wrongly`);
}

/** Calls reflection-loop until it has nothing left to learn, and tells what came of it; how many runs failed. */
async function learn(stack: Stack, groups: Group[], log: Log): Promise<number> {
  let failures = 0;
  for (let call = 0; call < MOST_CALLS; call++) {
    const told = await callWithSecretKey(stack, "reflection-loop", { only: "learning", force: true });
    for (const { organization_id, message, reason, failed, code } of told.learning) {
      const name = groups.find(({ id }) => id === organization_id)?.name ?? organization_id;
      failures += Number(failed ?? false);
      log(`learned at "${name}": ${message ?? reason ?? (failed ? `FAILED, ${code}` : "it goes on")}`);
    }
    if (!told.more) return failures;
  }
  throw new Error(`learning did not end within ${MOST_CALLS} calls`);
}

async function isEnoughActive(stack: Stack): Promise<boolean> {
  const active = (await patternsOf(stack.database)).filter(({ state }) => state === "active");
  return [...Map.groupBy(active, ({ organization_id }) => organization_id).values()].some(
    ({ length }) => length >= ENOUGH_ACTIVE,
  );
}

async function setVariety(stack: Stack, on: boolean): Promise<void> {
  const response = await fetch(`${stack.model.url}/_standin/variety`, { method: "PUT", body: String(on) });
  await response.body?.cancel();
}

async function promptsOf(stack: Stack): Promise<{ body: string }[]> {
  return await (await fetch(`${stack.model.url}/_standin/requests`)).json();
}

async function forgetPrompts(stack: Stack): Promise<void> {
  const response = await fetch(`${stack.model.url}/_standin/requests`, { method: "DELETE" });
  await response.body?.cancel();
}
