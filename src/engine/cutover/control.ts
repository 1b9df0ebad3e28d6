import { setTimeout as sleep } from 'node:timers/promises';
import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import type { CutoverControl, CutoverForecast, CutoverResult, CutoverView } from './contract.ts';
import { cutover, dropBackup } from './cutover.ts';
import { abandon, recover, resume } from './go.ts';
import type { CutoverDatabase, CutoverDeps, CutoverNote, Gate, SwapOptions } from './ports.ts';
import { rollbackCutover } from './rollback.ts';
import { createSpec } from './spec.ts';

export interface CutoverControlDeps {
  readonly plan: (name: string) => Plan;
  /** The database as one request uses it. */
  readonly database: (note?: CutoverNote) => CutoverDatabase;
  readonly gate: Gate;
  /** Milliseconds an answer waits for the checks; the work goes on without it. */
  readonly patienceMs: number;
  /** Told what ended badly when nobody waited for it any more. */
  readonly onFailure: (error: unknown) => void;
  readonly options?: Partial<SwapOptions> | undefined;
}

/** Cutovers as operators steer them. The work goes on in this process when its request has been answered. */
export function createCutoverControl(deps: CutoverControlDeps): CutoverControl {
  const reading = deps.database();
  const engine = (note?: CutoverNote): CutoverDeps => ({
    database: note ? deps.database(note) : reading,
    gate: deps.gate,
    options: deps.options,
  });
  const find = (stamp: string): Promise<CutoverView> => findView(reading, stamp);
  const launched = async (note: CutoverNote, work: (engine: CutoverDeps) => Promise<unknown>): Promise<CutoverView> =>
    find(await startInBackground(deps, engine(note), work));

  return {
    plan: async (input) => toForecast(await cutover(engine(), createSpec(deps.plan(input.plan), input), dryRunOptions)),
    async start({ hold, ...input }, reason, actor) {
      const spec = createSpec(deps.plan(input.plan), input);
      const options = { dryRun: false, hold, reason, actor: actor.id };
      return launched({ actor, action: 'start', reason, details: { ...input, hold } }, (one) =>
        cutover(one, spec, options),
      );
    },
    list: () => reading.list(),
    find,
    async conflicts(stamp, from, limit) {
      await find(stamp);
      return reading.conflicts(stamp, from, limit);
    },
    go: (stamp, reason, actor) => launched({ actor, action: 'go', reason }, (one) => resume(one, stamp)),
    async abandon(stamp, reason, actor) {
      await abandon(engine({ actor, action: 'abandon', reason }), stamp);
      return find(stamp);
    },
    planRollback: async (stamp) => toForecast(await rollbackCutover(engine(), stamp, dryRunOptions)),
    rollback: (stamp, reason, actor) =>
      launched({ actor, action: 'rollback', reason, details: { to: stamp } }, (one) =>
        rollbackCutover(one, stamp, { dryRun: false, reason, actor: actor.id }),
      ),
    async dropBackup(stamp, reason, actor) {
      await dropBackup(engine({ actor, action: 'drop-backup', reason }), stamp);
      return find(stamp);
    },
    recover: () => recover(engine()),
  };
}

const dryRunOptions = { dryRun: true, reason: '', actor: '' };

function toForecast({ kind, plan, carried }: CutoverResult): CutoverForecast {
  return { dryRun: true, kind, plan, carried };
}

async function findView(database: CutoverDatabase, stamp: string): Promise<CutoverView> {
  const view = await database.view(stamp);
  if (view) return view;
  throw new DroverError('NOT_FOUND', `there is no cutover ${JSON.stringify(stamp)}`, {
    remedy: '`drover cutovers` lists them.',
  });
}

/** Begins the work and answers its stamp when it is allowed or has ended. What is refused meanwhile is thrown. */
async function startInBackground(
  { patienceMs, onFailure }: CutoverControlDeps,
  engine: CutoverDeps,
  work: (engine: CutoverDeps) => Promise<unknown>,
): Promise<string> {
  let stamp = '';
  let onBegun = (): void => undefined;
  let onAllowed = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    onBegun = resolve;
  });
  const allowed = new Promise<void>((resolve) => {
    onAllowed = resolve;
  });
  const hooks = {
    onBegun(given: string) {
      stamp = given;
      onBegun();
    },
    onAllowed: () => onAllowed(),
  };
  let waiting = true;
  const running = work({ ...engine, ...hooks });
  running.catch((error: unknown) => waiting || onFailure(error));
  const ended = running.then(() => undefined);
  await Promise.race([ended, allowed, sleep(patienceMs, undefined, { ref: false })]);
  await Promise.race([ended, begun]);
  waiting = false;
  return stamp;
}
