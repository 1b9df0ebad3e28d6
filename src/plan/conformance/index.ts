export { type MetamorphicSubject, metamorphicChecks } from './metamorphic/checks.ts';
export type {
  ApiServing,
  ColumnDescription,
  FileServing,
  ListDescription,
  Meaning,
  SourceDescription,
} from './metamorphic/description.ts';
export { runChecks } from './run-checks.ts';
export { sourceChecks } from './source-checks.ts';
export { transformChecks } from './transform-checks.ts';
/** The conformance kit: the guarantees of every plan, as checks that any test runner can run. */
export type {
  Check,
  EntitySubject,
  FaultMode,
  FinishedRun,
  PlanFixture,
  RunSubject,
  SourceContent,
  SourceSubject,
  StandIn,
} from './types.ts';
