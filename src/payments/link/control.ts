import type pg from 'pg';
import type { Database } from '../../../db/client.ts';
import { queryPrepared, transaction } from '../../../db/sql.ts';
import { createAuditLog } from '../../../db/stores/audit.ts';
import type { LinkPlan, LinkView } from '../../contract/bookings.ts';
import type { Actor } from '../../contract/runs.ts';
import { emailSpellings } from '../../email.ts';
import { runsBySchema } from '../../engine/webhooks/store.ts';
import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import { identifier, qualified } from '../../plan/sql.ts';
import {
  functionsSql,
  indexStatement,
  keyStatements,
  linkNames,
  linkTableSql,
  tableOf,
  tableStatements,
  undoStatements,
} from './statements.ts';
import { type BookingsNames, describeBookings, findLink, ownersTriggers, setPaused, viewLink } from './store.sql.ts';
import type { BookingsTable } from './types.ts';

export interface LinkRequest {
  /** Default: the schema of the newest run of plan `bookings`. */
  readonly targetSchema?: string | undefined;
  /** The owner's triggers that may fire, by name; see `LinkPlan.triggers`. */
  readonly acceptTriggers?: readonly string[] | undefined;
  readonly reason: string;
}

/** Every method throws DroverError with NOT_FOUND, NOT_ALLOWED_NOW or CONFIGURATION where it applies. */
export interface LinkControl {
  plan(request: Omit<LinkRequest, 'reason'>): Promise<LinkPlan>;
  /** Makes trigger and column, and lets the workers fill. */
  start(request: LinkRequest, actor: Actor): Promise<LinkView>;
  view(targetSchema?: string): Promise<LinkView>;
  pause(request: Omit<LinkRequest, 'acceptTriggers'>, actor: Actor): Promise<LinkView>;
  resume(request: Omit<LinkRequest, 'acceptTriggers'>, actor: Actor): Promise<LinkView>;
  /** Takes everything back: triggers, column, index and the counts made of them. Answers the statements; a dry run does no more. */
  undo(
    request: Omit<LinkRequest, 'acceptTriggers'> & { readonly dryRun: boolean },
    actor: Actor,
  ): Promise<readonly string[]>;
}

export interface LinkDeps {
  readonly database: Database;
  readonly target: pg.Pool;
}

/** The operators' side of links. */
export function createLinkControl({ database, target }: LinkDeps): LinkControl {
  const audit = createAuditLog(database);
  const record = (actor: Actor, action: string, schema: string, reason: string, details: JsonObject = {}) =>
    audit.append({ actor: actor.id, role: actor.role, action, subject: `schema:${schema}`, reason, details });
  const place = async (targetSchema: string | undefined): Promise<Place> => findPlace(database, targetSchema);
  const view = async (targetSchema: string | undefined): Promise<LinkView> => {
    const { schema } = await place(targetSchema);
    const row = await findLink(target, schema);
    if (row === undefined) {
      throw new DroverError('NOT_FOUND', `schema ${schema} has no link`, {
        remedy: 'Start one with `drover link start`.',
      });
    }
    return viewLink(target, schema, row);
  };
  const change = async (
    { targetSchema, reason }: Omit<LinkRequest, 'acceptTriggers'>,
    actor: Actor,
    paused: boolean,
  ): Promise<LinkView> => {
    const now = await view(targetSchema);
    const action = paused ? 'pause' : 'resume';
    if (!(await setPaused(target, now.targetSchema, paused)))
      throw new DroverError('NOT_ALLOWED_NOW', `the link of ${now.targetSchema} is ${now.state}`, {
        remedy: 'See `drover link status`.',
      });
    await record(actor, `link.${action}`, now.targetSchema, reason);
    return view(now.targetSchema);
  };
  return {
    async plan({ targetSchema, acceptTriggers }) {
      const at = await place(targetSchema);
      return planLink(target, at, acceptTriggers ?? []);
    },
    async start({ targetSchema, acceptTriggers = [], reason }, actor) {
      const at = await place(targetSchema);
      const plan = await planLink(target, at, acceptTriggers);
      if (plan.problems.length > 0)
        throw new DroverError('NOT_ALLOWED_NOW', plan.problems.join('; '), {
          reasons: plan.problems,
          remedy: 'See `drover link start --dry-run`.',
        });
      const { table } = await describeBookings(target, at.names);
      await record(actor, 'link.start', at.schema, reason, {
        table: tableOf(table),
        acceptTriggers: [...acceptTriggers],
      });
      await install(target, at.schema, table);
      return view(at.schema);
    },
    view,
    pause: (request, actor) => change(request, actor, true),
    resume: (request, actor) => change(request, actor, false),
    async undo({ targetSchema, reason, dryRun }, actor) {
      const { schema } = await place(targetSchema);
      const row = await findLink(target, schema);
      if (row === undefined) throw new DroverError('NOT_FOUND', `schema ${schema} has no link`);
      const statements = undoStatements(schema, row.bookings);
      if (dryRun) return statements;
      await record(actor, 'link.undo', schema, reason);
      await withLockRetries(target, async (client) => {
        for (const statement of statements) await queryPrepared(client, undefined, statement, []);
      });
      return statements;
    },
  };
}

export interface Place {
  readonly schema: string;
  readonly names: BookingsNames;
}

/** The schema and the names of its bookings table, from the newest run of the plan into it. Throws NOT_FOUND. */
export async function findPlace(database: Database, targetSchema: string | undefined): Promise<Place> {
  const runs = await runsBySchema(database, 'bookings');
  const run = targetSchema === undefined ? runs[0] : runs.find((one) => one.targetSchema === targetSchema);
  if (run === undefined) {
    const where = targetSchema === undefined ? '' : ` into schema ${targetSchema}`;
    throw new DroverError('NOT_FOUND', `there is no run of plan bookings${where}`, {
      remedy: 'Make the users first: `drover run bookings --target-schema SCHEMA`.',
    });
  }
  const columns = (run.params.columns ?? {}) as Readonly<Record<string, string>>;
  return {
    schema: run.targetSchema,
    names: {
      table: String(run.params.table ?? 'bookings'),
      key: columns.id ?? 'id',
      contact: columns.contact ?? 'contactDetails',
      createdAt: columns.createdAt ?? 'createdAt',
    },
  };
}

async function planLink(target: pg.Pool, { schema, names }: Place, accepted: readonly string[]): Promise<LinkPlan> {
  const { table, estimatedRows, columns } = await describeBookings(target, names);
  const triggers = await ownersTriggers(target, table);
  const known = await findLink(target, schema);
  const surprising = triggers.filter(({ name }) => !accepted.includes(name)).map(({ name }) => name);
  return {
    table: `${table.schema}.${table.name}`,
    estimatedRows,
    triggers,
    statements: [
      ...tableStatements(schema, table),
      `UPDATE ${tableOf(table)} SET ${identifier(linkNames.column)} = ... in batches, where it has none`,
      indexStatement(table),
      ...keyStatements(schema, table),
    ],
    problems: [
      ...(known === undefined ? [] : [`the link of ${schema} was started already and is ${known.state}`]),
      ...(known === undefined && columns.includes(linkNames.column)
        ? [`${table.schema}.${table.name} has a column ${linkNames.column} that is not Drover’s`]
        : []),
      ...(surprising.length === 0
        ? []
        : [
            `triggers of ${table.name} would fire for every row: ${surprising.join(', ')}; accept each with --accept-trigger`,
          ]),
    ],
  };
}

/** Functions, then column and triggers in one short transaction; the frontier is read when they stand. */
async function install(target: pg.Pool, schema: string, table: BookingsTable): Promise<void> {
  await queryPrepared(target, undefined, `${linkTableSql(schema)};\n${functionsSql(schema, table)}`, []);
  await addSpellings(target, schema);
  await withLockRetries(target, async (client) => {
    for (const statement of tableStatements(schema, table)) await queryPrepared(client, undefined, statement, []);
  });
  // After the commit: every row behind this key was written with the trigger, or before it and is found by filling.
  const key = identifier(table.key);
  const text = `INSERT INTO ${qualified(schema, 'booking_link')} (bookings, state, up_to)
    VALUES ($1, 'filling', (SELECT b.${key}::text FROM ${tableOf(table)} b ORDER BY b.${key} DESC LIMIT 1)) ON CONFLICT DO NOTHING`;
  await queryPrepared(target, undefined, text, [JSON.stringify(table)]);
}

const spellingsPerPage = 5_000;

/**
 * Adds, of addresses whose domain is in ASCII for one in letters, the spelling in letters: SQL cannot convert one into the other,
 * and rows written from the first second on are linked by the trigger alone.
 */
async function addSpellings(target: pg.Pool, schema: string): Promise<void> {
  const emails = qualified(schema, 'user_emails');
  for (let after: string | undefined = ''; after !== undefined; ) {
    const found: readonly { email_key: string; user_id: string }[] = await queryPrepared(
      target,
      undefined,
      `SELECT email_key, user_id::text AS user_id FROM ${emails} WHERE email_key > $1 AND email_key ~ '@(.*\\.)?xn--' ORDER BY 1 LIMIT $2`,
      [after, spellingsPerPage],
    );
    const spelled = found.flatMap(({ email_key, user_id }) =>
      emailSpellings(email_key).map((spelling) => ({ spelling, user_id })),
    );
    const text = `INSERT INTO ${emails} (email_key, user_id) SELECT x.spelling, x.user_id
      FROM json_to_recordset($1::json) AS x(spelling text, user_id uuid) ORDER BY 1 ON CONFLICT DO NOTHING`;
    if (spelled.length > 0) await queryPrepared(target, undefined, text, [JSON.stringify(spelled)]);
    after = found.length < spellingsPerPage ? undefined : found.at(-1)?.email_key;
  }
}

const lockTimeoutMs = 500;
const lockTries = 40;

/** DDL on a table in use waits for its locks no longer than half a second, because all writers wait behind it, and tries again. */
async function withLockRetries(target: pg.Pool, work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transaction(target, async (client) => {
        await queryPrepared(client, undefined, `SET LOCAL lock_timeout = ${lockTimeoutMs}`, []);
        await work(client);
      });
    } catch (thrown) {
      const isLocked = thrown instanceof DroverError && thrown.code === 'DATABASE_CONFLICT';
      if (!isLocked || tries >= lockTries) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
