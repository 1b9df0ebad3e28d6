import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PersonView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { requestDeadlineMs } from '../http.ts';
import { Problem } from '../problem.ts';
import { parseNonBlank } from '../values.ts';

export const person: DefineCommand = (program, act) => {
  program
    .command('person <email>')
    .description('everything held about one person, across ledger and targets; audited')
    .option('--out <file>', 'write it to this file, for nobody else to read (default: to stdout)', parseNonBlank)
    .addHelpText('after', examples('person jane@example.com --out jane.json'))
    .action(
      act(async ({ api, out, settings }, options: { out?: string }, email: string) => {
        const held = await api.request<PersonView>('GET', pathOf`/persons/${email}`, {
          deadlineMs: requestDeadlineMs.long,
        });
        const text = `${JSON.stringify(held, null, 2)}\n`;
        const path = options.out === undefined ? undefined : resolve(settings.workingFolder, options.out);
        if (path !== undefined) await writePrivateFile(path, text);
        const { records, rows, befores } = held;
        if (path === undefined) out.answer(held, (safe) => JSON.stringify(safe, null, 2));
        else {
          const counts = { file: path, records: records.length, rows: rows.length, befores: befores.length };
          out.answer(
            counts,
            (safe) => `${safe.records} records, ${safe.rows} rows, ${safe.befores} older rows: ${safe.file}`,
          );
        }
        return exitCodes.green;
      }),
    );
};

async function writePrivateFile(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { mode: 0o600 });
  } catch (cause) {
    const message = `${path} cannot be written: ${(cause as Error).message}`;
    throw new Problem({ code: 'FILE', message, remedy: 'Check the folder and its permissions.', cause });
  }
}
