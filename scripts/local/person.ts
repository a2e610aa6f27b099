/** Somebody who is signed in and uses the app through the unmodified client. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { Stack } from "./stack.ts";

export interface Person {
  id: string;
  client: SupabaseClient;
}

export interface Answer {
  session_id: string;
  answer_id: string;
  answer: string;
}

const CALL_TIMEOUT_MS = 180_000;

export async function signUp(stack: Stack, name: string): Promise<Person> {
  const client = createClient(stack.url, stack.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false, storageKey: `demo-${name}` },
  });
  const credentials = { email: `${name}@example.com`, password: crypto.randomUUID() };
  const { data, error } = await client.auth.signUp(credentials);
  if (error || !data.user) throw new Error(`A user could not sign up: ${error?.message ?? "nobody was made"}`);
  return { id: data.user.id, client };
}

export async function ask({ client }: Person, message: string, session_id?: string): Promise<Answer> {
  return await invoke(client, "chat-handler", { message, session_id });
}

export async function invoke<T>(client: SupabaseClient, name: string, body: Record<string, unknown>): Promise<T> {
  const { data, error } = await client.functions.invoke(name, { body, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
  if (error) throw new Error(`${name} failed: ${await reasonOf(error)}`);
  return data;
}

/** A function called by the schedule or a backend. */
// deno-lint-ignore no-explicit-any -- each caller knows the body it reads
export async function callWithSecretKey(stack: Stack, name: string, body: Record<string, unknown>): Promise<any> {
  const response = await fetch(`${stack.url}/functions/v1/${name}`, {
    method: "POST",
    headers: { apikey: stack.secretKey, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`${name} failed: ${await response.text()}`);
  return await response.json();
}

async function reasonOf(error: { message: string; context?: unknown }): Promise<string> {
  return error.context instanceof Response ? await error.context.text() : error.message;
}
