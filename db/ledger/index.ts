import type pg from 'pg';
import type { Ledger } from '../../src/engine/ports.ts';
import { finishRecords } from './finish.ts';
import { claimRecords, countLostRecords, releaseRecords } from './give-back.ts';
import { mergedIntoRecords } from './merge.ts';
import { openRecords } from './open.ts';
import { resolveReferences } from './resolve.ts';
import { storePage } from './store-page.ts';

/** The ledger over a pool of the control database; identities are read from the target's. */
export function createLedger(pool: pg.Pool, targetPool: pg.Pool): Ledger {
  return {
    open: (stage, refs, want) => openRecords(pool, stage, refs, want),
    finish: (finishes, worker) => finishRecords(pool, finishes, worker),
    release: (refs, token) => releaseRecords(pool, refs, token),
    claim: (refs, token, leaseMs) => claimRecords(pool, refs, token, leaseMs),
    countLost: (refs, maxAttempts, worker, counts) => countLostRecords(pool, refs, maxAttempts, worker, counts),
    storePage: (runId, entity, epoch, page) => storePage(pool, runId, entity, epoch, page),
    resolve: (run, wanted) => resolveReferences(pool, targetPool, run, wanted),
    mergedInto: (ids) => mergedIntoRecords(pool, ids),
  };
}
