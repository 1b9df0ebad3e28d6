import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { startService } from '../service-process.ts';

const upHelp = 'Without DATABASE_URL and REDIS_URL it starts a PostgreSQL and a Redis of its own, in .drover/.';

export const up: DefineCommand = (program, act) => {
  program
    .command('up')
    .description('start the service and one worker of all queues here, until Ctrl-C')
    .addHelpText('after', `\n${upHelp}\n${examples('up', 'up --json', 'help up')}`)
    .action(
      act(async ({ api, out, settings }) => {
        const ended = new AbortController();
        // Whoever reads JSON wants to know when it can be used; a person reads what the service itself says.
        if (out.json) {
          void waitUntilReady(api, ended.signal).then((is) => {
            if (is) out.answer({ url: settings.url, ready: true }, () => '');
          });
        }
        try {
          return await startService(out.json);
        } finally {
          ended.abort();
        }
      }),
    );
};

/** Waits until the service and its stores answer; false when it ended before. */
async function waitUntilReady(api: Client, ended: AbortSignal): Promise<boolean> {
  while (!ended.aborted) {
    const answers = await api.request('GET', '//readyz', { signal: ended }).then(
      () => true,
      () => false,
    );
    if (answers) return true;
    await sleep(500, undefined, { signal: ended }).catch(() => {});
  }
  return false;
}
