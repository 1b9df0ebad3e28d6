import { identifier, literal } from '../../../plan/sql.ts';
import type { Column } from '../catalog.ts';
import { quoteName, temporaryName } from '../names.ts';
import type { ExchangePair, PlanContext } from './draft.ts';

/** Makes the columns of the incoming table behave as those of the live one; refuses what cannot be made so. */
export function planColumns(context: PlanContext, pair: ExchangePair): void {
  const incoming = new Map(pair.incoming.columns.map((column) => [column.name, column]));
  for (const live of pair.live.columns) {
    const column = incoming.get(live.name);
    if (column) alignColumn(context, pair, live, column);
    else planMissingColumn(context, pair, live);
  }
  const known = new Set(pair.live.columns.map((column) => column.name));
  for (const column of pair.incoming.columns) if (!known.has(column.name)) planAddedColumn(context, pair, column);
  const common = pair.live.columns.filter((column) => incoming.has(column.name)).map((column) => column.name);
  const order = pair.incoming.columns.filter((column) => known.has(column.name)).map((column) => column.name);
  if (common.join('\0') === order.join('\0')) return;
  context.draft.differences.push({ key: `order ${pair.label}`, why: 'the incoming columns come in another order' });
  context.draft.warnings.push(
    `${pair.label}: its columns come in another order; a prepared SELECT * of a client that stays connected fails once`,
  );
}

function planMissingColumn({ draft, direction }: PlanContext, pair: ExchangePair, live: Column): void {
  if (direction === 'rollback') {
    draft.item('column', `${pair.label}.${live.name}`, 'not in the backup, since it came with the cutover: removed');
    draft.differences.push({ key: `column ${pair.label}.${live.name}`, why: 'the backup does not have it' });
    draft.differences.push({ key: `order ${pair.label}`, why: 'the backup has other columns' });
  } else draft.problems.push(`${pair.label}: the incoming table lacks column ${live.name} (${live.type})`);
}

function planAddedColumn({ draft }: PlanContext, pair: ExchangePair, column: Column): void {
  draft.item('column', `${pair.label}.${column.name}`, 'new with the incoming table: kept');
  draft.differences.push({ key: `column ${pair.label}.${column.name}`, why: 'new with the incoming table' });
  draft.differences.push({ key: `order ${pair.label}`, why: 'the incoming table has more columns' });
  if (column.notNull && column.default === null && !column.identity && !column.generated)
    draft.warnings.push(
      `${pair.label}.${column.name}: new, NOT NULL and without default, so writers that do not know it fail`,
    );
}

function alignColumn(context: PlanContext, pair: ExchangePair, live: Column, column: Column): void {
  const { draft } = context;
  const object = `${pair.label}.${live.name}`;
  const differs = ['type', 'collation', 'generated'].filter(
    (key) => live[key as keyof Column] !== column[key as keyof Column],
  );
  if (live.generated && live.default !== column.default) differs.push('generation expression');
  if (differs.length > 0) draft.problems.push(`${object}: the incoming column differs in ${differs.join(', ')}`);
  const alter = (place: 'shape' | 'settings', action: string, what: string) =>
    draft.step(
      place,
      'column',
      object,
      action,
      `ALTER TABLE ${pair.before} ALTER COLUMN ${identifier(live.name)} ${what}`,
    );
  alignNotNull(context, pair, live, column, alter);
  alignIdentity(pair, live, column, alter);
  if (!live.generated && !live.identity) alignDefault(context, pair, live, column);
  alignDetails(context, pair, live, column, alter);
  draft.item('column', object, 'kept as it is on the live table');
}

type Alter = (place: 'shape' | 'settings', action: string, what: string) => void;

/** A default that names a relation by its oid is compiled once the names are right: before, it would mean the old one. */
function alignDefault({ draft }: PlanContext, pair: ExchangePair, live: Column, column: Column): void {
  const names = /::regclass/.test(live.default ?? '') && !/^nextval\(/.test(live.default ?? '');
  if (!names && live.default === (column.identity ? null : column.default)) return;
  draft.step(
    names ? 'behaviour' : 'settings',
    'column',
    `${pair.label}.${live.name}`,
    'default as on the live table',
    `ALTER TABLE ${names ? pair.after : pair.before} ALTER COLUMN ${identifier(live.name)} ${
      live.default === null ? 'DROP DEFAULT' : `SET DEFAULT ${live.default}`
    }`,
  );
}

function alignNotNull(
  { draft, catalog }: PlanContext,
  pair: ExchangePair,
  live: Column,
  column: Column,
  alter: Alter,
): void {
  const object = `${pair.label}.${live.name}`;
  // From 18 on NOT NULL is a constraint with a name, handled with the others.
  if (live.notNull && !column.notNull && catalog.serverVersion < 180000)
    alter('shape', 'made NOT NULL', 'SET NOT NULL');
  if (live.notNull || !column.notNull) return;
  draft.differences.push({ key: `column ${object} not-null`, why: 'the incoming table is stricter' });
  draft.warnings.push(`${object}: NOT NULL on the incoming table only; writers that leave it empty will fail`);
}

function alignIdentity(pair: ExchangePair, live: Column, column: Column, alter: Alter): void {
  if (live.identity === column.identity) return;
  const kind = live.identity === 'a' ? 'ALWAYS' : 'BY DEFAULT';
  if (live.identity === '') alter('settings', 'no identity, as on the live table', 'DROP IDENTITY');
  else if (column.identity !== '') alter('settings', `identity ${kind}`, `SET GENERATED ${kind}`);
  else addIdentity(pair, live, column, alter, kind);
}

function addIdentity(pair: ExchangePair, live: Column, column: Column, alter: Alter, kind: string): void {
  if (column.default !== null) alter('shape', 'default dropped for the identity', 'DROP DEFAULT');
  if (!column.notNull) alter('shape', 'made NOT NULL for the identity', 'SET NOT NULL');
  const sequence = { schema: pair.incoming.schema, name: temporaryName('identity', pair.label, live.name) };
  const parameters = pair.live.sequences.find((one) => one.identity && one.column === live.name)?.parameters ?? '';
  const options = `(SEQUENCE NAME ${quoteName(sequence)} ${parameters})`;
  alter('shape', `identity ${kind}`, `ADD GENERATED ${kind} AS IDENTITY ${options}`);
}

const storages: Record<string, string> = { p: 'PLAIN', e: 'EXTERNAL', m: 'MAIN', x: 'EXTENDED' };
const compressions: Record<string, string> = { '': 'DEFAULT', p: 'pglz', l: 'lz4' };

function alignDetails(context: PlanContext, pair: ExchangePair, live: Column, column: Column, alter: Alter): void {
  if (live.statistics !== column.statistics)
    alter('settings', 'statistics target', `SET STATISTICS ${live.statistics}`);
  if (live.storage !== column.storage) alter('settings', 'storage', `SET STORAGE ${storages[live.storage] ?? 'PLAIN'}`);
  if (live.compression !== column.compression)
    alter('settings', 'compression', `SET COMPRESSION ${compressions[live.compression] ?? 'DEFAULT'}`);
  for (const what of optionSteps(live.options, column.options)) alter('settings', 'column options', what);
  if (live.comment === column.comment) return;
  const target = `${pair.before}.${identifier(live.name)}`;
  const text = live.comment === null ? 'NULL' : literal(live.comment);
  context.draft.step(
    'settings',
    'comment',
    `${pair.label}.${live.name}`,
    'as on the live table',
    `COMMENT ON COLUMN ${target} IS ${text}`,
  );
}

/** Owner, storage parameters, row security flags, persistence and comment of the table itself. */
export function planSettings({ draft }: PlanContext, pair: ExchangePair): void {
  const { live, incoming } = pair;
  const alter = (place: 'shape' | 'settings' | 'rights', kind: string, action: string, what: string) =>
    draft.step(place, kind, pair.label, action, `ALTER TABLE ${pair.before} ${what}`);
  if (live.persistence !== incoming.persistence)
    alter('shape', 'persistence', 'as on the live table', live.persistence === 'u' ? 'SET UNLOGGED' : 'SET LOGGED');
  for (const what of optionSteps(live.options, incoming.options))
    alter('settings', 'storage parameters', 'as on the live table', what);
  if (live.owner !== incoming.owner)
    alter('settings', 'owner', `becomes ${live.owner}`, `OWNER TO ${identifier(live.owner)}`);
  else draft.item('owner', pair.label, `stays ${live.owner}`);
  if (live.rowSecurity !== incoming.rowSecurity)
    alter(
      'settings',
      'row security',
      live.rowSecurity ? 'enabled' : 'disabled',
      `${live.rowSecurity ? 'ENABLE' : 'DISABLE'} ROW LEVEL SECURITY`,
    );
  if (live.forceRowSecurity !== incoming.forceRowSecurity)
    alter(
      'settings',
      'row security',
      live.forceRowSecurity ? 'forced' : 'not forced',
      `${live.forceRowSecurity ? '' : 'NO '}FORCE ROW LEVEL SECURITY`,
    );
  if (live.comment !== incoming.comment)
    draft.step(
      'settings',
      'comment',
      pair.label,
      'as on the live table',
      `COMMENT ON TABLE ${pair.before} IS ${live.comment === null ? 'NULL' : literal(live.comment)}`,
    );
  if (live.accessMethod !== incoming.accessMethod)
    draft.problems.push(
      `${pair.label}: the incoming table uses access method ${incoming.accessMethod}, the live one ${live.accessMethod}`,
    );
  if (live.tablespace === incoming.tablespace) return;
  draft.differences.push({
    key: `table ${pair.label} tablespace`,
    why: 'the incoming table was made in another tablespace',
  });
  draft.warnings.push(
    `${pair.label}: the incoming table is in tablespace ${incoming.tablespace || 'default'}, the live one in ${live.tablespace || 'default'}`,
  );
}

/** `SET (…)` and `RESET (…)` that turn one list of `name=value` options into another; nothing when they agree. */
export function optionSteps(wanted: readonly string[], present: readonly string[]): string[] {
  const target = new Map(wanted.map(splitOption));
  const current = new Map(present.map(splitOption));
  const set = [...target].filter(([name, value]) => current.get(name) !== value);
  const reset = [...current.keys()].filter((name) => !target.has(name));
  return [
    ...(set.length > 0 ? [`SET (${set.map(assignment).join(', ')})`] : []),
    ...(reset.length > 0 ? [`RESET (${reset.map(optionName).join(', ')})`] : []),
  ];
}

/** ` WITH (…)` for a statement that makes a relation. */
export function withOptions(options: readonly string[]): string {
  return options.length === 0 ? '' : ` WITH (${options.map((option) => assignment(splitOption(option))).join(', ')})`;
}

function splitOption(option: string): [string, string] {
  const at = option.indexOf('=');
  return at < 0 ? [option, 'true'] : [option.slice(0, at), option.slice(at + 1)];
}

function assignment([name, value]: [string, string]): string {
  return `${optionName(name)} = ${literal(value)}`;
}

// toast.autovacuum_enabled is two names.
function optionName(name: string): string {
  return name.split('.').map(identifier).join('.');
}
