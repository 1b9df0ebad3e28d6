import { setTimeout as sleep } from 'node:timers/promises';
import { DroverError, toDroverError } from '../../errors.ts';
import type { ApiPort } from '../../plan/api-target.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import { backoff } from '../backoff.ts';
import { fingerprint } from '../canonical.ts';
import type { RollbackView } from '../control/contract.ts';
import type { Run } from '../ports.ts';
import type { ApiFactory } from './apis.ts';
import type { EffectStore, StoredImage } from './ports.ts';

export interface UndoApisDeps {
  readonly effects: EffectStore;
  /** Absent in a process that reaches no upstream. */
  readonly apis?: ApiFactory | undefined;
}

type Undone = Pick<RollbackView, 'removed' | 'restored' | 'conflicts'>;

const nothing: Undone = { removed: 0, restored: 0, conflicts: [] };
const nobody = async (): Promise<void> => undefined;

// Each waits for the API's limit, which is the fleet's; more at once would be no faster.
const atOnce = 10;
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
  readonly onPiece?: ((piece: Undone) => Promise<void>) | undefined;
}

/**
 * Takes back what a run did at APIs, record by record, children first. What is done is written down at once, so who is
 * interrupted goes on from there when asked again. Counted are objects; what could not be undone is listed.
 */
export async function undoApis(deps: UndoApisDeps, run: Run, plan: Plan, options: UndoOptions): Promise<Undone> {
  const entities = entityOrder(plan).filter((name) => plan.entities[name]?.api);
  return entities.toReversed().reduce(async (sum, entity) => {
    const before = await sum;
    return add(before, await undoEntity(deps, run, plan, entity, options));
  }, Promise.resolve(nothing));
}

async function undoEntity(
  deps: UndoApisDeps,
  run: Run,
  plan: Plan,
  entity: string,
  { dryRun, signal, onPiece = nobody }: UndoOptions,
): Promise<Undone> {
  const port = dryRun ? undefined : portOf(deps, run, plan, entity);
  let undone = nothing;
  for (let after = ''; ; ) {
    const ids = await deps.effects.undoable(run.id, entity, after, pageSize);
    for (let at = 0; at < ids.length; at += atOnce) {
      signal?.throwIfAborted();
      const some = ids
        .slice(at, at + atOnce)
        .map((id) => patiently(signal, () => undoRecord(deps, run, entity, id, port, onPiece)));
      undone = add(undone, await together(some));
    }
    const last = ids.at(-1);
    if (last === undefined || ids.length < pageSize) return undone;
    after = last;
  }
}

function portOf({ apis }: UndoApisDeps, run: Run, plan: Plan, entity: string): ApiPort {
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
): Promise<Undone> {
  const images = await effects.images(run.id, entity, sourceId);
  if (port === undefined) return counted(images);
  const damaged = images.filter(({ before, hash }) => fingerprint(before) !== hash);
  const answers = damaged.length > 0 ? [] : await port.undo(images);
  const conflicts = [
    ...damaged.map((image) => damage(entity, image)),
    ...answers.flatMap((answer, index) => {
      const targetId = images[index]?.id ?? '';
      return answer.kind === 'conflict' ? [{ entity, targetId, detail: answer.detail }] : [];
    }),
  ];
  // What can never be undone is said once, and must not stand in the way of the rest for ever: so first it is said.
  if (conflicts.length > 0) await onPiece({ ...nothing, conflicts });
  for (const [index, image] of images.entries()) {
    const answer = answers[index];
    if (answer?.kind === 'done' || (answer?.kind === 'conflict' && answer.final)) await effects.undone(image.row);
  }
  const done = counted(images.filter((_image, index) => answers[index]?.kind === 'done'));
  await onPiece(done);
  return { ...done, conflicts };
}

/** By object: what the run made, and what it changed. */
function counted(images: readonly StoredImage[]): Undone {
  const removed = images.filter(({ operation }) => operation === 'create').length;
  return { removed, restored: images.length - removed, conflicts: [] };
}

function damage(entity: string, { id, kind }: StoredImage): Undone['conflicts'][number] {
  return { entity, targetId: id, detail: `what was kept of the ${kind} is not what was stored: nothing is given back` };
}

// With the pauses between them about a quarter of an hour; what is away for longer is for a person to look at.
const mostTries = 12;

/** Tries again what may pass: an upstream that is away for a minute ends no rollback of an hour. */
async function patiently(signal: AbortSignal | undefined, work: () => Promise<Undone>): Promise<Undone> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (thrown) {
      const error = toDroverError(thrown);
      const passes = error.class === 'transient' || error.class === 'throttled';
      if (!passes || tries >= mostTries) throw thrown;
      await sleep(error.retryAfterMs ?? backoff(tries), undefined, { signal });
    }
  }
}

/** Waits for all of them also when one fails: nothing may go on behind the back of whoever is told. */
async function together(some: readonly Promise<Undone>[]): Promise<Undone> {
  const ended = await Promise.allSettled(some);
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])).reduce(add);
}

function add(a: Undone, b: Undone): Undone {
  return {
    removed: a.removed + b.removed,
    restored: a.restored + b.restored,
    conflicts: [...a.conflicts, ...b.conflicts],
  };
}
