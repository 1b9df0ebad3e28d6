import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { csvLine } from '../../engine/reports/csv.ts';
import type { Page, RecordView, RunView } from '../answers.ts';
import { pathOf } from '../client.ts';
import type { Session } from '../session.ts';
import { reportFolder } from './report-file.ts';

/** What a dry run found out, record by record. */
export interface Preview {
  readonly counts: readonly { readonly action: string; readonly code: string; readonly count: number }[];
  /** The first of the records that are shown on the screen. */
  readonly records: readonly RecordView[];
  /** How many records there are to show. */
  readonly total: number;
  /** The file with all of them. */
  readonly path: string;
}

export interface PreviewOptions {
  /** Begins the file's name. */
  readonly name: string;
  /** Most records to keep for the screen. */
  readonly rows: number;
  readonly wanted: (record: RecordView) => boolean;
}

const header = ['action', 'entity', 'source_id', 'code', 'field', 'message', 'target_id'];
const pageSize = 500;

/** Reads every record of a dry run into `reports/NAME-TIMESTAMP.csv` and keeps the first of them. */
export async function writePreview(session: Session, run: RunView, options: PreviewOptions): Promise<Preview> {
  const counts = new Map<string, { action: string; code: string; count: number }>();
  const records: RecordView[] = [];
  let total = 0;
  const path = await writeWholeFile(session, `${options.name}-${run.stamp}.csv`, async (write) => {
    for await (const page of pages(session, run.id)) {
      const wanted = page.filter(options.wanted);
      for (const record of page) addToCounts(counts, record);
      total += wanted.length;
      records.push(...wanted.slice(0, Math.max(0, options.rows - records.length)));
      await write(wanted.map((record) => csvLine(csvCells(record))).join(''));
    }
  });
  return { counts: [...counts.values()].sort((a, b) => b.count - a.count), records, total, path };
}

/** What would become of a record, in a word. */
export function previewAction({ status, code }: Pick<RecordView, 'status' | 'code'>): string {
  const would = /^WOULD_(\w+)$/.exec(code ?? '')?.[1]?.toLowerCase();
  if (would !== undefined) return would === 'insert' ? 'create' : would;
  return actionNames[status] ?? status;
}

const actionNames: Readonly<Record<string, string>> = { skipped: 'skip', rejected: 'reject', failed: 'fail' };

function addToCounts(counts: Map<string, { action: string; code: string; count: number }>, record: RecordView): void {
  const [action, code] = [previewAction(record), record.code ?? ''];
  const known = counts.get(`${action}/${code}`) ?? { action, code, count: 0 };
  counts.set(`${action}/${code}`, { ...known, count: known.count + 1 });
}

function csvCells(record: RecordView): readonly string[] {
  const { entity, sourceId, code, field, message, targetId } = record;
  return [previewAction(record), entity, sourceId, code ?? '', field ?? '', message ?? '', targetId ?? ''];
}

async function* pages({ api }: Session, runId: string): AsyncGenerator<readonly RecordView[]> {
  for (let cursor: string | undefined; ; ) {
    const page = await api.get<Page<RecordView>>(pathOf`/runs/${runId}/records`, { cursor, limit: pageSize });
    yield page.items;
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}

/** The file appears when it is whole. */
async function writeWholeFile(
  { settings }: Session,
  name: string,
  fill: (write: (text: string) => Promise<void>) => Promise<void>,
): Promise<string> {
  const path = join(reportFolder(settings), name);
  await mkdir(reportFolder(settings), { recursive: true });
  const file = await open(`${path}.part-${process.pid}`, 'w', 0o640);
  try {
    await file.write(csvLine(header));
    await fill(async (text) => void (await file.write(text)));
  } finally {
    await file.close();
  }
  await rename(`${path}.part-${process.pid}`, path);
  return path;
}
