import { type Define, examples } from '../command.ts';
import { startService } from '../service-process.ts';

export const up: Define = (program, act) => {
  program
    .command('up')
    .description('start the service and one worker of all queues here, until Ctrl-C')
    .addHelpText(
      'after',
      `\nWithout DATABASE_URL and REDIS_URL it starts a PostgreSQL and a Redis of its own, in .drover/.\n${examples('up', 'PORT=4000 drover up')}`,
    )
    .action(act(async ({ out }) => startService(out.json)));
};
