import type { ColumnType } from '../schema.ts';
import type { Cell } from './cell.ts';

/** A cell as PostgREST prints it: JSON text. Numbers come with all their digits, which JSON's readers may then lose. */
export function printCell(cell: Cell, type: ColumnType): string {
  if (cell === null) return 'null';
  if (typeof cell === 'bigint' || type === 'numeric') return String(cell);
  if (type === 'timestamp with time zone') return JSON.stringify(printTime(cell as number, 'T', '+00:00'));
  return JSON.stringify(cell);
}

/** A cell after `::text`. */
export function printAsText(cell: Cell, type: ColumnType): string {
  if (cell === null) return 'null';
  return JSON.stringify(asText(cell, type));
}

/** What PostgreSQL makes of a value cast to text. */
export function asText(cell: Exclude<Cell, null>, type: ColumnType): string {
  if (type === 'timestamp with time zone') return printTime(cell as number, ' ', '+00');
  if (type === 'text[]') return `{${(cell as readonly string[]).map(quoted).join(',')}}`;
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}

function quoted(item: string): string {
  return /^[^\s{},"\\]+$/.test(item) && item.toUpperCase() !== 'NULL' ? item : `"${item.replace(/(["\\])/g, '\\$1')}"`;
}

/** Up to six digits of a second, without zeroes at the end, and the offset spelled out. */
function printTime(micros: number, joint: string, zone: string): string {
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = String(micros - seconds * 1_000_000)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const [date, time] = new Date(seconds * 1000).toISOString().slice(0, 19).split('T');
  return `${date}${joint}${time}${fraction === '' ? '' : `.${fraction}`}${zone}`;
}
