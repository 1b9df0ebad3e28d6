import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import { keyOf } from './catalog.ts';
import type { CutoverSpec, StartCutover, TablePair } from './contract.ts';

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

/** What an API answered is kept in a table for sums and journeys; the objects themselves are live when they are made. */
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
