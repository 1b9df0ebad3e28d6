import { DroverError } from '../../errors.ts';
import type { ApiPort } from '../../plan/api-target.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
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

// Each waits for the API's limit, which is the fleet's; more at once would be no faster.
const atOnce = 10;
const pageSize = 100;

/** True of a plan some of whose records go to an API. */
export function writesToApis(plan: Plan): boolean {
  return Object.values(plan.entities).some(({ api }) => api !== undefined);
}

/**
 * Takes back what a run did at APIs, record by record, children first. What is done is written down at once, so who is
 * interrupted goes on from there when asked again. Counted are objects; what could not be undone is listed.
 */
export async function undoApis(deps: UndoApisDeps, run: Run, plan: Plan, dryRun: boolean): Promise<Undone> {
  const all: Undone = { removed: 0, restored: 0, conflicts: [] };
  const entities = entityOrder(plan).filter((name) => plan.entities[name]?.api);
  return entities.toReversed().reduce(async (sum, entity) => {
    const before = await sum;
    return add(before, await undoEntity(deps, run, plan, entity, dryRun));
  }, Promise.resolve(all));
}

async function undoEntity(deps: UndoApisDeps, run: Run, plan: Plan, entity: string, dryRun: boolean): Promise<Undone> {
  const port = dryRun ? undefined : portOf(deps, run, plan, entity);
  let undone: Undone = { removed: 0, restored: 0, conflicts: [] };
  for (let after = ''; ; ) {
    const ids = await deps.effects.undoable(run.id, entity, after, pageSize);
    for (let at = 0; at < ids.length; at += atOnce) {
      const some = ids.slice(at, at + atOnce).map((id) => undoRecord(deps, run, entity, id, port));
      undone = (await Promise.all(some)).reduce(add, undone);
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
): Promise<Undone> {
  const images = await effects.images(run.id, entity, sourceId);
  if (port === undefined) return counted(images);
  const damaged = images.filter(({ before, hash }) => fingerprint(before) !== hash);
  if (damaged.length > 0) return { removed: 0, restored: 0, conflicts: damaged.map((image) => damage(entity, image)) };
  const answers = await port.undo(images);
  const conflicts: Undone['conflicts'][number][] = [];
  for (const [index, image] of images.entries()) {
    const answer = answers[index];
    if (answer?.kind === 'conflict') conflicts.push({ entity, targetId: image.id, detail: answer.detail });
    // What can never be undone was said once; it must not stand in the way of the rest for ever.
    if (answer?.kind === 'done' || answer?.final) await effects.undone(image.row);
  }
  return { ...counted(images.filter((_image, index) => answers[index]?.kind === 'done')), conflicts };
}

/** By object: what the run made, and what it changed. */
function counted(images: readonly StoredImage[]): Undone {
  const removed = images.filter(({ operation }) => operation === 'create').length;
  return { removed, restored: images.length - removed, conflicts: [] };
}

function damage(entity: string, { id, kind }: StoredImage): Undone['conflicts'][number] {
  return { entity, targetId: id, detail: `what was kept of the ${kind} is not what was stored: nothing is given back` };
}

function add(a: Undone, b: Undone): Undone {
  return {
    removed: a.removed + b.removed,
    restored: a.restored + b.restored,
    conflicts: [...a.conflicts, ...b.conflicts],
  };
}
