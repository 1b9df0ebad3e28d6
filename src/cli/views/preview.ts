import type { RecordView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { type Preview, previewAction } from '../migrate/preview.ts';
import { formatTable } from '../table.ts';

/** How many records of each kind there are, the first of them, and where the rest is. */
export function previewLines(preview: Preview, paint: Paint): string {
  const { counts, records, total, path } = preview;
  const rest = total - records.length;
  const note = rest > 0 ? `  and ${rest} more: all of them are in ${path}` : `  also in ${path}`;
  return [
    formatTable(
      counts,
      [
        { title: 'records', value: (one) => one.count, right: true },
        { title: 'would', value: (one) => one.action },
        { title: 'code', value: (one) => one.code },
      ],
      paint,
    ),
    ...(records.length > 0 ? ['', ...records.map((record) => recordLine(record, paint)), note] : []),
  ].join('\n');
}

const failureStatuses = ['rejected', 'failed', 'blocked', 'mismatched'];

function recordLine(record: RecordView, paint: Paint): string {
  const { entity, sourceId, code, field, message } = record;
  const action = paint(previewAction(record).padEnd(7), failureStatuses.includes(record.status) ? 'red' : undefined);
  const about = [code ?? '', ...(field === null ? [] : [`in ${field}`])].join(' ');
  return `  ${action} ${entity} ${sourceId}: ${about}${message === null ? '' : `: ${message}`}`;
}
