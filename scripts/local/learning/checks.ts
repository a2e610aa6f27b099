/** What the model was really given, held against whose patterns these are and what was stored with the answer. */
import type { LearningChecks } from "../report/data.ts";
import type { LearnedPattern, StoredExchange } from "./world.ts";

/** A chat that the model received. */
export interface Prompted {
  question: string;
  /** All of the system prompt. */
  system: string;
}

/** Reads the stand-in's `/_standin/requests`; structured requests are no chats. */
export function promptsFrom(requests: { body: string }[]): Prompted[] {
  return requests.map(({ body }) => JSON.parse(body)).filter(({ output_config }) => !output_config).map((request) => ({
    question: textOf(request.messages.at(-1).content),
    system: textOf(request.system),
  }));
}

function textOf(content: string | { text: string }[]): string {
  return typeof content === "string" ? content : content.map(({ text }) => text).join("\n");
}

export const NOTHING_CHECKED: LearningChecks = { answers: 0, prompts: 0, instructed: 0, foreign: 0, unlike_stored: 0 };

/** A question names its answer: none may be asked twice among these. */
export function check(prompts: Prompted[], exchanges: StoredExchange[], patterns: LearnedPattern[]): LearningChecks {
  const byQuestion = new Map(exchanges.map((exchange) => [exchange.question, exchange]));
  const checks = { ...NOTHING_CHECKED, answers: exchanges.length };
  for (const { question, system } of prompts) {
    const exchange = byQuestion.get(question);
    if (!exchange) continue;
    checks.prompts++;
    const told = patterns.filter(({ instruction }) => instruction !== null && system.includes(instruction));
    const own = told.filter(({ organization_id }) => organization_id === exchange.organization_id);
    // Two organisations may well have come to the very same words.
    const foreign = told.filter(({ instruction }) => !own.some((one) => one.instruction === instruction));
    checks.instructed += Number(own.length > 0);
    checks.foreign += Number(foreign.length > 0);
    const ids = own.map(({ id }) => id);
    checks.unlike_stored += Number(!same(ids, exchange.patterns_shown) || !same(ids, exchange.exposed));
  }
  return checks;
}

function same(one: string[], other: string[]): boolean {
  return JSON.stringify(one.toSorted()) === JSON.stringify(other.toSorted());
}

export function sum(one: LearningChecks, other: LearningChecks): LearningChecks {
  return {
    answers: one.answers + other.answers,
    prompts: one.prompts + other.prompts,
    instructed: one.instructed + other.instructed,
    foreign: one.foreign + other.foreign,
    unlike_stored: one.unlike_stored + other.unlike_stored,
  };
}
