import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { queryPrepared, transaction } from '../../../db/sql.ts';
import { emailKey } from '../../email.ts';
import { type DroverError, describeError, toDroverError } from '../../errors.ts';
import { identifier, qualified } from '../../plan/sql.ts';
import { addUsersSql, fillSql, indexStatement, keyStatements, linkNames, tableOf } from './statements.ts';
import {
  claimLink,
  findLink,
  hasConstraint,
  isIndexInvalid,
  type LinkRow,
  releaseLink,
  saveProgress,
} from './store.sql.ts';
import { findHold } from './throttle.sql.ts';

export interface LinkWorkDeps {
  readonly pool: pg.Pool;
  /** For CREATE INDEX CONCURRENTLY and VALIDATE, which take as long as they need: a connection of their own. */
  readonly url: string;
  readonly signal: AbortSignal;
}

/** How long a batch is to take: short enough that a writer that waits for one of its rows does not notice. */
const targetBatchMs = 200;
const batchLimits = { min: 50, max: 20_000, growth: 1.5 } as const;
const holdPauseMs = 1_000;
const lockTimeoutMs = 500;

/** Works on the link of a schema as far as it gets; false when there is nothing to do or another process does it. */
export async function workOnLink(deps: LinkWorkDeps, schema: string): Promise<boolean> {
  const found = await findLink(deps.pool, schema);
  if (found === undefined || found.state === 'done' || found.state === 'paused') return false;
  const token = await claimLink(deps.pool, schema);
  if (token === undefined) return false;
  try {
    for (;;) {
      const row = await findLink(deps.pool, schema);
      if (row === undefined || deps.signal.aborted || !(await step(deps, schema, token, row))) return true;
    }
  } catch (thrown) {
    await noteError(deps, schema, token, toDroverError(thrown));
    return false;
  } finally {
    await releaseLink(deps.pool, schema, token).catch(() => undefined);
  }
}

/** False when the link is at its end, or is not ours any more. */
async function step(deps: LinkWorkDeps, schema: string, token: string, row: LinkRow): Promise<boolean> {
  switch (row.state) {
    case 'filling':
      return fillBatch(deps, schema, token, row);
    case 'indexing':
      await buildIndex(deps, schema, token, row);
      return saveProgress(deps.pool, schema, token, 'indexing', { state: 'validating' });
    case 'validating':
      await validateKey(deps, schema, token, row);
      await saveProgress(deps.pool, schema, token, 'validating', { state: 'done' });
      return false;
    case 'done':
    case 'paused':
      return false;
  }
}

interface BatchResult extends Record<string, unknown> {
  readonly last: string | null;
  readonly passed: number;
  readonly linked: number;
  readonly unknown: string[] | null;
}

async function fillBatch(deps: LinkWorkDeps, schema: string, token: string, row: LinkRow): Promise<boolean> {
  const { bookings, after, up_to: upTo, batch_size: size } = row;
  if (upTo === null) return saveProgress(deps.pool, schema, token, 'filling', { state: 'indexing' });
  const hold = await findHold(deps.pool, tableOf(bookings));
  if (hold !== null) {
    const isOurs = await saveProgress(deps.pool, schema, token, 'filling', { hold });
    await sleep(holdPauseMs, undefined, { signal: deps.signal }).catch(() => undefined);
    return isOurs;
  }
  const began = performance.now();
  return transaction(deps.pool, async (client) => {
    await client.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL jit = off`);
    const text = fillSql(schema, bookings);
    const [batch] = await queryPrepared<BatchResult>(client, undefined, text, [after, upTo, size]);
    const unknown = batch?.unknown ?? [];
    if (unknown.length > 0 && batch?.last) {
      await addSpellings(client, schema, unknown);
      await queryPrepared(client, undefined, addUsersSql(schema, bookings), [after, batch.last, unknown]);
      await queryPrepared(client, undefined, text, [after, batch.last, size]);
    }
    const passed = batch?.passed ?? 0;
    const isLast = passed < size;
    const next = nextBatchSize(size, performance.now() - began);
    return saveProgress(client, schema, token, 'filling', {
      ...{ after: batch?.last ?? after, passed },
      ...(isLast ? { state: 'indexing' as const } : { batchSize: next }),
    });
  });
}

/** Towards the size that takes the target's time, at most half as much again, and at once down to it. */
export function nextBatchSize(size: number, tookMs: number): number {
  const ideal = (size * targetBatchMs) / Math.max(tookMs, 1);
  return Math.round(Math.max(batchLimits.min, Math.min(batchLimits.max, ideal, size * batchLimits.growth)));
}

/**
 * Domains in letters: their users have the ASCII form. The spelling is kept, so that the trigger finds it from then on.
 */
async function addSpellings(client: pg.PoolClient, schema: string, keys: readonly string[]): Promise<void> {
  const spellings = keys.flatMap((key) => {
    const ascii = emailKey(key);
    return ascii === null || ascii === key ? [] : [{ spelling: key, ascii }];
  });
  if (spellings.length === 0) return;
  const emails = qualified(schema, 'user_emails');
  const text = `INSERT INTO ${emails} (email_key, user_id) SELECT x.spelling, e.user_id
    FROM json_to_recordset($1::json) AS x(spelling text, ascii text) JOIN ${emails} e ON e.email_key = x.ascii
    ORDER BY 1 ON CONFLICT DO NOTHING`;
  await queryPrepared(client, undefined, text, [JSON.stringify(spellings)]);
}

/** Runs statements that take long on a connection of their own, and keeps the lease meanwhile. */
async function withLongConnection<T>(
  deps: LinkWorkDeps,
  renew: () => Promise<boolean>,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: deps.url, application_name: 'drover link' });
  client.on('error', () => undefined);
  await client.connect();
  // The end of the connection ends its statement: a paused or removed link, or one that another process has.
  const timer = setInterval(() => void renew().then((isOurs) => (isOurs ? undefined : client.end())), 5_000);
  const abort = (): void => void client.end();
  deps.signal.addEventListener('abort', abort);
  try {
    return await work(client);
  } finally {
    clearInterval(timer);
    deps.signal.removeEventListener('abort', abort);
    await client.end().catch(() => undefined);
  }
}

async function buildIndex(deps: LinkWorkDeps, schema: string, token: string, { bookings }: LinkRow): Promise<void> {
  const index = linkNames.index(bookings.name);
  const renew = () => saveProgress(deps.pool, schema, token, 'indexing', {});
  await withLongConnection(deps, renew, async (client) => {
    if (await isIndexInvalid(client, bookings, index))
      await queryPrepared(client, undefined, `DROP INDEX CONCURRENTLY ${qualified(bookings.schema, index)}`, []);
    await queryPrepared(client, undefined, indexStatement(bookings), []);
    await queryPrepared(client, undefined, `ANALYZE ${tableOf(bookings)} (${identifier(linkNames.column)})`, []);
  });
}

async function validateKey(deps: LinkWorkDeps, schema: string, token: string, { bookings }: LinkRow): Promise<void> {
  const renew = () => saveProgress(deps.pool, schema, token, 'validating', {});
  const [add, validate] = keyStatements(schema, bookings);
  await withLongConnection(deps, renew, async (client) => {
    if (!(await hasConstraint(client, bookings, linkNames.constraint))) {
      // Waits for no writer longer than this, because the writers behind it would wait too; the step is tried again.
      await queryPrepared(client, undefined, `SET lock_timeout = ${lockTimeoutMs}`, []);
      await queryPrepared(client, undefined, add, []);
    }
    await queryPrepared(client, undefined, 'SET lock_timeout = 0', []);
    await queryPrepared(client, undefined, validate, []);
  });
}

async function noteError(deps: LinkWorkDeps, schema: string, token: string, error: DroverError): Promise<void> {
  const row = await findLink(deps.pool, schema).catch(() => undefined);
  if (row === undefined || row.state === 'done' || row.state === 'paused') return;
  await saveProgress(deps.pool, schema, token, row.state, { lastError: describeError(error) }).catch(() => undefined);
}
