import { Command } from 'commander';
import type { ActionWrapper } from './command.ts';
import { commands } from './commands/index.ts';
import type { Streams } from './output.ts';

const description = `Moves business records into your own PostgreSQL and Stripe, and proves that nothing was lost.
A client of the Drover service: DROVER_URL says where it is (http://127.0.0.1:3000), DROVER_TOKEN is the key.
A <run> is the id of a run, or the name of a plan for its newest run.`;

const exitCodeHelp = `
Exit codes:
  0    green, or on its way
  1    finished with failures, failed or cancelled; validation red; a check found a problem
  2    wrong use, or the service refuses the request or the key
  3    the service could not be reached or could not answer
  130  following was ended with Ctrl-C; the run goes on

Examples:
  $ drover up
  $ drover run bubble --wait
  $ drover failures bubble
  $ drover help run`;

/** The whole command line. `act` decides what becomes of a handler, so tests can give their own. */
export function createProgram(act: ActionWrapper, version: string, streams: Streams): Command {
  const program = new Command('drover')
    .description(description)
    .version(version)
    .option('--json', 'answer with one JSON document on stdout')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', exitCodeHelp)
    // What is wrong is shown in one place, with everything else that can be wrong.
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
      outputError: () => {},
    })
    .exitOverride();
  for (const define of commands) define(program, act);
  return program;
}
