import { setTimeout as sleep } from 'node:timers/promises';
import { backoff } from '../../backoff.ts';
import { DroverError, toDroverError } from '../../errors.ts';
import type { ApiPort } from '../../plan/api-target.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import type { ApiFactory, EffectStore, StoredImage } from '../api-effects/effects.ts';
import { fingerprint } from '../ledger/hashes.ts';
import type { Run } from '../ledger/types.ts';
import { addUndoResults, noUndoResult, type UndoResult } from './types.ts';

export interface UndoApisDeps {
  readonly effects: EffectStore;
  /** Absent in a process without access to upstreams. */
  readonly apis?: ApiFactory | undefined;
}

const ignoreProgress = async (): Promise<void> => undefined;

// Requests wait for the API's limit, which all processes share; more at once would not be faster.
const concurrency = 10;
const pageSize = 100;

/** True when an entity of the plan is loaded into an API. */
export function writesToApis(plan: Plan): boolean {
  return Object.values(plan.entities).some(({ api }) => api !== undefined);
}

export interface UndoOptions {
  readonly dryRun: boolean;
  /** Stops the work between two records. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the result of each record, with its conflicts before they are stored as final. */
  readonly onProgress?: ((result: UndoResult) => Promise<void>) | undefined;
}

/**
 * Undoes what a run did at APIs, record by record, children first. Each result is stored at once, so an interrupted undo
 * continues from there. Counts objects of the API and lists what could not be undone. Throws DroverError.
 */
export async function undoApis(deps: UndoApisDeps, run: Run, plan: Plan, options: UndoOptions): Promise<UndoResult> {
  const entities = entityOrder(plan).filter((name) => plan.entities[name]?.api);
  return entities.toReversed().reduce(async (sum, entity) => {
    const before = await sum;
    return addUndoResults(before, await undoEntity(deps, run, plan, entity, options));
  }, Promise.resolve(noUndoResult));
}

async function undoEntity(
  deps: UndoApisDeps,
  run: Run,
  plan: Plan,
  entity: string,
  { dryRun, signal, onProgress = ignoreProgress }: UndoOptions,
): Promise<UndoResult> {
  const port = dryRun ? undefined : apiPortOf(deps, run, plan, entity);
  let undone = noUndoResult;
  for (let after = ''; ; ) {
    const ids = await deps.effects.undoable(run.id, entity, after, pageSize);
    for (let at = 0; at < ids.length; at += concurrency) {
      signal?.throwIfAborted();
      const undos = ids
        .slice(at, at + concurrency)
        .map((id) => withRetries(signal, () => undoRecord(deps, run, entity, id, port, onProgress)));
      undone = addUndoResults(undone, await settleAll(undos));
    }
    const last = ids.at(-1);
    if (last === undefined || ids.length < pageSize) return undone;
    after = last;
  }
}

function apiPortOf({ apis }: UndoApisDeps, run: Run, plan: Plan, entity: string): ApiPort {
  if (apis) return apis(plan, run, entity);
  throw new DroverError(
    'NOT_ALLOWED_NOW',
    `${entity} were written to an API, and this process has no access to upstreams`,
    {
      remedy: 'Ask the API of Drover for the rollback: `drover rollback`.',
    },
  );
}

/** Undoes the changes of one record at the API; without a port (dry run) only counts them. */
async function undoRecord(
  { effects }: UndoApisDeps,
  run: Run,
  entity: string,
  sourceId: string,
  port: ApiPort | undefined,
  onProgress: NonNullable<UndoOptions['onProgress']>,
): Promise<UndoResult> {
  const images = await effects.images(run.id, entity, sourceId);
  if (port === undefined) return countImages(images);
  const damaged = images.filter(({ before, hash }) => fingerprint(before) !== hash);
  const answers = damaged.length > 0 ? [] : await port.undo(images);
  const conflicts = damaged.map((image) => damagedImageConflict(entity, image));
  for (const [index, answer] of answers.entries()) {
    const image = images[index];
    if (answer.kind !== 'conflict' || !image) continue;
    const newer = answer.final ? undefined : await effects.newerWriter(run.id, entity, image);
    const detail = newer === undefined ? answer.detail : `run ${newer} has written it since: roll that one back first`;
    conflicts.push({ entity, targetId: image.id, detail });
  }
  // A final conflict is marked as undone below and not met again, so it is reported before.
  if (conflicts.length > 0) await onProgress({ ...noUndoResult, conflicts });
  for (const [index, image] of images.entries()) {
    const answer = answers[index];
    if (answer?.kind === 'done' || (answer?.kind === 'conflict' && answer.final)) await effects.markUndone(image.row);
  }
  const done = countImages(images.filter((_image, index) => answers[index]?.kind === 'done'));
  await onProgress(done);
  return { ...done, conflicts };
}

/** Objects the run created are removed, others restored. */
function countImages(images: readonly StoredImage[]): UndoResult {
  const removed = images.filter(({ operation }) => operation === 'create').length;
  return { removed, restored: images.length - removed, conflicts: [] };
}

function damagedImageConflict(entity: string, { id, kind }: StoredImage): UndoResult['conflicts'][number] {
  return {
    entity,
    targetId: id,
    detail: `the stored image of the ${kind} is damaged (its hash differs): it is left as it is`,
  };
}

// With the pauses between them about a quarter of an hour; a longer outage needs an operator.
const maxAttempts = 12;

/** Retries transient errors, so that an outage of a minute does not end a rollback of an hour. */
async function withRetries(signal: AbortSignal | undefined, work: () => Promise<UndoResult>): Promise<UndoResult> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (thrown) {
      const error = toDroverError(thrown);
      const isTemporary = error.class === 'transient' || error.class === 'throttled';
      if (!isTemporary || tries >= maxAttempts) throw thrown;
      await sleep(error.retryAfterMs ?? backoff(tries), undefined, { signal });
    }
  }
}

/** Waits for all also when one fails: no request may be under way after the error is thrown. */
async function settleAll(undos: readonly Promise<UndoResult>[]): Promise<UndoResult> {
  const ended = await Promise.allSettled(undos);
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])).reduce(addUndoResults);
}
