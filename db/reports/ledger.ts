import type { ReportLedger } from '../../src/engine/reports/ports.ts';
import type { Database } from '../client.ts';
import { readRunEvents } from './events.ts';
import { readReusedTargetIds } from './mapped.ts';
import { readNotes } from './notes.ts';
import { readRawPayloads } from './raws.ts';
import { countTriesByCode, readTries } from './tries.ts';
import { readFailureGroups, readFailures } from './trouble.ts';
import { readRunUsage } from './usage.ts';

/** What reports read of the ledger, over the control database. */
export function createReportLedger(database: Database): ReportLedger {
  const pool = database.$client;
  return {
    troubleGroups: (runId) => readFailureGroups(pool, runId),
    troubles: (runId) => readFailures(pool, runId),
    tries: (runId) => readTries(pool, runId),
    notes: (runId) => readNotes(pool, runId),
    triesByCode: (runId, upstreams) => countTriesByCode(pool, runId, upstreams),
    usage: (runId) => readRunUsage(pool, runId),
    events: (runId) => readRunEvents(database, runId),
    raws: (runId, entity) => readRawPayloads(pool, runId, entity),
    reusedTargetIds: (runId, entity) => readReusedTargetIds(pool, runId, entity),
  };
}
