import { resolve } from 'node:path';
import type { RunView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type Define, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { pieces } from '../pieces.ts';
import { usage } from '../problem.ts';
import { takeRun } from '../runs.ts';
import type { Session } from '../session.ts';
import { ids, isObject, jsonFile } from '../values.ts';
import { waitFor } from '../wait.ts';

interface Options {
  readonly ids?: string;
  readonly file?: string;
  readonly wait?: boolean;
}

interface Enqueued {
  readonly accepted: number;
  readonly run: RunView;
}

/** Never empty. */
interface Given {
  readonly name: 'sourceIds' | 'records';
  readonly items: readonly unknown[];
}

// The service takes 50,000 items and 5 MB a request.
const mostItems = 25_000;
const mostBytes = 4_000_000;

export const enqueue: Define = (program, act) => {
  program
    .command('enqueue <run> <entity>')
    .description('add records to a run: by source id, or as they are in a file')
    .option('--ids <a,b|@file>', 'source ids; @file has one a line')
    .option('--file <file>', 'records, as a JSON array of objects')
    .option('--wait', 'follow the run to its end; the exit code says how it went')
    .addHelpText('after', examples('enqueue RUN users --ids 1690x12,1690x13', 'enqueue RUN bookings --file late.json'))
    .action(
      act(async (session, options: Options, idOrPlan: string, entity: string) => {
        const { out, settings } = session;
        const given = what(options, settings.workingFolder);
        const done = await sendAll(session, await takeRun(session, idOrPlan), entity, given);
        if (options.wait) return waitFor(session, done.run);
        out.answer(done, (safe) => `${safe.accepted} ${entity} are on their way in run ${safe.run.id}`);
        return exitCodes.green;
      }),
    );
};

/** In pieces that the service takes; what a piece before an error brought in stays in. */
async function sendAll({ api, out }: Session, id: string, entity: string, given: Given): Promise<Enqueued> {
  let done: Enqueued | undefined;
  for (const piece of pieces(given.items, mostItems, mostBytes)) {
    const body = { entity, [given.name]: piece };
    const path = pathOf`/runs/${id}/records`;
    const answer = await api.request<Enqueued>('POST', path, { body }).catch((error: unknown) => {
      if (done) out.note(`${done.accepted} were accepted before this went wrong.`);
      throw error;
    });
    done = { accepted: (done?.accepted ?? 0) + answer.accepted, run: answer.run };
  }
  return done as Enqueued;
}

function what(options: Options, folder: string): Given {
  if ((options.ids === undefined) === (options.file === undefined)) {
    throw usage('either --ids or --file says which records', 'See `drover help enqueue`.');
  }
  if (options.ids !== undefined) return { name: 'sourceIds', items: ids(options.ids, folder) };
  const records = jsonFile(resolve(folder, options.file ?? ''), 'the file of records');
  if (Array.isArray(records) && records.length > 0 && records.every(isObject))
    return { name: 'records', items: records };
  throw usage(`${options.file} does not hold records`, 'It must be a JSON array of objects: [{"_id": "…"}].');
}
