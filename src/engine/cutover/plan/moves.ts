import type { RelationName } from '../../../contract/cutover.ts';
import { identifier, literal } from '../../../plan/sql.ts';
import { displayName, quoteName, temporaryName } from '../names.ts';
import { type ExchangePair, movesSchema, type PlanContext } from './draft.ts';
import { displacedSequence } from './sequences.ts';
import { boundViews } from './views.ts';

/** The exchange itself: the old table out of the way, the new one in its place. Names change, not one row is touched. */
export function planMoves(context: PlanContext): void {
  const schemas = new Set(context.pairs.map((pair) => pair.exchange.displaced.schema));
  for (const schema of schemas) if (!context.catalog.schemas.has(schema)) makeSchema(context, schema);
  for (const pair of context.pairs) {
    displaceTable(context, pair);
    const temporary = temporaryName('arriving', context.stamp, pair.label);
    const step = (sql: string) =>
      context.draft.statement('move', `table ${pair.label}`, 'the incoming table takes the name', sql);
    // By a temporary name: the staging schema may hold another table of the live name, and the live one of the staging's.
    if (movesSchema(pair) && pair.incoming.name !== pair.live.name) {
      step(`ALTER TABLE ${pair.before} RENAME TO ${identifier(temporary)}`);
      step(
        `ALTER TABLE ${quoteName({ schema: pair.incoming.schema, name: temporary })} SET SCHEMA ${identifier(pair.live.schema)}`,
      );
      step(
        `ALTER TABLE ${quoteName({ schema: pair.live.schema, name: temporary })} RENAME TO ${identifier(pair.live.name)}`,
      );
    } else if (movesSchema(pair)) step(`ALTER TABLE ${pair.before} SET SCHEMA ${identifier(pair.live.schema)}`);
    else step(`ALTER TABLE ${pair.before} RENAME TO ${identifier(pair.live.name)}`);
    context.draft.item(
      'table',
      pair.label,
      `${displayName(pair.incoming)} takes its place; the old one becomes ${displayName(pair.exchange.displaced)}`,
    );
  }
}

// Owners of the tables need access to the schema: the checks of a foreign key run in the name of the table's owner.
function makeSchema({ draft, pairs }: PlanContext, schema: string): void {
  draft.statement('shape', `schema ${schema}`, 'made', `CREATE SCHEMA IF NOT EXISTS ${identifier(schema)}`);
  const owners = new Set(
    pairs.filter((pair) => pair.exchange.displaced.schema === schema).map((pair) => pair.live.owner),
  );
  for (const owner of owners)
    draft.statement(
      'shape',
      `schema ${schema}`,
      "usable by its tables' owner",
      `GRANT USAGE, CREATE ON SCHEMA ${identifier(schema)} TO ${identifier(owner)}`,
    );
}

function displaceTable({ draft, stamp }: PlanContext, pair: ExchangePair): void {
  const { displaced } = pair.exchange;
  const step = (sql: string) =>
    draft.statement('displace', `table ${pair.label}`, `the old table becomes ${displayName(displaced)}`, sql);
  if (displaced.schema === pair.live.schema) {
    for (const index of pair.live.indexes)
      step(
        `ALTER INDEX ${quoteName({ schema: pair.live.schema, name: index.name })} RENAME TO ${identifier(temporaryName('displaced', stamp, pair.label, index.name))}`,
      );
    for (const sequence of pair.live.sequences.filter((one) => one.identity))
      step(`ALTER SEQUENCE ${quoteName(sequence)} RENAME TO ${identifier(displacedSequence(pair, sequence))}`);
    // The incoming table may still have that name; it is renamed next.
    step(`ALTER TABLE ${pair.after} RENAME TO ${identifier(displaced.name)}`);
    return;
  }
  const temporary = temporaryName('leaving', stamp, pair.label);
  if (displaced.name === pair.live.name) {
    step(`ALTER TABLE ${pair.after} SET SCHEMA ${identifier(displaced.schema)}`);
    return;
  }
  step(`ALTER TABLE ${pair.after} RENAME TO ${identifier(temporary)}`);
  step(
    `ALTER TABLE ${quoteName({ schema: pair.live.schema, name: temporary })} SET SCHEMA ${identifier(displaced.schema)}`,
  );
  step(
    `ALTER TABLE ${quoteName({ schema: displaced.schema, name: temporary })} RENAME TO ${identifier(displaced.name)}`,
  );
}

/**
 * All exclusive locks, taken at one place and in the order clients take theirs: views before what they read, tables that
 * point before those pointed at. A reader that holds a view waits for nothing we hold, so no client is ever chosen as the victim
 * of a deadlock; where an order cannot be foreseen, lock_timeout makes the cutover yield.
 */
export function planLocks(context: PlanContext): void {
  const { draft } = context;
  for (const view of boundViews(context)) {
    // LOCK TABLE on a view locks all it reads as well; setting the owner it has locks the view alone.
    const kind = view.materialized ? 'MATERIALIZED VIEW' : 'VIEW';
    draft.statement(
      'lock',
      `view ${displayName(view)}`,
      'locked',
      `ALTER ${kind} ${quoteName(view)} OWNER TO ${identifier(view.owner)}`,
    );
  }
  const tables = new Map<string, RelationName>();
  const add = (name: RelationName) => tables.set(JSON.stringify([name.schema, name.name]), name);
  for (const dependent of context.catalog.dependents)
    if (dependent.kind === 'policy' && dependent.on) add(dependent.on);
  for (const key of context.catalog.incomingKeys) add(key.table);
  const pointing = [...context.pairs].sort(
    (a, b) => countOutwardKeys(context, b) - countOutwardKeys(context, a) || (a.label < b.label ? -1 : 1),
  );
  for (const pair of pointing) add(pair.live);
  for (const pair of context.pairs) {
    for (const one of pair.live.constraints)
      if (one.references && !context.pairs.some((other) => other.incoming.oid === one.references?.oid))
        add(one.references);
    for (const one of pair.incoming.constraints)
      if (one.references && draft.steps().some((step) => step.object.endsWith(` ${one.name}`) && step.phase === 'swap'))
        addOutside(context, one.references, add);
  }
  draft.locks.push(...context.pairs.map((pair) => pair.exchange.incoming), ...tables.values());
  for (const name of tables.values())
    draft.statement(
      'lock',
      `table ${displayName(name)}`,
      'locked',
      `LOCK TABLE ${quoteName(name)} IN ACCESS EXCLUSIVE MODE`,
    );
}

function addOutside(
  context: PlanContext,
  name: RelationName & { readonly oid: string },
  add: (name: RelationName) => void,
): void {
  if (!context.pairs.some((pair) => pair.incoming.oid === name.oid)) add(name);
}

// How many tables of the set it points at.
function countOutwardKeys(context: PlanContext, pair: ExchangePair): number {
  return pair.live.constraints.filter((one) => context.pairs.some((other) => other.live.oid === one.references?.oid))
    .length;
}

/**
 * The names of the triggers. PostgreSQL fires the triggers of an event in the byte order of their names, and the recording
 * must fire first: an AFTER trigger of the application that changes its own row is recorded before the statement that
 * fired it otherwise, and the older value wins.
 */
function captureTriggerNames({ live, incoming }: ExchangePair): [string, string] {
  const others = [...live.triggers, ...incoming.triggers].filter((trigger) => !trigger.capture);
  const name = '!drover_capture';
  const first = others.some((one) => one.name <= name) ? `\u0001${name}` : name;
  return [first, `${first}_truncate`];
}

/** Triggers that record what is written from now on, so that a rollback can carry it back. */
export function planCapture(context: PlanContext): void {
  const { draft, stamp } = context;
  for (const pair of context.pairs) {
    const own = (table: typeof pair.live) =>
      table.triggers.filter((trigger) => trigger.capture).map((trigger) => identifier(trigger.name));
    const recording = pair.live.triggers.filter((trigger) => trigger.capture && trigger.enabled !== 'D');
    if (context.direction === 'rollback' && recording.length < captureTriggerNames(pair).length)
      draft.warnings.push(
        `${pair.label}: the triggers that record changes are missing or disabled; what was written without them does not come back`,
      );
    for (const trigger of own(pair.incoming))
      draft.statement(
        'clear',
        `capture ${pair.label}`,
        'old recording ends',
        `DROP TRIGGER ${trigger} ON ${pair.before}`,
      );
    for (const trigger of own(pair.live))
      draft.statement(
        'letGo',
        `capture ${pair.label}`,
        'old recording ends',
        `DROP TRIGGER ${trigger} ON ${pair.after}`,
      );
    if (!context.capture) continue;
    // Made on the incoming tables before the locks: nothing writes to them until the names have changed.
    const [name, truncated] = captureTriggerNames(pair).map(identifier);
    const given = [stamp, ...pair.incoming.columns.filter((one) => one.inexact).map((one) => one.name)];
    const parameters = given.map(literal).join(', ');
    draft.step(
      'equip',
      'capture',
      pair.label,
      'changes are recorded from now on',
      `CREATE TRIGGER ${name} AFTER INSERT OR UPDATE OR DELETE ON ${pair.before} FOR EACH ROW EXECUTE FUNCTION drover.capture_change(${parameters})`,
    );
    draft.statement(
      'equip',
      `capture ${pair.label}`,
      'truncation is recorded',
      `CREATE TRIGGER ${truncated} BEFORE TRUNCATE ON ${pair.before} FOR EACH STATEMENT EXECUTE FUNCTION drover.capture_truncate(${parameters})`,
    );
    // Also in sessions that set session_replication_role: what they write is live all the same.
    for (const trigger of [name, truncated] as const)
      draft.statement(
        'equip',
        `capture ${pair.label}`,
        'also fires in replica sessions',
        `ALTER TABLE ${pair.before} ENABLE ALWAYS TRIGGER ${trigger}`,
      );
  }
}
