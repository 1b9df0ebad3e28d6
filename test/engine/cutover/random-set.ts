import { identifier, literal } from '../../../src/plan/sql.ts';

/** Numbers from a seed: the same seed gives the same set, the same writes, the same kills. */
export interface Chance {
  /** From 0 to below `limit`. */
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
  yes(share: number): boolean;
}

export function chanceOf(seed: number): Chance {
  let state = seed * 2654435761 + 1;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return { below, pick: (list) => list[below(list.length)] as never, yes: (share) => next() < share };
}

interface ValueType {
  readonly type: string;
  readonly values: readonly string[];
}

/** Types with values that a text form, JSON or a client's settings could change. `live.` is replaced by the schema. */
const valueTypes: readonly ValueType[] = [
  { type: 'interval', values: ["'-1 day -2:03:04'", "'1 mon -3 days'", "'P1Y2M'", 'NULL'] },
  { type: 'daterange', values: ["'[2025-02-01,2025-03-04)'", "'empty'", "'(,2024-12-31]'"] },
  { type: 'int[]', values: ["'[2:3]={1,2}'", "'{}'", "'{{1,2},{3,NULL}}'", "'{NULL}'"] },
  { type: 'text[]', values: [`'{"a,b","\\"q\\"",NULL,"NULL",""}'`, "ARRAY['é', E'\\n']"] },
  { type: 'bytea', values: ["'\\x00ff27'", "'\\x'", "'abc'"] },
  { type: 'money', values: ['1234.5', "'-0.01'", '0'] },
  { type: 'jsonb', values: ["'null'", `'"text"'`, '\'{"a": null}\'', "'1.50'", 'NULL', "'[]'"] },
  { type: 'json', values: ["'null'", `'{"a":1,  "a":2}'`, `'"\\u0000"'`, 'NULL', "'{ }'"] },
  { type: 'jsonb[]', values: [`ARRAY['null'::jsonb, NULL, '"x"']`, "'{}'"] },
  { type: 'live.mood', values: ["'sad'", "'very happy'", 'NULL'] },
  { type: 'live.positive', values: ['1', '2.50', 'NULL'] },
  { type: 'live.document', values: ["'null'", '\'{"b": 1}\'', 'NULL'] },
  { type: 'live.pair', values: [`'(1,"a b")'`, "'(,)'", 'ROW(2, NULL)'] },
  { type: 'float8', values: ["'-0'", "'NaN'", '0.1::float8 + 0.2::float8', "'-Infinity'"] },
  { type: 'float4', values: ['1.1', "'-0'", '16777217'] },
  { type: 'numeric', values: ["'NaN'", '1.500', '123456789012345678901234567890.1'] },
  { type: 'bigint', values: ['9007199254740993', '-9223372036854775808'] },
  { type: 'timestamptz', values: ["'2025-02-01 08:00+08'", "'infinity'", "'0044-03-15 00:00 BC'"] },
  { type: 'timestamp', values: ["'2025-02-01 08:00:00.123456'", "'-infinity'", "'12025-01-01'"] },
  { type: 'date', values: ["'2025-02-01'", "'infinity'"] },
  { type: 'timetz', values: ["'08:00:00+08'"] },
  { type: 'char(5)', values: ["'ab'", "''"] },
  { type: 'varbit', values: ["B'101'", "B''"] },
  { type: 'tsvector', values: ["'a:1A b:2'"] },
  { type: 'point', values: ["'(1.5,-0)'"] },
  { type: 'inet', values: ["'10.0.0.1/8'"] },
  { type: 'uuid', values: ["'00000000-0000-0000-0000-000000000001'"] },
  { type: 'int4multirange', values: ["'{[1,3),[5,8)}'", "'{}'"] },
];

export const typesSql = `
CREATE TYPE live.mood AS ENUM ('sad', 'very happy'); CREATE DOMAIN live.positive AS numeric(10, 2) CHECK (VALUE > 0);
CREATE DOMAIN live.document AS jsonb; CREATE TYPE live.pair AS (a int, b text);
CREATE COLLATION live.folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);`;

interface KeyKind {
  readonly name: string;
  /** Column definitions, the key's own names, and SQL of the values of the key of number n. */
  readonly columns: string;
  readonly key: readonly string[];
  readonly values: (n: number) => readonly string[] | undefined;
  /** What is one key, as text of the row `x`. */
  readonly canonical?: string;
}

const keyKinds: readonly KeyKind[] = [
  { name: 'int', columns: 'id int', key: ['id'], values: (n) => [`${n}`] },
  { name: 'identity', columns: 'id bigint GENERATED ALWAYS AS IDENTITY', key: ['id'], values: (n) => [`${n}`] },
  { name: 'quoted', columns: '"Or\'der ""No" text', key: [`Or'der "No`], values: (n) => [`'No, ${n}'`] },
  { name: 'two', columns: '"A" text, b date', key: ['A', 'b'], values: (n) => [`'a'`, `date '2025-01-01' + ${n}`] },
  {
    ...{ name: 'folded', columns: 'id text COLLATE live.folded', key: ['id'] },
    ...{ values: (n: number) => [`'K${n}'`], canonical: 'lower(x.id)' },
  },
  {
    ...{ name: 'numeric', columns: 'id numeric', key: ['id'], values: (n: number) => [`${n}.${'0'.repeat(n % 3)}`] },
    canonical: 'trim_scale(x.id)::text',
  },
  { name: 'float', columns: 'id float8', key: ['id'], values: (n) => [n === 7 ? "'-0'" : `${n}`] },
  { name: 'array', columns: 'id int[]', key: ['id'], values: (n) => [`ARRAY[${n}]`] },
  { name: 'none', columns: 'id int', key: [], values: (n) => [`${n % 5}`] },
];

export interface RandomTable {
  readonly name: string;
  readonly kind: KeyKind;
  readonly columns: readonly { readonly name: string; readonly type: ValueType }[];
  readonly triggers: readonly string[];
  readonly generated: boolean;
  readonly unique: boolean;
  /** Points at the keys of `parent`, which has an integer key. */
  readonly child: boolean;
}

export function makeTables(chance: Chance): RandomTable[] {
  const count = 2 + chance.below(2);
  return Array.from({ length: count }, (_, at): RandomTable => {
    const kind = chance.pick(keyKinds);
    const names = ['v1', 'V "2"', "v'3", 'net_old', 'ctid_'];
    const columns = Array.from({ length: 2 + chance.below(3) }, (_v, n) => {
      return { name: names[n] ?? '', type: chance.pick(valueTypes) };
    });
    const triggers = ['self', 'sibling', 'again', 'later'].filter(() => chance.yes(0.35));
    return {
      ...{ name: chance.pick(['t', 'T able', 'select']) + at, kind, columns, triggers },
      ...{ generated: chance.yes(0.4), unique: chance.yes(0.3), child: chance.yes(0.4) },
    };
  });
}

/** The trigger functions read the names of their table and its key from the trigger: one set serves every table. */
export const functionsSql = `
CREATE FUNCTION live.f_self() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE format('UPDATE %s SET n = n || ''!'' WHERE ctid = $1 AND n NOT LIKE ''%%!''', TG_RELID::regclass) USING NEW.ctid; RETURN NULL; END $$;
CREATE FUNCTION live.f_sibling() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF pg_trigger_depth() < 3 THEN
    EXECUTE format('UPDATE %s SET n = n || ''+'' WHERE grp = $1 AND ctid <> $2 AND length(n) < 12', TG_RELID::regclass) USING NEW.grp, NEW.ctid;
  END IF; RETURN NULL; END $$;
CREATE FUNCTION live.f_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  BEGIN EXECUTE format('INSERT INTO %s (id, n, grp) VALUES ($1 + 1, ''again'', 99)', TG_RELID::regclass) USING OLD.id;
  EXCEPTION WHEN OTHERS THEN NULL; END; RETURN NULL; END $$;`;

const triggerSql: Record<string, string> = {
  self: 'AFTER INSERT OR UPDATE ON # FOR EACH ROW EXECUTE FUNCTION live.f_self()',
  sibling: 'AFTER UPDATE ON # FOR EACH ROW EXECUTE FUNCTION live.f_sibling()',
  again: 'AFTER DELETE ON # FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION live.f_again()',
  later: 'AFTER INSERT ON # DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION live.f_self()',
};

/** The tables in a schema. Triggers are made on the live ones: they follow. */
export function tablesSql(tables: readonly RandomTable[], schema: string, withTriggers: boolean): string {
  const parent = `CREATE TABLE ${schema}.parent (id int PRIMARY KEY, n text);`;
  return (
    parent +
    tables
      .map((table) => {
        const name = `${schema}.${identifier(table.name)}`;
        const key = table.kind.key.map(identifier).join(', ');
        const parts = [
          table.kind.columns,
          ...['n text', 'grp int', 'u int'],
          ...table.columns.map((one) => `${identifier(one.name)} ${one.type.type}`),
          ...(table.generated ? ["g text GENERATED ALWAYS AS (n || '.') STORED"] : []),
          ...(key ? [`PRIMARY KEY (${key})`] : []),
          ...(table.unique ? ['UNIQUE (u) DEFERRABLE'] : []),
          ...(table.child ? [`p int REFERENCES ${schema}.parent ON UPDATE CASCADE DEFERRABLE`] : []),
        ];
        const triggers = table.triggers.map(
          (kind) =>
            `CREATE ${kind === 'later' ? 'CONSTRAINT ' : ''}TRIGGER ${kind} ${triggerSql[kind]?.replace('#', name)};`,
        );
        return `CREATE TABLE ${name} (${parts.join(', ')}); ${withTriggers ? triggers.join(' ') : ''}`;
      })
      .join('\n')
  );
}

const settings = [
  '',
  "SET LOCAL intervalstyle = sql_standard; SET LOCAL datestyle = 'SQL, DMY';",
  "SET LOCAL extra_float_digits = 0; SET LOCAL bytea_output = 'escape'; SET LOCAL timezone = 'Asia/Manila';",
  "SET LOCAL intervalstyle = iso_8601; SET LOCAL datestyle = 'German'; SET LOCAL xmlbinary = 'hex';",
];

/** Rows that a table begins with, of the numbers given. */
export function fillSql(chance: Chance, table: RandomTable, schema: string, numbers: readonly number[]): string {
  return numbers.map((n) => `${insertSql(chance, table, schema, n, n)};`).join('\n');
}

function insertSql(chance: Chance, table: RandomTable, schema: string, n: number, u: number): string {
  const keyless = table.kind.key.length === 0;
  const names = keyless ? ['id'] : table.kind.key;
  const columns = [...names, 'n', 'grp', 'u', ...table.columns.map((one) => one.name), ...(table.child ? ['p'] : [])];
  const values = [
    ...(table.kind.values(n) ?? []),
    ...[literal(chance.pick(['a', 'b', 'k'])), `${keyless ? 1 : n % 3}`, table.unique ? `${u}` : '1'],
    ...table.columns.map((one) => (keyless ? (one.type.values[0] ?? 'NULL') : chance.pick(one.type.values))),
    ...(table.child ? [chance.pick(['1', '2', 'NULL'])] : []),
  ];
  return `INSERT INTO ${schema}.${identifier(table.name)} (${columns.map(identifier).join(', ')}) OVERRIDING SYSTEM VALUE VALUES (${values.join(', ')})`;
}

/** A transaction of the application, as one text. */
export function writeSql(chance: Chance, tables: readonly RandomTable[], sameRows: boolean): string {
  const one = (): string => {
    if (chance.yes(0.1)) return chance.pick(parentWrites)(chance);
    const table = chance.pick(tables);
    const name = `live.${identifier(table.name)}`;
    const number = 1 + chance.below(16);
    const keys = table.kind.key.map(identifier);
    const at = (n: number) => {
      if (keys.length === 0) return `id = ${n % 5}`;
      return `(${keys.join(', ')}) = (${table.kind.values(n)?.join(', ')})`;
    };
    const column = chance.pick(table.columns);
    const set = `${identifier(column.name)} = ${chance.pick(column.type.values)}`;
    const kinds = [
      () => insertSql(chance, table, 'live', number + 20, number + 20 + chance.below(3)),
      () => insertSql(chance, table, 'live', number, number),
      () => Array.from({ length: 2 }, () => insertSql(chance, table, 'live', number + 40, number + 40)).join('; '),
      () => `UPDATE ${name} SET ${set} WHERE ${at(number)}`,
      () => `UPDATE ${name} SET n = 'w', ${set} WHERE grp = ${chance.below(3)}`,
      () => `UPDATE ${name} SET n = 'all'`,
      () => `DELETE FROM ${name} WHERE ${at(number)}`,
      () => `DELETE FROM ${name} WHERE grp = ${chance.below(3)}`,
      () => `DELETE FROM ${name} WHERE ${at(number)}; ${insertSql(chance, table, 'live', number, number + 60)}`,
      () => `SET CONSTRAINTS ALL DEFERRED; UPDATE ${name} SET u = -u; UPDATE ${name} SET u = u + 1`,
      // Of a row that gets another key, columns that were not written keep the backup's values: compared where these are the same.
      () => (sameRows ? keyChangeSql(table, name, at(number), number) : `UPDATE ${name} SET n = 'k'`),
      () =>
        `SAVEPOINT s; DELETE FROM ${name}; ROLLBACK TO s; UPDATE ${name} SET n = 's' WHERE ${at(number)}; RELEASE s`,
      () =>
        `INSERT INTO ${name} SELECT * FROM ${name} WHERE false; TRUNCATE ${name}; ${insertSql(chance, table, 'live', 1, 1)}`,
    ];
    return chance.pick(chance.yes(0.9) ? kinds.slice(0, -1) : kinds)();
  };
  const body = Array.from({ length: 1 + chance.below(3) }, one).join('; ');
  return `BEGIN; ${chance.pick(settings)} ${body}; COMMIT`;
}

function keyChangeSql(table: RandomTable, name: string, where: string, number: number): string {
  if (table.kind.name === 'identity') return `UPDATE ${name} SET id = DEFAULT WHERE ${where}`;
  if (table.kind.name === 'folded') return `UPDATE ${name} SET id = lower(id) WHERE ${where}`;
  const values = table.kind.values(number + 80) ?? [];
  const names = table.kind.key.length > 0 ? table.kind.key : ['id'];
  return `UPDATE ${name} SET ${names.map((key, at) => `${identifier(key)} = ${values[at]}`).join(', ')} WHERE ${where}`;
}

const parentWrites: readonly ((chance: Chance) => string)[] = [
  (chance) => `UPDATE live.parent SET id = id + 100 WHERE id = ${1 + chance.below(3)}`,
  (chance) => `INSERT INTO live.parent VALUES (${chance.below(5)}, 'p') ON CONFLICT (id) DO UPDATE SET n = 'again'`,
  (chance) => `DELETE FROM live.parent WHERE id = ${3 + chance.below(100)}`,
];
