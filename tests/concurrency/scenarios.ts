/** Every scenario by its name: what the tests run, and the mutation run with a guard taken out. */
import * as constraints from "./constraints.ts";
import type { Project } from "./ground.ts";
import * as leaving from "./leaving.ts";
import * as looping from "./looping.ts";
import * as observing from "./observing.ts";
import * as proving from "./proving.ts";
import * as publishing from "./publishing.ts";
import * as reacting from "./reacting.ts";
import * as reflecting from "./reflecting.ts";
import * as steering from "./steering.ts";
import * as talking from "./talking.ts";
import * as training from "./training.ts";

/** Each makes what it is about, so that they share a project and see nothing of each other. */
export const SCENARIOS = {
  ...reflecting,
  ...publishing,
  ...observing,
  ...proving,
  ...leaving,
  ...steering,
  ...talking,
  ...reacting,
  ...constraints,
  ...looping,
  ...training,
} satisfies Record<
  string,
  (project: Project) => Promise<void>
>;

export type ScenarioName = keyof typeof SCENARIOS;
