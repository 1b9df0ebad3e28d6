import { identifier, literal } from '../../../plan/sql.ts';
import type { Sequence } from '../catalog.ts';
import { displayName, quoteName, temporaryName } from '../names.ts';
import type { ExchangePair, PlanContext } from './draft.ts';
import { nameOfAddition, planRenames, type Rename } from './renames.ts';

/** The identity sequence the incoming column has, or will have once it is prepared. */
export function incomingIdentity(pair: ExchangePair, live: Sequence): Sequence | undefined {
  const present = pair.incoming.sequences.find((one) => one.identity && one.column === live.column);
  if (present || !pair.incoming.columns.some((column) => column.name === live.column)) return present;
  const made = { schema: pair.incoming.schema, name: temporaryName('identity', pair.label, live.column) };
  return { ...live, ...made, owner: pair.incoming.owner, grants: [], comment: null };
}

/**
 * A serial's sequence stays and serves the new table: its counter, its rights and callers that use its name see no
 * change, and ids go on rising through a rollback. An identity's sequence belongs to its column for good, so there the
 * new one takes over name, rights and counter.
 */
export function planSequences(context: PlanContext, pair: ExchangePair): void {
  const renames: Rename[] = [];
  for (const live of pair.live.sequences) {
    if (!pair.incoming.columns.some((column) => column.name === live.column)) continue;
    if (!live.identity) keepSerialSequence(context, pair, live);
    else renames.push(...replaceIdentitySequence(context, pair, live));
  }
  const used = new Set(pair.live.sequences.map((one) => one.name));
  for (const one of pair.incoming.sequences.filter((sequence) => sequence.owned)) {
    const live = pair.live.columns.find((column) => column.name === one.column);
    if (!live && one.schema === pair.incoming.schema) {
      const to = nameOfAddition(context, pair, one.name, used);
      renames.push({ kind: 'sequence', from: one.name, to });
      context.draft.differences.push({ key: `sequence ${pair.live.schema}.${to}`, why: 'new with the incoming table' });
    } else if (live && !one.identity && !pair.live.sequences.some((other) => other.oid === one.oid))
      context.draft.step(
        'clear',
        'sequence',
        displayName(one),
        'dropped: its column uses the live sequence',
        `DROP SEQUENCE ${quoteName(one)}`,
      );
  }
  planRenames(context, pair, renames);
}

/** Serial: the live sequence lets go of the old column, is advanced past the new rows, and belongs to the new column. */
function keepSerialSequence({ draft }: PlanContext, pair: ExchangePair, live: Sequence): void {
  draft.item('sequence', displayName(live), `stays, and serves the new ${pair.label}.${live.column}`);
  draft.statement(
    'advance',
    `sequence ${displayName(live)}`,
    'past the highest incoming id',
    advanceSql(pair, live, live),
  );
  if (!live.owned) return;
  draft.statement(
    'letGo',
    `sequence ${displayName(live)}`,
    'detached from the old table',
    `ALTER SEQUENCE ${quoteName(live)} OWNED BY NONE`,
  );
  draft.statement(
    'own',
    `sequence ${displayName(live)}`,
    'belongs to the new table',
    `ALTER SEQUENCE ${quoteName(live)} OWNED BY ${pair.after}.${identifier(live.column)}`,
  );
}

function replaceIdentitySequence({ draft }: PlanContext, pair: ExchangePair, live: Sequence): Rename[] {
  const next = incomingIdentity(pair, live);
  if (!next) return [];
  draft.item('sequence', displayName(live), 'the incoming one takes its name and goes on from its counter');
  if (next.parameters !== live.parameters)
    draft.statement(
      'settings',
      `sequence ${displayName(live)}`,
      live.parameters,
      `ALTER SEQUENCE ${quoteName(next)} ${live.parameters}`,
    );
  if (next.comment !== live.comment)
    draft.statement(
      'settings',
      `comment ${displayName(live)}`,
      'as on the live sequence',
      `COMMENT ON SEQUENCE ${quoteName(next)} IS ${live.comment === null ? 'NULL' : literal(live.comment)}`,
    );
  draft.statement(
    'advance',
    `sequence ${displayName(live)}`,
    'past the highest incoming id',
    advanceSql(pair, live, next),
  );
  const from = quoteName({ schema: pair.exchange.displaced.schema, name: displacedSequence(pair, live) });
  const to = quoteName(live);
  const [further, last] = live.descending ? ['<', 'least'] : ['>', 'greatest'];
  const sql = `SELECT pg_catalog.setval(${literal(to)}::regclass, ${last}(o.last_value, n.last_value), true) FROM ${from} o, ${to} n WHERE o.is_called AND o.last_value ${further} n.last_value OR o.is_called AND o.last_value = n.last_value AND NOT n.is_called`;
  draft.statement('counters', `sequence ${displayName(live)}`, 'goes on where the old one stood', sql);
  return [{ kind: 'sequence', from: next.name, to: live.name }];
}

/** What the old identity's sequence is called once displaced: its own name, unless it stays in the same schema. */
export function displacedSequence(pair: ExchangePair, live: Sequence): string {
  return pair.exchange.displaced.schema === pair.live.schema
    ? temporaryName('displaced', pair.label, live.name)
    : live.name;
}

// setval is not undone by a rollback: a swap that is tried again leaves a gap, never a counter that stands too low.
function advanceSql(pair: ExchangePair, live: Sequence, sequence: Sequence): string {
  const [most, beyond] = live.descending ? ['min', '<='] : ['max', '>='];
  const name = quoteName(sequence);
  return `SELECT pg_catalog.setval(${literal(name)}::regclass, t.m, true) FROM (SELECT ${most}(${identifier(live.column)}) AS m FROM ${pair.before}) t, ${name} s WHERE t.m ${beyond} s.last_value`;
}
