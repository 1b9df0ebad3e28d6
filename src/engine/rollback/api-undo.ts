import { setTimeout as sleep } from 'node:timers/promises';
import { backoff } from '../../backoff.ts';
import type { RollbackView } from '../../contract/runs.ts';
import { DroverError, toDroverError } from '../../errors.ts';
import type { ApiPort } from '../../plan/api-target.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import type { ApiFactory, EffectStore, StoredImage } from '../api-effects/effects.ts';
import { fingerprint } from '../ledger/hashes.ts';
import type { Run } from '../ledger/types.ts';

export interface UndoApisDeps {
  readonly effects: EffectStore;
  /** Absent in a process that reaches no upstream. */
  readonly apis?: ApiFactory | undefined;
}

type UndoResult = Pick<RollbackView, 'removed' | 'restored' | 'conflicts'>;

const noChanges: UndoResult = { removed: 0, restored: 0, conflicts: [] };
const ignoreProgress = async (): Promise<void> => undefined;

// Each waits for the API's limit, which is the fleet's; more at once would be no faster.
const concurrency = 10;
const pageSize = 100;

/** True of a plan some of whose records go to an API. */
export function writesToApis(plan: Plan): boolean {
  return Object.values(plan.entities).some(({ api }) => api !== undefined);
}

export interface UndoOptions {
  readonly dryRun: boolean;
  /** Stops it between two records. */
  readonly signal?: AbortSignal | undefined;
  /** Told what each record came to: what could not be undone before that is noted as gone through. */
  readonly onPiece?: ((piece: UndoResult) => Promise<void>) | undefined;
}

/**
 * Takes back what a run did at APIs, record by record, children first. What is done is written down at once, so who is
 * interrupted goes on from there when asked again. Counted are objects; what could not be undone is listed.
 */
export async function undoApis(deps: UndoApisDeps, run: Run, plan: Plan, options: UndoOptions): Promise<UndoResult> {
  const entities = entityOrder(plan).filter((name) => plan.entities[name]?.api);
  return entities.toReversed().reduce(async (sum, entity) => {
    const before = await sum;
    return addResults(before, await undoEntity(deps, run, plan, entity, options));
  }, Promise.resolve(noChanges));
}

async function undoEntity(
  deps: UndoApisDeps,
  run: Run,
  plan: Plan,
  entity: string,
  { dryRun, signal, onPiece = ignoreProgress }: UndoOptions,
): Promise<UndoResult> {
  const port = dryRun ? undefined : apiPortOf(deps, run, plan, entity);
  let undone = noChanges;
  for (let after = ''; ; ) {
    const ids = await deps.effects.undoable(run.id, entity, after, pageSize);
    for (let at = 0; at < ids.length; at += concurrency) {
      signal?.throwIfAborted();
      const some = ids
        .slice(at, at + concurrency)
        .map((id) => withRetries(signal, () => undoRecord(deps, run, entity, id, port, onPiece)));
      undone = addResults(undone, await settleAll(some));
    }
    const last = ids.at(-1);
    if (last === undefined || ids.length < pageSize) return undone;
    after = last;
  }
}

function apiPortOf({ apis }: UndoApisDeps, run: Run, plan: Plan, entity: string): ApiPort {
  if (apis) return apis(plan, run, entity);
  throw new DroverError('NOT_ALLOWED_NOW', `${entity} were written to an API, and this process reaches none`, {
    remedy: 'Ask the API of Drover for the rollback.',
  });
}

/** Without a port it is only said what would be undone. */
async function undoRecord(
  { effects }: UndoApisDeps,
  run: Run,
  entity: string,
  sourceId: string,
  port: ApiPort | undefined,
  onPiece: NonNullable<UndoOptions['onPiece']>,
): Promise<UndoResult> {
  const images = await effects.images(run.id, entity, sourceId);
  if (port === undefined) return countImages(images);
  const damaged = images.filter(({ before, hash }) => fingerprint(before) !== hash);
  const answers = damaged.length > 0 ? [] : await port.undo(images);
  const conflicts = [
    ...damaged.map((image) => damagedImageConflict(entity, image)),
    ...answers.flatMap((answer, index) => {
      const targetId = images[index]?.id ?? '';
      return answer.kind === 'conflict' ? [{ entity, targetId, detail: answer.detail }] : [];
    }),
  ];
  // What can never be undone is said once, and must not stand in the way of the rest for ever: so first it is said.
  if (conflicts.length > 0) await onPiece({ ...noChanges, conflicts });
  for (const [index, image] of images.entries()) {
    const answer = answers[index];
    if (answer?.kind === 'done' || (answer?.kind === 'conflict' && answer.final)) await effects.markUndone(image.row);
  }
  const done = countImages(images.filter((_image, index) => answers[index]?.kind === 'done'));
  await onPiece(done);
  return { ...done, conflicts };
}

/** By object: what the run made, and what it changed. */
function countImages(images: readonly StoredImage[]): UndoResult {
  const removed = images.filter(({ operation }) => operation === 'create').length;
  return { removed, restored: images.length - removed, conflicts: [] };
}

function damagedImageConflict(entity: string, { id, kind }: StoredImage): UndoResult['conflicts'][number] {
  return { entity, targetId: id, detail: `what was kept of the ${kind} is not what was stored: nothing is given back` };
}

// With the pauses between them about a quarter of an hour; what is away for longer is for a person to look at.
const maxAttempts = 12;

/** Tries again what may pass: an upstream that is away for a minute ends no rollback of an hour. */
async function withRetries(signal: AbortSignal | undefined, work: () => Promise<UndoResult>): Promise<UndoResult> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (thrown) {
      const error = toDroverError(thrown);
      const passes = error.class === 'transient' || error.class === 'throttled';
      if (!passes || tries >= maxAttempts) throw thrown;
      await sleep(error.retryAfterMs ?? backoff(tries), undefined, { signal });
    }
  }
}

/** Waits for all of them also when one fails: nothing may go on behind the back of whoever is told. */
async function settleAll(some: readonly Promise<UndoResult>[]): Promise<UndoResult> {
  const ended = await Promise.allSettled(some);
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])).reduce(addResults);
}

function addResults(a: UndoResult, b: UndoResult): UndoResult {
  return {
    removed: a.removed + b.removed,
    restored: a.restored + b.restored,
    conflicts: [...a.conflicts, ...b.conflicts],
  };
}
