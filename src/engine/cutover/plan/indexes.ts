import { identifier, literal } from '../../../plan/sql.ts';
import type { Constraint, Index } from '../catalog.ts';
import { displayName, quoteName, temporaryName } from '../names.ts';
import type { ExchangePair, PlanContext } from './draft.ts';
import { type Match, matchByDefinition, nameOfAddition, planRenames, type Rename } from './renames.ts';

/** Constraints (but foreign keys) and indexes: matched by definition, made before the swap where they are missing. */
export function planIndexes(context: PlanContext, pair: ExchangePair): void {
  const constraints = matchByDefinition(
    pair.live.constraints.filter((one) => one.type !== 'f' && hasColumns(context, pair, one)),
    pair.incoming.constraints.filter((one) => one.type !== 'f'),
    (a, b) => a.type === b.type && comparableDefinition(a) === comparableDefinition(b),
  );
  const indexes = matchByDefinition(
    pair.live.indexes.filter((one) => one.constraint === null && one.valid && isUsable(context, pair, one)),
    pair.incoming.indexes.filter((one) => one.constraint === null && one.valid),
    (a, b) => a.unique === b.unique && a.tail === b.tail,
  );
  planInvalidIndexes(context, pair);
  for (const match of constraints.matches) planConstraint(context, pair, match);
  for (const match of indexes.matches) planIndex(context, pair, match);
  const used = new Set([...pair.live.constraints, ...pair.live.indexes].map((one) => one.name));
  const addition = (kind: Rename['kind'], name: string): Rename => {
    const to = nameOfAddition(context, pair, name, used);
    context.draft.item(kind, `${pair.label} ${to}`, 'only on the incoming table: kept');
    const what = kind === 'index' ? 'index' : 'constraint';
    context.draft.differences.push({ key: `${what} ${pair.label} ${to}`, why: 'new with the incoming table' });
    if (kind === 'key')
      context.draft.differences.push({ key: `index ${pair.label} ${to}`, why: 'new with the incoming table' });
    return { kind, from: name, to };
  };
  planRenames(context, pair, [
    ...constraints.matches.map((match) => ({
      kind: renameKind(match.live),
      from: currentName(pair, match),
      to: match.live.name,
    })),
    ...constraints.added.map((one) => addition(renameKind(one), one.name)),
    ...indexes.matches.map(
      (match): Rename => ({
        kind: 'index',
        from: match.current?.name ?? builtName(pair, match.live.name),
        to: match.live.name,
      }),
    ),
    ...indexes.added.map((one) => addition('index', one.name)),
  ]);
  planIndexDetails(context, pair, constraints.matches, indexes.matches);
}

// Whether children inherit a NOT NULL can be changed; there may be only one on a column.
function comparableDefinition({ type, definition }: Constraint): string {
  return type === 'n' ? definition.replace(/ NO INHERIT$/, '') : definition;
}

/** What a build that failed left: of the live table it goes with it, of the incoming one it is taken off. */
function planInvalidIndexes({ draft }: PlanContext, pair: ExchangePair): void {
  for (const one of pair.live.indexes.filter((index) => !index.valid)) {
    draft.item('index', `${pair.label} ${one.name}`, 'invalid: stays with the old table');
    draft.differences.push({ key: `index ${pair.label} ${one.name}`, why: 'it was invalid' });
  }
  for (const one of pair.incoming.indexes.filter((index) => !index.valid && index.constraint === null))
    draft.step(
      'clear',
      'index',
      `${displayName(pair.incoming)} ${one.name}`,
      'dropped: it is invalid',
      `DROP INDEX ${quoteName({ schema: pair.incoming.schema, name: one.name })}`,
    );
}

// A key's index bears the same name and must be unique in the schema; the others only in the table.
function renameKind(one: Constraint): 'key' | 'constraint' {
  return ['p', 'u', 'x'].includes(one.type) ? 'key' : 'constraint';
}

function builtName(pair: ExchangePair, name: string): string {
  return temporaryName('built', pair.label, name);
}

function currentName(pair: ExchangePair, match: Match<Constraint>): string {
  return match.current?.name ?? builtName(pair, match.live.name);
}

// In a rollback, what hangs on a column that came with the cutover goes with it.
function hasColumns(context: PlanContext, pair: ExchangePair, one: Constraint): boolean {
  const columns = new Set(pair.incoming.columns.map((column) => column.name));
  const fits = context.direction === 'cutover' || one.columns.every((column) => columns.has(column));
  if (!fits)
    context.draft.differences.push({ key: `constraint ${pair.label} ${one.name}`, why: 'the backup lacks its column' });
  if (!fits)
    context.draft.differences.push({ key: `index ${pair.label} ${one.name}`, why: 'the backup lacks its column' });
  return fits;
}

// An index on an expression does not tell its columns; what cannot be built stops the preparation, before any harm.
function isUsable(context: PlanContext, pair: ExchangePair, one: Index): boolean {
  if (context.direction === 'cutover') return true;
  const missing = pair.live.columns.filter(
    (column) => !pair.incoming.columns.some((other) => other.name === column.name),
  );
  const fits = !missing.some((column) => one.tail.includes(column.name));
  if (!fits)
    context.draft.differences.push({ key: `index ${pair.label} ${one.name}`, why: 'the backup lacks its column' });
  return fits;
}

function planConstraint(context: PlanContext, pair: ExchangePair, { live, current }: Match<Constraint>): void {
  const { draft } = context;
  const object = `${pair.label} ${live.name}`;
  const name = current?.name ?? builtName(pair, live.name);
  const later = live.type === 'c' && !current;
  if (!current) {
    if (live.type === 'p' && pair.incoming.constraints.some((one) => one.type === 'p'))
      draft.problems.push(`${pair.label}: the incoming table has another primary key than ${live.definition}`);
    const sql = `ALTER TABLE ${pair.before} ADD CONSTRAINT ${identifier(name)} ${live.definition}${later ? ' NOT VALID' : ''}`;
    draft.step(live.type === 'n' ? 'shape' : 'build', 'constraint', object, 'made on the incoming table', sql);
  } else {
    draft.item('constraint', object, 'already on the incoming table');
    if (current.definition !== live.definition)
      draft.statement(
        'shape',
        `constraint ${object}`,
        'inherited as on the live table',
        `ALTER TABLE ${pair.before} ALTER CONSTRAINT ${identifier(name)} ${live.definition.endsWith(' NO INHERIT') ? 'NO ' : ''}INHERIT`,
      );
  }
  const validated = current ? current.validated : !later;
  if (live.validated && !validated)
    draft.statement(
      'validate',
      `constraint ${object}`,
      'validated',
      `ALTER TABLE ${pair.before} VALIDATE CONSTRAINT ${identifier(name)}`,
    );
  if (!live.validated && validated)
    draft.differences.push({
      key: `constraint ${object} validated`,
      why: 'the incoming rows were checked, the live ones never',
    });
}

function planIndex({ draft }: PlanContext, pair: ExchangePair, { live, current }: Match<Index>): void {
  const object = `${pair.label} ${live.name}`;
  if (current) {
    draft.item('index', object, 'already on the incoming table');
    return;
  }
  const sql = `CREATE ${live.unique ? 'UNIQUE ' : ''}INDEX ${identifier(builtName(pair, live.name))} ON ${pair.before} ${live.tail}`;
  draft.step('build', 'index', object, 'built on the incoming table', sql);
}

/** Comments, replica identity and clustering, under the names these objects have before they are renamed. */
function planIndexDetails(
  context: PlanContext,
  pair: ExchangePair,
  constraints: readonly Match<Constraint>[],
  indexes: readonly Match<Index>[],
): void {
  const named = new Map<string, { current: string; comment: string | null; targets: Index['targets'] }>();
  for (const match of indexes)
    named.set(match.live.name, {
      current: match.current?.name ?? builtName(pair, match.live.name),
      comment: match.current?.comment ?? null,
      targets: match.current?.targets ?? [],
    });
  for (const match of constraints.filter((one) => renameKind(one.live) === 'key')) {
    const own = pair.incoming.indexes.find((one) => one.oid === match.current?.indexOid);
    const { comment: said = null, targets = [] } = own ?? {};
    named.set(match.live.name, { current: currentName(pair, match), comment: said, targets });
  }
  for (const match of constraints) {
    if (match.live.comment !== (match.current?.comment ?? null))
      planComment(
        context,
        `constraint ${pair.label} ${match.live.name}`,
        `CONSTRAINT ${identifier(currentName(pair, match))} ON ${pair.before}`,
        match.live.comment,
      );
  }
  for (const live of pair.live.indexes) {
    const mark = named.get(live.name);
    if (!mark) continue;
    const place = quoteName({ schema: pair.incoming.schema, name: mark.current });
    if (live.comment !== mark.comment)
      planComment(context, `index ${pair.label} ${live.name}`, `INDEX ${place}`, live.comment);
    for (const [column, target] of targetsToSet(live, mark.targets))
      context.draft.statement(
        'settings',
        `index ${pair.label} ${live.name}`,
        'statistics target',
        `ALTER INDEX ${place} ALTER COLUMN ${column} SET STATISTICS ${target}`,
      );
    if (live.isClustered)
      context.draft.statement(
        'settings',
        `index ${pair.label} ${live.name}`,
        'clusters its table',
        `ALTER TABLE ${pair.before} CLUSTER ON ${identifier(mark.current)}`,
      );
  }
  planReplicaIdentity(context, pair, (name) => named.get(name)?.current);
}

/** -1 where only the incoming index has one: back to the default. */
function targetsToSet({ targets: wanted }: Index, present: Index['targets']): Index['targets'] {
  const text = (one: Index['targets'][number]): string => one.join(' ');
  const known = new Set(present.map(text));
  const set = wanted.filter((one) => !known.has(text(one)));
  const reset = present.filter(([column]) => !wanted.some(([other]) => other === column));
  return [...set, ...reset.map(([column]) => [column, -1] as const)];
}

function planComment({ draft }: PlanContext, object: string, target: string, text: string | null): void {
  draft.step(
    'settings',
    'comment',
    object,
    'as on the live table',
    `COMMENT ON ${target} IS ${text === null ? 'NULL' : literal(text)}`,
  );
}

function planReplicaIdentity(
  { draft }: PlanContext,
  pair: ExchangePair,
  current: (name: string) => string | undefined,
): void {
  const own = pair.live.indexes.find((index) => index.isReplicaIdentity);
  const name = own && current(own.name);
  const kinds: Record<string, string> = { d: 'DEFAULT', f: 'FULL', n: 'NOTHING' };
  const wanted =
    pair.live.replicaIdentity === 'i' && name ? `USING INDEX ${identifier(name)}` : kinds[pair.live.replicaIdentity];
  const same = pair.live.replicaIdentity === pair.incoming.replicaIdentity && pair.live.replicaIdentity !== 'i';
  if (same || !wanted) draft.item('replica identity', pair.label, 'as on the live table');
  else
    draft.step(
      'settings',
      'replica identity',
      pair.label,
      wanted,
      `ALTER TABLE ${pair.before} REPLICA IDENTITY ${wanted}`,
    );
}
