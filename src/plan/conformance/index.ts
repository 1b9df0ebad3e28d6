/** The conformance kit: what every plan promises, as checks that any test runner can run. */
export type { Check, EntitySubject, FinishedRun, RunSubject, SourceSubject } from './check.ts';
export type { FaultMode, PlanFixture, SourceContent, StandIn } from './fixture.ts';
export { runChecks } from './run-checks.ts';
export { sourceChecks } from './source-checks.ts';
export { transformChecks } from './transform-checks.ts';
