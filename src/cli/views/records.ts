import type { RecordView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { formatTable } from '../table.ts';
import { reasonText, recordTone } from './journey.ts';

/** One line a record. */
export function recordsTable(records: readonly RecordView[], paint: Paint): string {
  return formatTable(
    records,
    [
      { title: 'entity', value: (one) => one.entity },
      { title: 'source id', value: (one) => one.sourceId },
      { title: 'stage', value: (one) => one.stage },
      { title: 'status', value: (one) => one.status, tone: (one) => recordTone(one.status) },
      { title: 'target id', value: (one) => one.targetId ?? '' },
      { title: 'why', value: reasonText },
    ],
    paint,
  );
}
