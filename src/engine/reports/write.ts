import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ValidationView } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import type { Run } from '../ledger/types.ts';
import { type ContentDeps, type ReportName, reportContent, reportNames } from './contents.ts';
import { logLevel } from './log.ts';
import type { AllowedRates } from './metrics.ts';
import { makeReport, type Report, type ReportEnding, type ReportFactDeps, type WrittenFile } from './report.ts';
import type { ReportStore } from './store.ts';
import { summaryText } from './summary.ts';
import type { ReportLedger, RunEvent } from './types.ts';

export interface ReportDeps extends ContentDeps, ReportFactDeps {
  readonly ledger: ReportLedger;
  readonly store: ReportStore;
}

export interface ReportFolders {
  readonly reports: ReportFolder;
  /** Where mapping files go, and with `exports` the entities' CSV files. */
  readonly exports: ReportFolder;
}

export interface WriteReportsInput {
  readonly run: Run;
  readonly plan: Plan;
  /** Entities of the run, parents first. */
  readonly entities: readonly string[];
  readonly ending: ReportEnding;
  readonly validation: ValidationView | undefined;
  /** True when every worker has reported its usage up to now. */
  readonly usageComplete: boolean;
  readonly allowed?: AllowedRates | undefined;
  readonly folders: ReportFolders;
  /**
   * Also write `<entity>.csv` of every entity. False for a run that was read from such files: they are the operator's.
   * A run that read only a part of its source writes none in either case: a later run would take the part for the whole.
   */
  readonly exportEntities: boolean;
}

/**
 * Writes every report of a run that ends: files into the folders, the small ones into the database too. Long ones are made
 * from the ledger, here and at every later download. Returns what could not be written to files; the reports are in the
 * database in any case. Safe to repeat.
 */
export async function writeReports(deps: ReportDeps, input: WriteReportsInput): Promise<readonly string[]> {
  const problems: string[] = [];
  const files: WrittenFile[] = [];
  const report = await makeReport(deps, input);
  for (const name of filesToWrite(input)) {
    const file = await writeStreamedReport(deps, input, name, problems);
    if (file) files.push(file);
  }
  await writeStoredReports(deps, input, report, files, problems);
  return problems;
}

// The log comes last: it lists what went wrong with the others.
function filesToWrite(input: WriteReportsInput): readonly ReportName[] {
  const names = reportNames(input.run, input.plan, input.entities);
  const exports = input.exportEntities && coversWholeSource(input.run);
  const some = names.filter(({ of }) => of.kind !== 'export' || exports);
  return [...some.filter(({ of }) => of.kind !== 'log'), ...some.filter(({ of }) => of.kind === 'log')];
}

// An export-only run with a window or ids was requested as a part, and holds that part.
function coversWholeSource({ exportOnly, strategy, scope }: Run): boolean {
  return (
    exportOnly ||
    (strategy === 'full' && scope.since === undefined && scope.until === undefined && scope.trial === undefined)
  );
}

/** Writes one of the files that are made as they are read. The two small ones come last: they list the others. */
async function writeStreamedReport(
  deps: ReportDeps,
  input: WriteReportsInput,
  name: ReportName,
  problems: string[],
): Promise<WrittenFile | undefined> {
  const { of } = name;
  if (of.kind === 'summary' || of.kind === 'report') return undefined;
  const body = reportContent(deps, input.run, input.plan, of, of.kind === 'log' ? endEvents(input, problems) : []);
  const bytes = await writeFile(input, name, body, problems);
  return bytes === undefined ? undefined : { name: name.name, mediaType: name.mediaType, bytes };
}

async function writeStoredReports(
  deps: ReportDeps,
  input: WriteReportsInput,
  report: Omit<Report, 'files'>,
  files: readonly WrittenFile[],
  problems: string[],
): Promise<void> {
  const texts = {
    summary: summaryText(report),
    report: `${JSON.stringify({ ...report, files }, null, 2)}\n`,
  };
  const stored = filesToWrite(input).flatMap((name) =>
    name.of.kind === 'summary' || name.of.kind === 'report' ? [{ name, content: texts[name.of.kind] }] : [],
  );
  await deps.store.save(
    input.run.id,
    stored.map(({ name, content }) => ({ name: name.name, mediaType: name.mediaType, content })),
  );
  for (const { name, content } of stored) await writeFile(input, name, singleChunk(content), problems);
}

/** The size of the file, or undefined when it could not be written. */
async function writeFile(
  { run, folders }: Pick<WriteReportsInput, 'run' | 'folders'>,
  name: ReportName,
  body: AsyncIterable<string>,
  problems: string[],
): Promise<number | undefined> {
  try {
    return await folders[name.folder].write(name.name, body, run.id);
  } catch (error) {
    // A database that is away is no matter of files: the run is not finished then, and is finished again later. Whatever else
    // goes wrong with one report, its data included, would go wrong again, and must not hold up the run.
    if (error instanceof DroverError && (error.class === 'transient' || error.class === 'throttled')) throw error;
    problems.push(`${name.name} could not be written: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function endEvents(input: WriteReportsInput, problems: readonly string[]): readonly RunEvent[] {
  const { status, reason } = input.ending;
  const at = new Date();
  return [
    ...problems.map((text): RunEvent => ({ at, level: 'WARNING', text })),
    { at, level: logLevel(status), text: `run ${input.run.id} ends as ${status}${reason ? `: ${reason}` : ''}` },
  ];
}

async function* singleChunk(text: string): AsyncIterable<string> {
  yield text;
}

/** A place for files. */
interface ReportFolder {
  /**
   * Writes the file whole or not at all; returns its size in bytes. `writer` names its draft: mapping and export files of
   * several runs have one name, and each run writes a draft of its own. Throws what the file system throws.
   */
  write(name: string, body: AsyncIterable<string>, writer: string): Promise<number>;
}

/** A folder of this machine, made when the first file is written. */
export function createReportFolder(path: string): ReportFolder {
  return {
    async write(name, body, writer) {
      await mkdir(path, { recursive: true });
      // Written under a draft name and then renamed: a reader never sees half a file, and a crash leaves the old one.
      const target = join(path, basename(name));
      const draft = `${target}.${basename(writer)}.${process.pid}.part`;
      let bytes = 0;
      const counted = async function* () {
        for await (const piece of body) {
          bytes += Buffer.byteLength(piece);
          yield piece;
        }
      };
      try {
        await pipeline(Readable.from(counted()), createWriteStream(draft, { mode: 0o640 }));
        await rename(draft, target);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      return bytes;
    },
  };
}
