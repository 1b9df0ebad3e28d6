export type * from './contract.ts';
export { type CutoverOptions, cutover, dropBackup, listCutovers, preflight } from './cutover.ts';
export { abandon, recover, resume } from './go.ts';
export type { CutoverDatabase, CutoverDeps, Gate } from './ports.ts';
export { type RollbackOptions, rollbackCutover } from './rollback.ts';
