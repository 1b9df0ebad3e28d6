import type pg from 'pg';
import type { Conflict, Phase, Timing } from '../../src/engine/cutover/contract.ts';
import { quoteName } from '../../src/engine/cutover/names.ts';
import type { Carried, SwapRequest } from '../../src/engine/cutover/ports.ts';
import { carryAll, carryPage } from './carry.ts';
import { countRows } from './counts.ts';
import { heldBySql, lockLostError } from './records.ts';
import { blockAutovacuum, inTransaction, retryUntilLocked } from './session.ts';

type Swapped = Timing & { readonly counts: Awaited<ReturnType<typeof countRows>> } & Carried;

/** The one transaction. Tried again as a whole while its locks are not to be had; each try leaves nothing behind. */
export async function swap(pool: pg.Pool, request: SwapRequest, holder: number): Promise<Swapped> {
  const { answer, attempts } = await retryUntilLocked(request.options, () => trySwap(pool, request, holder));
  return { ...answer, attempts };
}

async function trySwap(pool: pg.Pool, request: SwapRequest, holder: number): Promise<Omit<Swapped, 'attempts'>> {
  const { record, options } = request;
  // Counting live rows would keep a lock on them until the end; so it is done before, and incoming ones inside.
  const live = await countRows(pool, record.tables, 'live');
  const early = record.ofStamp ? await catchUp(pool, record.ofStamp, record) : { carried: 0, conflicts: [] };
  let lockedAt = 0;
  let lockWaitMs = 0;
  const done = await inTransaction(pool, '', async (client) => {
    await blockAutovacuum(client, request.plan.locks);
    await client.query(`SET LOCAL lock_timeout = ${Math.round(options.lockTimeoutMs)}`);
    const incomingNames = record.tables.map(({ incoming }) => quoteName(incoming)).join(', ');
    await client.query(`LOCK TABLE ${incomingNames} IN ACCESS EXCLUSIVE MODE`);
    const incoming = await countRows(client, record.tables, 'incoming');
    const counts = incoming.map((count, index) => ({ ...count, live: live[index]?.live ?? 0 }));
    request.judge(counts);
    await client.query(`${phaseSql(request, 'staged')}SELECT 1`);
    const asked = performance.now();
    await client.query(`${phaseSql(request, 'lock')}SELECT 1`);
    lockedAt = performance.now();
    lockWaitMs = lockedAt - asked;
    const tail = record.ofStamp ? await carryAll(client, record.ofStamp, record.tables) : { carried: 0, conflicts: [] };
    await client.query(`${phaseSql(request, 'swap')}SELECT 1`);
    await markSwapped(client, request, holder);
    return { counts, carried: early.carried + tail.carried, conflicts: [...early.conflicts, ...tail.conflicts] };
  });
  return { ...done, lockWaitMs: roundMs(lockWaitMs), lockedMs: roundMs(performance.now() - lockedAt) };
}

// The fewer changes wait when the locks are taken, the shorter they are held.
const maxChangesBeforeLocks = 50;

async function catchUp(pool: pg.Pool, stamp: string, { tables }: SwapRequest['record']): Promise<Carried> {
  const conflicts: Conflict[] = [];
  let carried = 0;
  for (let pass = 0; pass < 10; pass += 1) {
    const page = await inTransaction(pool, '', (client) => carryPage(client, stamp, tables, 'fresh'));
    carried += page.carried;
    conflicts.push(...page.conflicts);
    if (page.carried + page.conflicts.length < maxChangesBeforeLocks) break;
  }
  return { carried, conflicts };
}

/** Many statements in one message: a round trip each would hold the locks for the length of the network. */
function phaseSql({ plan }: SwapRequest, phase: Phase): string {
  return plan.steps
    .filter((step) => step.phase === phase)
    .map((step) => `${step.sql};\n`)
    .join('');
}

/**
 * The exchange is noted in its own transaction, and only by the one who may make it: a process that lost its lock with
 * its connection has been taken for dead, and another may be at work.
 */
async function markSwapped(client: pg.PoolClient, { record }: SwapRequest, holder: number): Promise<void> {
  const noted = await client.query(
    `UPDATE drover.cutovers SET status = 'done', active = NULL, swapped_at = clock_timestamp()
     WHERE stamp = $1 AND status = 'preparing' AND ${heldBySql('$2')}`,
    [record.stamp, holder],
  );
  if (noted.rowCount !== 1) throw lockLostError(record.stamp);
  if (record.ofStamp)
    await client.query(`UPDATE drover.cutovers SET status = 'restored' WHERE stamp = $1`, [record.ofStamp]);
}

function roundMs(ms: number): number {
  return Math.round(ms * 100) / 100;
}
