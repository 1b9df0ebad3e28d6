import type pg from 'pg';
import { toDatabaseError } from '../../../db/errors.ts';
import { advisoryLockClasses } from '../../../db/locks.ts';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { RollbackView } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import type { UndoResult } from './types.ts';

/** The actor that requested a rollback, and the reason. */
export interface RollbackRequest {
  readonly actor: string;
  readonly role: string;
  readonly reason: string;
}

/** The exclusive right to carry out a run's rollback, until it is released or its connection is lost. */
export interface RollbackLock {
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

// The key consists of two numbers, the second a hash; pg_locks shows both unsigned.
const lockHeldSql = `EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
  WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
  AND l.classid = ${advisoryLockClasses.rollback} AND l.objid::bigint = hashtext(b.run_id)::bigint & 4294967295)`;

const findStatement = `
SELECT b.status, b.removed, b.restored, b.conflicts, b.error, ${lockHeldSql} AS held, i.total::int, i.done::int
FROM drover.rollbacks b, LATERAL (
  SELECT count(*) AS total, count(undone_at) AS done FROM drover.before_images WHERE run_id = b.run_id
) i WHERE b.run_id = $1`;

const workingStatement = `
SELECT b.run_id FROM drover.rollbacks b JOIN drover.runs r ON r.id = b.run_id
WHERE b.status = 'working' AND r.plan = $1 AND r.target_schema = $2 AND ${lockHeldSql} LIMIT 1`;

// An interrupted rollback continues: its counts and conflicts so far are kept.
const beginStatement = `
INSERT INTO drover.rollbacks AS b (run_id, actor, role, reason, status) VALUES ($1, $2, $3, $4, 'working')
ON CONFLICT (run_id) DO UPDATE SET
  actor = excluded.actor, role = excluded.role, reason = excluded.reason, status = 'working', error = NULL, ended_at = NULL,
  removed = CASE WHEN b.status = 'working' THEN b.removed ELSE 0 END,
  restored = CASE WHEN b.status = 'working' THEN b.restored ELSE 0 END,
  conflicts = CASE WHEN b.status = 'working' THEN b.conflicts ELSE '[]' END,
  begun_at = CASE WHEN b.status = 'working' THEN b.begun_at ELSE now() END`;

const addStatement = `
UPDATE drover.rollbacks SET removed = removed + $2, restored = restored + $3, conflicts = conflicts || $4::jsonb
WHERE run_id = $1`;

interface RollbackRow extends Row {
  readonly status: 'working' | 'done' | 'failed';
  readonly removed: number;
  readonly restored: number;
  readonly conflicts: RollbackView['conflicts'];
  readonly error: string | null;
  readonly held: boolean;
  readonly total: number;
  readonly done: number;
}

export type BackgroundRollbackStore = ReturnType<typeof createBackgroundRollbackStore>;

/**
 * State of the rollbacks that run in the background, in the control database. Any process can read it; only the one that
 * holds a run's lock may write it. Every method throws DroverError.
 */
export function createBackgroundRollbackStore(pool: pg.Pool) {
  return {
    /** Undefined when no rollback of the run was ever begun in the background. */
    async find(runId: string): Promise<RollbackView | undefined> {
      const [row] = await queryPrepared<RollbackRow>(pool, undefined, findStatement, [runId]);
      return row && toView(runId, row);
    },
    /** A run of the plan into the schema that is being rolled back now. */
    async findActive(plan: string, targetSchema: string): Promise<string | undefined> {
      const [row] = await queryPrepared<{ run_id: string }>(pool, undefined, workingStatement, [plan, targetSchema]);
      return row?.run_id;
    },
    /** Throws NOT_ALLOWED_NOW when another process holds it. */
    lock: (runId: string): Promise<RollbackLock> => lockRun(pool, runId),
    /** Begins a rollback, or continues an interrupted one. */
    async begin(runId: string, { actor, role, reason }: RollbackRequest): Promise<void> {
      await queryPrepared(pool, undefined, beginStatement, [runId, actor, role, reason]);
    },
    /** Adds the result of a part of the work. */
    async add(runId: string, { removed, restored, conflicts }: UndoResult): Promise<void> {
      await queryPrepared(pool, undefined, addStatement, [runId, removed, restored, JSON.stringify(conflicts)]);
    },
    async end(runId: string, status: 'done' | 'failed', error: string | null): Promise<void> {
      const text = 'UPDATE drover.rollbacks SET status = $2, error = $3, ended_at = now() WHERE run_id = $1';
      await queryPrepared(pool, undefined, text, [runId, status, error]);
    },
  };
}

/** A conflict met before an interruption and again after it is listed once. */
function toView(runId: string, { status, held: isHeld, conflicts, ...row }: RollbackRow): RollbackView {
  const each = new Map(conflicts.map((conflict) => [JSON.stringify(conflict), conflict]));
  const { removed, restored, error, done, total } = row;
  const shown = status === 'working' && !isHeld ? 'interrupted' : status;
  return { runId, dryRun: false, status: shown, done, total, removed, restored, conflicts: [...each.values()], error };
}

async function lockRun(pool: pg.Pool, runId: string): Promise<RollbackLock> {
  const client = await pool.connect().catch((error: unknown) => {
    throw toDatabaseError(error);
  });
  const lost = new AbortController();
  const onError = (): void => lost.abort();
  client.on('error', onError);
  const release = async (): Promise<void> => {
    await client.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    client.off('error', onError);
    client.release(true);
  };
  try {
    // A rollback that has just ended may still hold the lock for a moment.
    await client.query("SET lock_timeout = '1s'");
    await client.query('SELECT pg_advisory_lock($1, hashtext($2))', [advisoryLockClasses.rollback, runId]);
    return { lost: lost.signal, release };
  } catch (error) {
    await release();
    if ((error as { code?: string }).code !== '55P03') throw toDatabaseError(error);
    throw new DroverError('NOT_ALLOWED_NOW', `run ${runId} is being rolled back already`, {
      remedy: `Wait for its end: \`drover status ${runId}\` shows its progress.`,
      cause: error,
    });
  }
}
