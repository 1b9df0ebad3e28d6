import type { ReportLedger } from '../../src/engine/reports/ports.ts';
import type { Database } from '../client.ts';
import { eventsOf } from './events.ts';
import { mappedOf } from './mapped.ts';
import { notesOf } from './notes.ts';
import { rawsOf } from './raws.ts';
import { triesByCode, triesOf } from './tries.ts';
import { troubleGroups, troubles } from './trouble.ts';
import { usageOf } from './usage.ts';

/** What reports read of the ledger, over the control database. */
export function createReportLedger(database: Database): ReportLedger {
  const pool = database.$client;
  return {
    troubleGroups: (runId) => troubleGroups(pool, runId),
    troubles: (runId) => troubles(pool, runId),
    tries: (runId) => triesOf(pool, runId),
    notes: (runId) => notesOf(pool, runId),
    triesByCode: (runId, upstreams) => triesByCode(pool, runId, upstreams),
    usage: (runId) => usageOf(pool, runId),
    events: (runId) => eventsOf(database, runId),
    raws: (runId, entity) => rawsOf(pool, runId, entity),
    mapped: (runId, entity) => mappedOf(pool, runId, entity),
  };
}
