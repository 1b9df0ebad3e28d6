import { setTimeout as sleep } from 'node:timers/promises';
import type {
  CutoverControl,
  CutoverForecast,
  CutoverResult,
  CutoverSpec,
  CutoverView,
  StartCutover,
  TablePair,
} from '../../contract/cutover.ts';
import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import { keyOf } from './catalog.ts';
import { abandon, cutover, dropBackup, recover, resume, rollbackCutover } from './cutover.ts';
import type { CutoverDatabase, CutoverDeps, CutoverNote, Gate, SwapOptions } from './types.ts';

export interface CutoverControlDeps {
  readonly plan: (name: string) => Plan;
  /** The database as one request uses it. */
  readonly database: (note?: CutoverNote) => CutoverDatabase;
  readonly gate: Gate;
  /** Milliseconds an answer waits for the checks; the work goes on without it. */
  readonly patienceMs: number;
  /** Receives errors of work whose request has been answered already. */
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
    resume: (stamp, reason, actor) => launched({ actor, action: 'go', reason }, (one) => resume(one, stamp)),
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

/**
 * The tables of a cutover from what an operator asks, what the plan says, and defaults, in this order.
 * @throws DroverError BAD_REQUEST naming what is wrong with the request.
 */
export function createSpec(plan: Plan, input: Omit<StartCutover, 'plan'>): CutoverSpec {
  const { tables, minimums = {}, maxShrinkPercent = plan.cutover?.maxShrinkPercent } = input;
  const known = tablesOf(plan);
  assertKnown(plan, known, [...(tables ?? []).map(({ table }) => table), ...Object.keys(minimums)]);
  const wanted = tables ?? known.map((table) => ({ table }));
  rejectApiTables(plan, wanted);
  const pairs = wanted.map((one) => createTablePair(plan, input, one, minimums[one.table]));
  const same = pairs.find(({ incoming, live }) => keyOf(incoming) === keyOf(live));
  if (same)
    throw badRequest(
      `${same.live.schema}.${same.live.name} cannot take its own place`,
      'Name another staging or live schema.',
    );
  const own = pairs.flatMap(({ incoming, live }) => [incoming.schema, live.schema]).find(isReservedSchema);
  if (own) throw badRequest(`schema ${own} is no place for tables of a plan`, 'Name another schema.');
  return { name: plan.name, tables: pairs, maxShrinkPercent };
}

const isReservedSchema = (schema: string): boolean => /^(drover|information_schema|pg_.*)$/.test(schema);

/** Tables of a plan, parents first. */
export function tablesOf(plan: Plan): readonly string[] {
  return [...new Set(entityOrder(plan).flatMap((name) => plan.entities[name]?.target.table ?? []))];
}

function createTablePair(
  plan: Plan,
  input: Omit<StartCutover, 'plan'>,
  { table, live }: NonNullable<StartCutover['tables']>[number],
  minimum: number | undefined,
): TablePair {
  const schema = plan.name.replaceAll('-', '_');
  const own = plan.cutover?.tables?.[table];
  return {
    incoming: { schema: input.stagingSchema ?? plan.cutover?.stagingSchema ?? `${schema}_staging`, name: table },
    live: live ?? {
      schema: input.liveSchema ?? own?.schema ?? plan.cutover?.liveSchema ?? schema,
      name: own?.name ?? table,
    },
    minimum: minimum ?? own?.minimum,
  };
}

function assertKnown(plan: Plan, known: readonly string[], names: readonly string[]): void {
  const unknown = [...new Set(names.filter((name) => !known.includes(name)))];
  if (unknown.length > 0)
    throw badRequest(`plan ${plan.name} has no table ${unknown.join(', ')}`, `It has ${known.join(', ')}.`);
}

/** What an API answered is kept in a table for sums and history; the objects themselves are live when they are made. */
function rejectApiTables(plan: Plan, wanted: readonly { readonly table: string }[]): void {
  const kept = Object.values(plan.entities).flatMap(({ api, target }) => (api ? [target.table] : []));
  const asked = wanted.flatMap(({ table }) => (kept.includes(table) ? [table] : []));
  if (asked.length === 0) return;
  throw badRequest(
    `${asked.join(', ')} of plan ${plan.name} keeps what an API answered: there is nothing to make live`,
    'What a run made at the API is taken back by `drover rollback RUN`.',
  );
}

const badRequest = (message: string, remedy: string): DroverError =>
  new DroverError('BAD_REQUEST', message, { remedy });
