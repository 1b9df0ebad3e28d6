import type { PurgedRun, PurgeRequest, PurgeView } from '../../contract/retention.ts';
import { DroverError } from '../../errors.ts';
import type { RetentionStore } from './store.ts';
import type { PurgeCandidate, PurgePosition } from './types.ts';

export interface PurgeDeps {
  readonly store: RetentionStore;
  /** Drops the schema of a trial; does nothing for another run. */
  readonly dropTrial: (runId: string) => Promise<void>;
  /** Records per statement: small enough that no lock is held long. */
  readonly batch: number;
  /** A purge that takes longer answers `complete: false`; the client then repeats the request. */
  readonly budgetMs: number;
}

/**
 * Deletes raw and clean records of finished runs. Hashes, outcomes and counts stay, so the run's counts still add up. A run
 * is marked first and emptied after, so that nothing that needs payloads starts in between. `announce` is called with the
 * runs to be emptied before the first of them is changed. Throws BAD_REQUEST.
 */
export async function purge(
  deps: PurgeDeps,
  request: PurgeRequest,
  announce: (runs: readonly string[]) => Promise<void>,
): Promise<PurgeView> {
  const { runId, olderThan, dryRun } = request;
  if ((runId === undefined) === (olderThan === undefined)) {
    throw new DroverError('BAD_REQUEST', 'a purge needs either a run or an age');
  }
  const hours = olderThan === undefined ? undefined : parseAgeHours(olderThan);
  const until = Date.now() + deps.budgetMs;
  const candidates = await deps.store.candidates({ runId, hours });
  await announce(candidates.map((candidate) => candidate.runId));
  const runs: PurgedRun[] = [];
  for (const candidate of candidates) {
    if (Date.now() > until) return { dryRun, complete: false, runs };
    const { counts, complete } = dryRun
      ? { counts: await deps.store.count(candidate.runId), complete: true }
      : await purgeRun(deps, candidate, until);
    runs.push({
      runId: candidate.runId,
      plan: candidate.plan,
      finishedAt: candidate.finishedAt?.toISOString() ?? null,
      ...counts,
    });
    if (!complete) return { dryRun, complete, runs };
  }
  return { dryRun, complete: true, runs };
}

async function purgeRun(deps: PurgeDeps, { runId }: PurgeCandidate, until: number) {
  const counts = { raw: 0, clean: 0 };
  if (!(await deps.store.markPurged(runId))) return { counts, complete: true };
  await deps.dropTrial(runId);
  let after: PurgePosition | null = { entity: '', sourceId: '' };
  while (after) {
    const batch = await deps.store.purgeBatch(runId, after, deps.batch);
    counts.raw += batch.raw;
    counts.clean += batch.clean;
    after = batch.next;
    if (after && Date.now() > until) return { counts, complete: false };
  }
  return { counts, complete: true };
}

/** Throws PAYLOADS_PURGED when the run's payloads were purged; `what` names the request that needs them. */
export function assertPayloadsKept(run: { readonly id: string; readonly purgedAt: Date | null }, what: string): void {
  if (!run.purgedAt) return;
  const when = run.purgedAt.toISOString();
  throw new DroverError(
    'PAYLOADS_PURGED',
    `the payloads of run ${run.id} were purged at ${when}: ${what} is not possible`,
  );
}

const hoursPerUnit = { h: 1, d: 24, w: 168 } as const;

/** Hours in an age such as `30d`. Throws BAD_REQUEST. */
export function parseAgeHours(age: string): number {
  const [, number = '', unit = ''] = /^(\d{1,5})([hdw])$/.exec(age) ?? [];
  if (number !== '') return Number(number) * hoursPerUnit[unit as keyof typeof hoursPerUnit];
  throw new DroverError('BAD_REQUEST', `${age} is not an age`, { remedy: 'Write it as 12h, 30d or 8w.' });
}
