import type { Run } from '../ledger/types.ts';
import type { NoteRow, ReportLedger, RunEvent, TryRow } from './types.ts';

/**
 * The run as log lines, in the order of events: what operators requested, how extractions went, every try that did
 * not succeed, every validation. Events of the run are few and kept in memory; tries may be many and are streamed. The
 * notes of records that were loaded come last.
 */
export async function* logText(
  ledger: Pick<ReportLedger, 'events' | 'tries' | 'notes'>,
  run: Run,
  last: readonly RunEvent[] = [],
): AsyncIterable<string> {
  const events = [...runEvents(run), ...(await ledger.events(run.id)), ...last];
  events.sort((a, b) => a.at.getTime() - b.at.getTime());
  let next = 0;
  for await (const page of ledger.tries(run.id)) {
    let piece = '';
    for (const row of page) {
      for (; next < events.length && (events[next] as RunEvent).at <= row.at; next += 1)
        piece += formatLine(events[next]);
      piece += formatLine(tryEvent(row));
    }
    yield piece;
  }
  yield events.slice(next).map(formatLine).join('');
  for await (const page of ledger.notes(run.id)) yield page.flatMap(noteEvents).map(formatLine).join('');
}

function noteEvents({ at, entity, sourceId, notes }: NoteRow): RunEvent[] {
  return notes.map((text) => ({ at, level: 'INFO', text: `noted of ${entity} ${sourceId}: ${text}` }));
}

function runEvents(run: Run): readonly RunEvent[] {
  const mode = [run.strategy, ...(run.dryRun ? ['dry run'] : []), ...(run.exportOnly ? ['export only'] : [])].join(
    ', ',
  );
  const begun = `run ${run.id} of ${run.plan}@${run.version} (${mode}) into schema ${run.targetSchema}, by ${run.createdBy}`;
  const ended = `run ${run.id} is ${run.status}${run.reason ? `: ${run.reason}` : ''}`;
  const events: RunEvent[] = [{ at: run.createdAt, level: 'INFO', text: begun }];
  if (run.startedAt) events.push({ at: run.startedAt, level: 'INFO', text: 'started' });
  if (run.finishedAt) events.push({ at: run.finishedAt, level: logLevel(run.status), text: ended });
  if (run.rolledBackAt) events.push({ at: run.rolledBackAt, level: 'WARNING', text: 'rolled back' });
  return events;
}

/** The log level of a run's end. */
export function logLevel(status: Run['status']): RunEvent['level'] {
  if (status === 'failed') return 'ERROR';
  return status === 'completed' ? 'INFO' : 'WARNING';
}

// A try that will be repeated is a warning; what ended a record is an error.
function tryEvent(row: TryRow): RunEvent {
  const level = row.status === 'pending' || row.status === 'blocked' ? 'WARNING' : 'ERROR';
  const outcome = row.status === 'pending' ? 'will be tried again' : row.status;
  const text = `${row.stage} ${row.entity} ${row.sourceId}: ${outcome}, ${row.code}: ${row.message} [${row.worker}]`;
  return { at: row.at, level, text };
}

// One event, one line: a source id or message with a line break must not look like another event.
function formatLine(event: RunEvent | undefined): string {
  if (!event) return '';
  const text = event.text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
  return `${event.at.toISOString()} ${event.level.padEnd(7)} ${text}\n`;
}
