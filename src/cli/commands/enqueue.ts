import { resolve } from 'node:path';
import type { RunView } from '../../contract/runs.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples, type Session } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { resolveRunId } from '../find-run.ts';
import { isObject, parseIds, readJsonFile } from '../option-parsers.ts';
import { usageError } from '../problem.ts';
import { waitForRun } from '../wait.ts';

interface Options {
  readonly ids?: string;
  readonly file?: string;
  readonly wait?: boolean;
}

interface EnqueueResult {
  readonly accepted: number;
  readonly run: RunView;
}

/** Never empty. */
interface EnqueueItems {
  readonly name: 'sourceIds' | 'records';
  readonly items: readonly unknown[];
}

// The API accepts 50,000 items and 5 MB per request.
const maxItemsPerRequest = 25_000;
const maxBytesPerRequest = 4_000_000;

export const enqueue: DefineCommand = (program, action) => {
  program
    .command('enqueue <run> <entity>')
    .description('add records to a run: by source id, or as they are in a file')
    .option('--ids <a,b|@file>', 'source ids; @file has one a line')
    .option('--file <file>', 'records, as a JSON array of objects')
    .option('--wait', 'follow the run to its end; the exit code says how it went')
    .addHelpText('after', examples('enqueue RUN users --ids 1690x12,1690x13', 'enqueue RUN bookings --file late.json'))
    .action(
      action(async (session, options: Options, idOrPlan: string, entity: string) => {
        const { out, settings } = session;
        const given = itemsToEnqueue(options, settings.workingFolder);
        const done = await enqueueAll(session, await resolveRunId(session, idOrPlan), entity, given);
        if (options.wait) return waitForRun(session, done.run);
        out.answer(done, (safe) => `${safe.accepted} ${entity} are on their way in run ${safe.run.id}`);
        return exitCodes.green;
      }),
    );
};

/** Sends the items in pieces that the API accepts; pieces before an error stay enqueued. */
async function enqueueAll(
  { api, out }: Session,
  id: string,
  entity: string,
  given: EnqueueItems,
): Promise<EnqueueResult> {
  let done: EnqueueResult | undefined;
  for (const piece of chunksOf(given.items, maxItemsPerRequest, maxBytesPerRequest)) {
    const body = { entity, [given.name]: piece };
    const path = pathOf`/runs/${id}/records`;
    const answer = await api.request<EnqueueResult>('POST', path, { body }).catch((error: unknown) => {
      if (done) out.note(`${done.accepted} were accepted before this went wrong.`);
      throw error;
    });
    done = { accepted: (done?.accepted ?? 0) + answer.accepted, run: answer.run };
  }
  return done as EnqueueResult;
}

function itemsToEnqueue(options: Options, folder: string): EnqueueItems {
  if ((options.ids === undefined) === (options.file === undefined)) {
    throw usageError('either --ids or --file says which records', 'See `drover help enqueue`.');
  }
  if (options.ids !== undefined) return { name: 'sourceIds', items: parseIds(options.ids, folder) };
  const records = readJsonFile(resolve(folder, options.file ?? ''), 'the file of records');
  if (Array.isArray(records) && records.length > 0 && records.every(isObject))
    return { name: 'records', items: records };
  throw usageError(`${options.file} does not hold records`, 'It must be a JSON array of objects: [{"_id": "…"}].');
}

/** Splits a list so that no piece has more items, or more bytes of JSON, than given; an item is never split. */
export function* chunksOf<T>(items: readonly T[], maxItems: number, maxBytes: number): Generator<readonly T[]> {
  let piece: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (piece.length > 0 && (piece.length === maxItems || bytes + size > maxBytes)) {
      yield piece;
      piece = [];
      bytes = 0;
    }
    piece.push(item);
    bytes += size;
  }
  if (piece.length > 0) yield piece;
}
