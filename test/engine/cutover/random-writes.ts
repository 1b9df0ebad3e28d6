import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Conflict } from '../../../src/contract/cutover.ts';
import { cutover, listCutovers, resume, rollbackCutover } from '../../../src/engine/cutover/cutover.ts';
import { valueSettings } from '../../../src/engine/cutover/names.ts';
import { createCutoverDatabase } from '../../../src/engine/cutover/store.ts';
import type { CutoverDeps } from '../../../src/engine/cutover/types.ts';
import { identifier, literal } from '../../../src/plan/sql.ts';
import {
  type Chance,
  chanceOf,
  fillSql,
  functionsSql,
  makeTables,
  type RandomTable,
  tablesSql,
  typesSql,
  writeSql,
} from './random-set.ts';

export interface RandomWrites {
  /** Transactions that were acknowledged. */
  readonly writes: number;
  readonly kills: number;
  /** Writes that are neither in the restored tables nor named with their table and key, and what else went wrong. */
  readonly problems: readonly string[];
}

const request = { dryRun: false, reason: 'random writes', actor: 'test' };
const gate = { check: async () => ({ ok: true, reasons: [] }) };

/**
 * A random set of tables goes live, is written to and comes back, once. `url` is a database with the control tables; the
 * schemas are named by the seed.
 */
export async function holdRandomWrites(url: string, seed: number): Promise<RandomWrites> {
  const chance = chanceOf(seed);
  const run = await openRun(url, seed);
  try {
    const tables = makeTables(chance);
    const all: RandomTable[] = [...tables, parentTable];
    const sameRows = chance.yes(0.5);
    await createTables(run, chance, tables, sameRows);
    const deps: CutoverDeps = { database: createCutoverDatabase(run.pool), gate, options: { attempts: 40 } };
    const spec = {
      name: `random${seed}`,
      maxShrinkPercent: 100,
      tables: all.map(({ name }) => ({
        ...{ incoming: { schema: run.staging, name }, live: { schema: run.live, name }, minimum: 0 },
      })),
    };
    const { stamp, unplanned } = await cutover(deps, spec, request);
    const backup = (await deps.database.find(stamp))?.tables[0]?.displaced.schema ?? '';
    const before = await readTables(run, all, run.live);
    const held = await readTables(run, all, backup);
    const problems: string[] = unplanned.map((one) => `unplanned: ${one}`);
    let writes = 0;
    for (let at = 0; at < 16; at += 1) writes += await write(run, writeSql(chance, tables, sameRows), problems);
    const back = await goBack(run, deps, stamp, chance, tables);
    const aside = (await deps.database.find(back.stamp))?.tables[0]?.displaced.schema ?? '';
    const last = await readTables(run, all, aside);
    const restored = await readTables(run, all, run.live);
    for (const table of all)
      problems.push(...compare(table, { before, held, last, restored }, back.conflicts, run.live, sameRows));
    for (const { table, id } of back.afterwards)
      if (!restored.get(table)?.some((row) => row.values.id === id))
        problems.push(`${table} ${id}: written after, and gone`);
    return { writes: writes + back.writes, kills: back.kills, problems };
  } finally {
    await run.close();
  }
}

interface Run {
  readonly pool: pg.Pool;
  readonly clients: pg.Pool;
  readonly url: string;
  readonly live: string;
  readonly staging: string;
  named(sql: string): string;
  close(): Promise<void>;
}

async function openRun(url: string, seed: number): Promise<Run> {
  const open = (settings: Partial<pg.PoolConfig>) => {
    const pool = new pg.Pool({ connectionString: url, max: 5, ...settings });
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
    return pool;
  };
  const [live, staging] = [`live${seed}`, `st${seed}`];
  const options = ['search_path = public', ...valueSettings].map(
    (one) => `-c ${one.replace(/ = /, '=').replace(/'/g, '').replaceAll(' ', '\\ ')}`,
  );
  const [pool, clients] = [open({}), open({ options: options.join(' ') })];
  return {
    ...{ pool, clients, url, live, staging },
    named: (sql) => sql.replace(/\b(live|st)\./g, `$1${seed}.`),
    async close() {
      await pool.query(`DROP SCHEMA IF EXISTS ${live}, ${staging} CASCADE`).catch(() => undefined);
      await pool.end();
      await clients.end();
    },
  };
}

const parentTable: RandomTable = {
  ...{ name: 'parent', columns: [], triggers: [], generated: false, unique: false, child: false },
  kind: { name: 'int', columns: '', key: ['id'], values: (n) => [`${n}`] },
};

async function createTables(run: Run, chance: Chance, tables: readonly RandomTable[], sameRows: boolean) {
  const numbers = (from: number) => Array.from({ length: 10 }, (_, at) => from + at);
  const shift = sameRows ? 0 : 3;
  const parents = (schema: string) => `INSERT INTO ${schema}.parent SELECT g, 'p' FROM generate_series(0, 4) g;`;
  const rows = (schema: string, from: number, fixed: Chance) =>
    parents(schema) + tables.map((table) => fillSql(fixed, table, schema, numbers(from))).join('\n');
  const same = chance.below(1_000_000);
  await run.clients.query(
    run.named(`CREATE SCHEMA ${run.live}; CREATE SCHEMA ${run.staging}; ${typesSql} ${functionsSql}
    ${tablesSql(tables, 'live', false)} ${rows('live', 1, chanceOf(same))}
    ${tablesSql(tables, 'st', false)} ${rows('st', 1 + shift, chanceOf(shift === 0 ? same : same + 1))}`),
  );
  const triggers = tablesSql(tables, 'live', true).match(/CREATE (?:CONSTRAINT )?TRIGGER [^;]*;/g) ?? [];
  await run.clients.query(run.named(triggers.join('\n')));
}

/** 1 where it was acknowledged. An application's own mistakes are refused; the recording refuses nothing. */
async function write(run: Run, sql: string, problems: string[]): Promise<number> {
  const client = await run.clients.connect();
  try {
    await client.query(run.named(sql));
    return 1;
  } catch (error) {
    const { where = '', message } = error as { where?: string; message: string };
    if (where.includes('drover.capture')) problems.push(`the recording refused a write: ${message} (${sql})`);
    return 0;
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
    client.release();
  }
}

interface WentBack {
  readonly stamp: string;
  readonly conflicts: readonly Conflict[];
  readonly writes: number;
  readonly kills: number;
  /** Rows written to the restored tables when these were live again. */
  readonly afterwards: readonly { readonly table: string; readonly id: string }[];
}

/** The way back, while an application writes, and with the engine's process lost in the middle of it by chance. */
async function goBack(
  run: Run,
  deps: CutoverDeps,
  stamp: string,
  chance: Chance,
  tables: readonly RandomTable[],
): Promise<WentBack> {
  const afterwards: { table: string; id: string }[] = [];
  let writes = 0;
  const target = tables.find(({ kind }) => kind.name === 'int' || kind.name === 'none');
  let writing = target !== undefined && chance.yes(0.5);
  const name = target ? `${run.live}.${identifier(target.name)}` : '';
  const [{ oid } = { oid: '' }] = target
    ? (await run.clients.query(`SELECT '${name}'::regclass::oid::text AS oid`)).rows
    : [];
  const writer = (async () => {
    for (let at = 0; writing; at += 1) {
      const text = `INSERT INTO ${name} (id, n, grp) VALUES (${1000 + at}, 'during', ${1000 + at}) RETURNING tableoid::text AS oid`;
      const { rows } = await run.clients.query(text);
      writes += 1;
      if (rows[0]?.oid !== oid) {
        afterwards.push({ table: target?.name ?? '', id: `${1000 + at}` });
        break;
      }
      await sleep(3);
    }
  })();
  try {
    const kills = chance.yes(0.5) ? 1 + chance.below(2) : 0;
    const back = await backWithKills(run, deps, stamp, chance, kills);
    return { ...back, writes, kills, afterwards };
  } finally {
    writing = false;
    await writer;
  }
}

async function backWithKills(run: Run, deps: CutoverDeps, stamp: string, chance: Chance, kills: number) {
  for (let killed = 0; killed < kills; killed += 1) {
    const own = new pg.Pool({ connectionString: run.url, max: 5, application_name: `doomed ${run.live}` });
    own.on('error', () => undefined);
    own.on('connect', (client) => client.on('error', () => undefined));
    const doomed: CutoverDeps = { ...deps, database: createCutoverDatabase(own) };
    const waiting = (await listCutovers(deps)).find((one) => one.ofStamp === stamp && one.nextActions.includes('go'));
    const working = (waiting ? resume(doomed, waiting.stamp) : rollbackCutover(doomed, stamp, request)).catch(
      () => undefined,
    );
    await sleep(chance.below(250));
    await run.clients.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'doomed ${run.live}'`,
    );
    await working;
    await own.end().catch(() => undefined);
  }
  const mine = (await listCutovers(deps)).filter((one) => one.ofStamp === stamp);
  const waiting = mine.find((one) => one.nextActions.includes('go'));
  const done = mine.find((one) => one.status === 'done');
  if (waiting) return { stamp: waiting.stamp, conflicts: (await resume(deps, waiting.stamp)).conflicts };
  if (done) return { stamp: done.stamp, conflicts: await deps.database.conflicts(done.stamp, 0, 10_000) };
  const back = await rollbackCutover(deps, stamp, request);
  return { stamp: back.stamp, conflicts: back.conflicts };
}

interface Row {
  /** What is one key: text of a canonical form; of a table without one, the whole row. */
  readonly key: string;
  /** The key as lines write it. */
  readonly named: string;
  readonly values: Readonly<Record<string, string | null>>;
}
type Contents = ReadonlyMap<string, readonly Row[]>;

async function readTables(run: Run, tables: readonly RandomTable[], schema: string): Promise<Contents> {
  const contents = new Map<string, Row[]>();
  for (const table of tables) {
    const { rows } = await run.clients.query<Record<string, string | null>>(
      `SELECT ${await columnsText(run, schema, table)}, ${table.kind.canonical ?? 'NULL'} AS canonical FROM ${schema}.${identifier(table.name)} x`,
    );
    contents.set(
      table.name,
      rows.map(({ canonical, ...values }) => {
        const named = table.kind.key.map((key) => values[key] ?? 'null').join(', ');
        const whole = JSON.stringify(Object.entries(values).sort());
        return { key: table.kind.key.length > 0 ? (canonical ?? named) : whole, named, values };
      }),
    );
  }
  return contents;
}

async function columnsText(run: Run, schema: string, table: RandomTable): Promise<string> {
  const { rows } = await run.clients.query<{ list: string }>(
    `SELECT string_agg(format('x.%1$I::text AS %1$I', attname), ', ') AS list FROM pg_attribute
     WHERE attrelid = ${literal(`${schema}.${identifier(table.name)}`)}::regclass AND attnum > 0 AND NOT attisdropped`,
  );
  return rows[0]?.list ?? '';
}

interface Sides {
  /** The tables that went live: when they did, and at last. */
  readonly before: Contents;
  readonly last: Contents;
  /** The tables that come back: when they were put aside, and restored. */
  readonly held: Contents;
  readonly restored: Contents;
}

function compare(
  table: RandomTable,
  sides: Sides,
  lines: readonly Conflict[],
  live: string,
  sameRows: boolean,
): string[] {
  const own = lines.filter((line) => line.table === `${live}.${table.name}` && line.detail.includes('not carried'));
  const rows = (side: keyof Sides) => sides[side].get(table.name) ?? [];
  return table.kind.key.length > 0
    ? compareKeyed(table.name, rows, own)
    : compareCounts(table.name, rows, own, sameRows);
}

function compareKeyed(name: string, rows: (side: keyof Sides) => readonly Row[], lines: readonly Conflict[]): string[] {
  const byKey = (side: keyof Sides) => new Map(rows(side).map((row) => [row.key, row]));
  const [before, last, restored] = [byKey('before'), byKey('last'), byKey('restored')];
  const problems: string[] = [];
  for (const key of new Set([...before.keys(), ...last.keys()])) {
    const [was, is, now] = [before.get(key), last.get(key), restored.get(key)];
    const names = [was?.named, is?.named];
    if (lines.some((line) => names.includes(line.key))) continue;
    if (!is && now) problems.push(`${name} ${key}: was deleted, and is there: ${JSON.stringify(now.values)}`);
    for (const [column, value] of Object.entries(is?.values ?? {})) {
      if (was && was.values[column] === value) continue;
      if (!now) problems.push(`${name} ${key}: was written, and is not there: ${JSON.stringify(is?.values)}`);
      else if (now.values[column] !== value)
        problems.push(`${name} ${key}: ${column} was written as ${value}, and is ${now.values[column]}`);
      if (!now) break;
    }
  }
  return problems;
}

function compareCounts(
  name: string,
  rows: (side: keyof Sides) => readonly Row[],
  lines: readonly Conflict[],
  sameRows: boolean,
): string[] {
  if (lines.length > 0) return [];
  const count = (side: keyof Sides, key: string) => rows(side).filter((row) => row.key === key).length;
  const problems: string[] = [];
  for (const key of new Set([...rows('before'), ...rows('last')].map((row) => row.key))) {
    const more = count('last', key) - count('before', key);
    const wanted = Math.max(0, count('held', key) + more);
    const found = count('restored', key);
    // Where the backup held other rows, a row that was changed may be inserted, and one that was deleted may not be there.
    const wrong = sameRows ? found !== wanted : more > 0 && found < wanted;
    if (wrong) problems.push(`${name}: ${found} rows instead of ${wanted} of ${key}`);
  }
  return problems;
}
