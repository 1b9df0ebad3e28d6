export type * from './contract.ts';
export { abandon, type CutoverOptions, cutover, dropBackup, go, listCutovers, preflight } from './cutover.ts';
export type { CutoverDatabase, CutoverDeps, Gate } from './ports.ts';
export { type RollbackOptions, rollbackCutover } from './rollback.ts';
