import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Database, openDatabase } from '../../db/client.ts';
import { migrateDatabase } from '../../db/migrate.ts';
import { runEntities, runs } from '../../db/schema/runs.ts';
import { createSqlPort } from '../../db/sql.ts';
import type { Stage } from '../../src/contract/record-status.ts';
import { createLedger } from '../../src/engine/ledger/ledger.ts';
import { decideMerges } from '../../src/engine/ledger/merge.ts';
import type { Ledger, RecordRef, Run } from '../../src/engine/ledger/types.ts';
import { createRunContexts } from '../../src/engine/runs/context.ts';
import { createRunStore } from '../../src/engine/runs/store.ts';
import { openLoad } from '../../src/engine/scheduler/store.ts';
import { createLoadStage } from '../../src/engine/stages/load.ts';
import { createReconcileStage } from '../../src/engine/stages/reconcile.ts';
import { createTransformStage } from '../../src/engine/stages/transform.ts';
import type { Plan, TransformOutcome } from '../../src/plan/contract.ts';
import { definePlan, entityOrder } from '../../src/plan/define-plan.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import type { TargetPort } from '../../src/plan/target.ts';
import { createPostgresTarget } from '../../src/targets/postgres/index.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { noApis } from './no-apis.ts';

const template = { name: 'control', migrate: migrateDatabase };

/** Customers, merged by e-mail, and what they paid. `raw.row` is the row, so that a test defines exactly what is loaded. */
export const shop = definePlan({
  name: 'shop',
  version: '1',
  title: 'Shop',
  description: 'A plan for tests',
  settings: z.object({}),
  params: z.object({}),
  upstreams: [],
  entities: {
    customers: {
      title: 'Customers',
      dependsOn: [],
      source: () => ({ read: async () => ({ records: [], cursor: null }) }),
      schema: z.looseObject({}),
      transform: (raw) => asRow(raw, { ...(raw.email ? { mergeKey: String(raw.email) } : {}) }),
      target: {
        kind: 'postgres',
        table: 'customers',
        columns: {
          email: { type: 'text', unique: true },
          name: { type: 'text', nullable: true },
          tags: { type: 'text[]', nullable: true },
          data: { type: 'jsonb', nullable: true },
          secret: { type: 'text', nullable: true, insertOnly: true },
        },
        naturalKey: ['email'],
      },
      merge: { duplicateAction: 'skip', code: 'MERGED', rule: 'the lowest id survives' },
    },
    payments: {
      title: 'Payments',
      dependsOn: ['customers'],
      source: () => ({ read: async () => ({ records: [], cursor: null }) }),
      schema: z.looseObject({}),
      transform: (raw) => {
        const { minor, currency, status, customer } = raw;
        return asRow(raw, {
          ...(minor ? { money: { minor: String(minor), currency: String(currency), status: String(status) } } : {}),
          ...(customer ? { references: { customer_id: { entity: 'customers', sourceId: String(customer) } } } : {}),
        });
      },
      target: {
        kind: 'postgres',
        table: 'payments',
        columns: {
          customer_id: { type: 'uuid', nullable: true, references: 'customers' },
          amount: { type: 'numeric(19,4)' },
          currency: { type: 'text' },
          status: { type: 'text' },
          paid_at: { type: 'timestamptz', nullable: true },
        },
      },
      money: { amount: 'amount', currency: 'currency', status: 'status' },
    },
  },
  rules: [
    {
      name: 'amount-positive',
      entity: 'payments',
      severity: 'error',
      description: 'More than 0',
      violates: 't.amount <= 0 -- or nothing',
    },
    {
      name: 'has-paid',
      entity: 'customers',
      severity: 'warning',
      description: 'Customers have paid',
      violates: 'not exists (select 1 from {schema}.payments p where p.customer_id = t.id)',
    },
  ],
  mappingFiles: [{ name: 'customer_id_mapping.json', entity: 'customers' }],
  codes: { BAD: 'Mend it.' },
} satisfies Plan);

function asRow(raw: JsonObject, rest: object): TransformOutcome {
  if (raw.reject) return { kind: 'reject', code: 'BAD', message: String(raw.reject), field: 'field', ...rest };
  return { kind: 'row', row: raw.row as JsonObject, ...rest };
}

export interface Harness {
  readonly database: Database;
  readonly target: Database;
  readonly ledger: Ledger;
  readonly rows: TargetPort;
  /** Moves records of every entity through the real stages. */
  load(records: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>, run?: Partial<Run>): Promise<Run>;
  /** Answers a query on the target. */
  sql<T = Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>;
  close(): Promise<void>;
}

/** Control and target in databases of their own, unless `together`, or both in one that is open already. */
export async function createHarness(
  options: { plan?: Plan; together?: boolean; over?: Database } = {},
): Promise<Harness> {
  const plan = options.plan ?? shop;
  const databases: TestDatabase[] = [];
  if (!options.over) databases.push(await createDatabase({ template }));
  if (!options.over && !options.together) databases.push(await createDatabase({ template }));
  const opened = databases.map(({ url }) => openDatabase({ url, max: 5, applicationName: 'test', onError: () => {} }));
  const [database, target = database] = (options.over ? [options.over] : opened) as [Database, Database?];
  const ledger = createLedger(database.$client, target.$client);
  const rows = createPostgresTarget(createSqlPort(target.$client));
  await rows.prepare(plan, entityOrder(plan), 'shop');
  return {
    database,
    target,
    ledger,
    rows,
    load: (records, run) => load({ database, target, ledger, rows, plan }, records, run),
    sql: async <T>(text: string, values: unknown[] = []) => (await target.$client.query(text, values)).rows as T[],
    close: async () => {
      for (const one of opened) await one.$client.end();
      for (const one of databases) await one.drop();
    },
  };
}

interface LoadDeps {
  readonly database: Database;
  readonly target: Database;
  readonly ledger: Ledger;
  readonly rows: TargetPort;
  readonly plan: Plan;
}

let stamps = 0;

async function load(
  parts: LoadDeps,
  records: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>,
  given: Partial<Run> = {},
): Promise<Run> {
  const { database, plan, ledger } = parts;
  const id = `r${randomBytes(6).toString('hex')}`;
  stamps += 1;
  const row = {
    id, plan: plan.name, version: plan.version, strategy: 'full', dryRun: false, status: 'running', reason: null,
    targetSchema: 'shop', batchSize: 50, maxFailurePercent: 100, skipExisting: false, exportOnly: false, scope: {}, params: {},
    stamp: `20250101_${String(stamps).padStart(6, '0')}`, createdBy: 'test', startedAt: new Date(), ...given,
  }; // biome-ignore format: a row of values
  await database.insert(runs).values(row as typeof runs.$inferInsert);
  for (const [position, entity] of entityOrder(plan)
    .filter((name) => name in records)
    .entries()) {
    await database.insert(runEntities).values({ runId: id, entity, position, status: 'reading' });
    const page = Object.entries(records[entity] ?? {}).map(([sourceId, raw]) => ({ sourceId, raw, fingerprint: '' }));
    for (let at = 0; at < page.length; at += 5_000) {
      const some = page.slice(at, at + 5_000);
      await ledger.storePage(id, entity, 0, {
        records: some,
        repeated: 0,
        cursor: null,
        watermark: null,
        immutable: false,
      });
    }
    await runStages(parts, id, entity, page.length);
  }
  const store = createRunStore(database);
  await store.move(id, 'completed', null);
  return (await store.find(id)) as Run;
}

async function runStages({ database, ledger, rows, plan }: LoadDeps, id: string, entity: string, total: number) {
  const store = createRunStore(database);
  // Created again for each stage, so that it reads the changes of the previous one; reading them for each record takes minutes.
  const deps = () => ({
    ledger,
    contexts: createRunContexts({ store, plan: () => plan, maxAgeMs: 60_000 }),
    dispatcher: {
      dispatch: async () => {},
      dispatchExtractions: async () => {},
      freeSlots: () => 0,
      fillRatio: () => 0,
    },
    stopRun: async (_id: string, error: Error) => {
      throw error;
    },
    worker: 'test',
    maxAttempts: 3,
    target: rows,
    enrich: { hashPassword: async (plain: string) => plain, reserve: () => undefined, release: () => {} },
    ...noApis(database),
  });
  const refs = async (stage: Stage): Promise<RecordRef[]> => {
    const text = `SELECT id::text AS id, epoch FROM drover.records WHERE run_id = $1 AND entity = $2 AND stage = $3 AND status = 'pending' ORDER BY id`;
    return (await database.$client.query(text, [id, entity, stage])).rows as RecordRef[];
  };
  const each = async (stage: Stage, work: (refs: readonly RecordRef[]) => Promise<readonly unknown[]>) => {
    const all = await refs(stage);
    for (let at = 0; at < all.length; at += 500) await Promise.all(await work(all.slice(at, at + 500)));
  };
  await each('transform', createTransformStage(deps()));
  const merge = plan.entities[entity]?.merge;
  if (merge) await decideMerges(database.$client, id, entity, merge);
  await openLoad(database, id, entity, []);
  await each('load', createLoadStage(deps()));
  await each('reconcile', createReconcileStage(deps()));
  await store.setSourceTotal(id, entity, total);
  await store.finishExtraction(id, entity, 0, null);
}

/** A hash of everything in a table, and of every identity and change, so that equal hashes mean no change. */
export async function checksum(harness: Harness, tables: readonly string[]): Promise<readonly string[]> {
  const sums: string[] = [];
  for (const table of tables) {
    const text = `SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) AS sum, count(*)::int AS n FROM ${table} t`;
    const [row] = await harness.sql<{ sum: string; n: number }>(text);
    sums.push(`${table} ${row?.n} ${row?.sum}`);
  }
  return sums;
}
