import { asc, eq } from 'drizzle-orm';
import type { ValidationCheck } from '../../src/engine/control/contract.ts';
import type { RunEvent } from '../../src/engine/reports/ports.ts';
import type { Database } from '../client.ts';
import { coded } from '../repositories/coded.ts';
import { audit, runEntities, validations } from '../schema/index.ts';
import { prepared, type Row } from '../sql.ts';

// When the first record of an entity came and the last one was settled: its timing.
const timingsSql = `
SELECT r.entity, count(*)::int AS n, max(r.updated_at) AS last FROM drover.records r WHERE r.run_id = $1
GROUP BY r.entity`;

interface Timing extends Row {
  readonly entity: string;
  readonly n: number;
  readonly last: Date;
}

/** What happened to a run as a whole: who asked for what, validations, how far each entity is. */
export async function readRunEvents(database: Database, runId: string): Promise<RunEvent[]> {
  const [asked, validated, extracted, timed] = await Promise.all([
    coded(
      database
        .select()
        .from(audit)
        .where(eq(audit.subject, `run:${runId}`))
        .orderBy(asc(audit.id)),
    ),
    coded(database.select().from(validations).where(eq(validations.runId, runId)).orderBy(asc(validations.id))),
    coded(database.select().from(runEntities).where(eq(runEntities.runId, runId)).orderBy(asc(runEntities.position))),
    prepared<Timing>(database.$client, undefined, timingsSql, [runId]),
  ]);
  return [
    ...asked.map(auditEvent),
    ...validated.flatMap(validationEvents),
    ...extracted.flatMap((entity) =>
      entityEvents(
        entity,
        timed.find((timing) => timing.entity === entity.entity),
      ),
    ),
  ].sort((a, b) => a.at.getTime() - b.at.getTime());
}

function auditEvent(row: typeof audit.$inferSelect): RunEvent {
  const reason = row.reason === null ? '' : `: ${row.reason}`;
  return { at: row.at, level: 'INFO', text: `${row.actor} (${row.role}) ${row.action}${reason}` };
}

function validationEvents(row: typeof validations.$inferSelect): RunEvent[] {
  const broken = (row.checks as ValidationCheck[]).filter((check) => !check.ok);
  const level = row.status === 'green' ? 'INFO' : 'ERROR';
  return [
    { at: row.at, level, text: `validation is ${row.status}, of data version ${row.dataVersion}` },
    ...broken.map((check): RunEvent => {
      const text = `validation: ${check.entity ?? '-'} ${check.name}: ${check.violations} of ${check.checked}: ${check.description}`;
      return { at: row.at, level: check.severity === 'error' ? 'ERROR' : 'WARNING', text };
    }),
  ];
}

function entityEvents(row: typeof runEntities.$inferSelect, timing: Timing | undefined): RunEvent[] {
  const says = row.sourceTotal === null ? '' : ` of ${row.sourceTotal}`;
  const text = `${row.entity}: ${timing?.n ?? 0}${says} records in ${row.pages} pages, extraction ${row.status}, ${row.repeated} repeated`;
  const problem = row.errorCode === null ? '' : `; ${row.errorCode}: ${row.errorMessage ?? ''}`;
  const at = timing?.last ?? row.dueAt;
  return [{ at, level: row.errorCode === null ? 'INFO' : 'ERROR', text: `${text}${problem}` }];
}
