import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErrorShare, RunMetrics } from '../../contract/metrics.ts';
import type { Page, RecordView, RunView } from '../../contract/runs.ts';
import { csvLine } from '../../csv.ts';
import { pathOf } from '../client.ts';
import type { Session } from '../command.ts';
import { saveReport } from '../download.ts';
import { formatBytes, formatDuration, formatTable, type Paint, type Tone } from '../format.ts';

export interface ReportFile {
  readonly path: string;
  /** Absent when the API is of an earlier version. */
  readonly metrics: RunMetrics | undefined;
}

/** `reports/migration-report-TIMESTAMP.json`: the API's report of a run that ended or was stopped. */
export async function saveReportFile({ api, settings }: Session, run: RunView): Promise<ReportFile> {
  const folder = reportFolder(settings);
  const as = `migration-report-${run.stamp}.json`;
  const { path } = await saveReport(api, run.id, `migration_report_${run.stamp}.json`, folder, as);
  const { metrics } = JSON.parse(await readFile(path, 'utf8')) as { metrics?: RunMetrics };
  return { path, metrics };
}

function reportFolder({ projectFolder }: Session['settings']): string {
  return join(projectFolder, 'reports');
}

type Network = RunMetrics['resourceUsage']['network'];

/** The metrics of a run as text. */
export function metricsLines(metrics: RunMetrics, paint: Paint): string {
  const { successRate, processingRate, elapsedSeconds, errorDistribution, resourceUsage } = metrics;
  const { memory, cpu, network, workers, complete, alongside } = resourceUsage;
  const success = successRate === null ? 'nothing is settled' : `${(successRate * 100).toFixed(2)} %`;
  return [
    `  success rate     ${success}`,
    `  processing rate  ${processingRate.toFixed(1)} records/s over ${formatDuration(elapsedSeconds * 1000)}`,
    `  memory           ${memory.peakMb} MB at most in ${workers.length} workers, ${memory.largestWorkerMb} MB in one`,
    `  CPU              ${cpu.seconds} s, ${cpu.meanCores} cores on average`,
    `  network          ${network.requests} requests, ${network.failed} without success; ${formatBytes(network.sentBytes)} sent, ${formatBytes(network.receivedBytes)} received`,
    ...network.upstreams.map(upstreamLine),
    ...(complete ? [] : ['  what a worker used in its last two seconds may be missing']),
    ...(alongside.length > 0 ? [`  with the runs that went on at the same time: ${alongside.join(', ')}`] : []),
    ...(errorDistribution.length > 0 ? [`\n${paint('errors', 'bold')}`] : []),
    ...errorDistribution.map((error) => errorLine(error, paint)),
  ].join('\n');
}

function upstreamLine({ upstream, perSecond, allowedPerSecond }: Network['upstreams'][number]): string {
  const allowed = allowedPerSecond === null ? '' : ` of ${allowedPerSecond} allowed`;
  return `  ${upstream.padEnd(16)} ${perSecond.toFixed(1)} requests/s${allowed}`;
}

const tones: Readonly<Record<string, Tone>> = { CRITICAL: 'red', HIGH: 'red', MEDIUM: 'yellow' };

function errorLine(error: ErrorShare, paint: Paint): string {
  const severity = paint(error.severity.padEnd(8), tones[error.severity]);
  const where = `${error.code}, ${error.stage ?? 'run'}`;
  return `  ${severity} ${error.name} (${where}): ${error.records} records, ${error.tries} tries; ${error.action.toLowerCase()}`;
}

/** The outcomes of a dry run by record. */
interface Preview {
  readonly counts: readonly { readonly action: string; readonly code: string; readonly count: number }[];
  /** The first of the records that are shown on the screen. */
  readonly records: readonly RecordView[];
  /** How many records there are to show. */
  readonly total: number;
  /** The file with all of them. */
  readonly path: string;
}

export interface PreviewOptions {
  /** The beginning of the file name. */
  readonly name: string;
  /** The most records to show on the screen. */
  readonly rows: number;
  /** Which records are shown on the screen; the file has all of them. */
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
      await write(page.map((record) => csvLine(csvCells(record))).join(''));
    }
  });
  return { counts: [...counts.values()].sort((a, b) => b.count - a.count), records, total, path };
}

/** What would happen to a record, in one word. */
function previewAction({ status, code }: Pick<RecordView, 'status' | 'code'>): string {
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

/** The file appears only when it is complete. */
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

/** The number of records of each kind, the first records, and the path of the file with all of them. */
export function previewLines(preview: Preview, paint: Paint): string {
  const { counts, records, total, path } = preview;
  const rest = total - records.length;
  const note = rest > 0 ? `  and ${rest} more; every record is in ${path}` : `  every record is in ${path}`;
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
    ...(records.length > 0 ? ['', ...records.map((record) => recordLine(record, paint))] : []),
    note,
  ].join('\n');
}

const failureStatuses = ['rejected', 'failed', 'blocked', 'mismatched'];

function recordLine(record: RecordView, paint: Paint): string {
  const { entity, sourceId, code, field, message } = record;
  const action = paint(previewAction(record).padEnd(7), failureStatuses.includes(record.status) ? 'red' : undefined);
  const about = [code ?? '', ...(field === null ? [] : [`in ${field}`])].join(' ');
  return `  ${action} ${entity} ${sourceId}: ${about}${message === null ? '' : `: ${message}`}`;
}
