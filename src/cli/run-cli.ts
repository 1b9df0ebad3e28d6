import { Command, CommanderError } from 'commander';
import { createClient } from './client.ts';
import type { ActionWrapper, DefineCommand, Handler, Session } from './command.ts';
import { audit } from './commands/audit.ts';
import { batchSize, cancel, pause, resume, retry } from './commands/change-run.ts';
import { check } from './commands/check.ts';
import { cutover } from './commands/cutover.ts';
import { cutovers } from './commands/cutovers.ts';
import { doctor } from './commands/doctor.ts';
import { enqueue } from './commands/enqueue.ts';
import { exportPlan } from './commands/export.ts';
import { failures, replay } from './commands/failures.ts';
import { limits, queues, workers } from './commands/fleet.ts';
import { keys } from './commands/keys.ts';
import { link } from './commands/link.ts';
import { migrate } from './commands/migrate.ts';
import { person, purge } from './commands/personal-data.ts';
import { plans } from './commands/plans.ts';
import { reconcile } from './commands/reconcile.ts';
import { record, records } from './commands/records.ts';
import { report } from './commands/report.ts';
import { rollback } from './commands/rollback.ts';
import { run } from './commands/run.ts';
import { runs, status, watch } from './commands/runs.ts';
import { up } from './commands/up.ts';
import { validate } from './commands/validate.ts';
import { webhooks } from './commands/webhooks.ts';
import type { Environment } from './environment.ts';
import { type ExitCode, exitCodes } from './exit-code.ts';
import { createOutput, type Output, type Streams } from './output.ts';
import { packageVersion } from './package-root.ts';
import { type Problem, toProblem, usageError } from './problem.ts';

export interface CliContext {
  readonly streams: Streams;
  readonly environment: Environment;
  readonly ask: Session['ask'];
}

/** Runs one command line and returns its exit code. Every error is shown as a problem. */
export async function runCli(args: readonly string[], { streams, environment, ask }: CliContext): Promise<ExitCode> {
  const { noColour } = environment;
  const json = args.includes('--json');
  let exitCode: ExitCode = exitCodes.green;
  let out: Output = createOutput(streams, { json, noColour });
  const open = (options: { json: boolean }): Session => {
    out = createOutput(streams, { ...options, noColour });
    // Not before a command starts: help must work with wrong settings too.
    const given = environment.settings();
    return { api: createClient(given), out, settings: given, ask };
  };
  const program = createProgram(
    createActionWrapper(open, (code) => {
      exitCode = code;
    }),
    packageVersion(),
    streams,
  );
  try {
    // Without arguments the help is shown, which is not an error.
    await program.parseAsync(args.length === 0 ? ['--help'] : [...args], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    const problem = thrown instanceof CommanderError ? usageProblem(thrown, args) : toProblem(thrown);
    if (!problem) return exitCodes.green;
    out.problem(problem);
    return problem.exitCode;
  }
}

/** An error of commander as a problem; undefined when it only showed its help or the version. */
function usageProblem(error: CommanderError, args: readonly string[]): Problem | undefined {
  if (error.exitCode === 0) return undefined;
  if (error.code === 'commander.help')
    return usageError('there is no such command', '`drover --help` lists the commands.');
  const [what = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const command = args.find((argument) => /^[a-z][a-z-]*$/.test(argument));
  const unknown = error.code === 'commander.unknownCommand' || command === undefined;
  const help = unknown ? '`drover --help` lists the commands.' : `\`drover help ${command}\` shows how it is used.`;
  // "(Did you mean status?)" is on a line of its own.
  return usageError(what, [...more.map((line) => line.replace(/^\((.*)\)$/, '$1')), help].join(' '));
}

/** Opens sessions for handlers and passes their exit codes to `keep`. */
function createActionWrapper(
  open: (options: { json: boolean }) => Session,
  setExitCode: (code: ExitCode) => void,
): ActionWrapper {
  return <Options, Args extends readonly unknown[]>(handler: Handler<Options, Args>) =>
    async (...passed: readonly unknown[]): Promise<void> => {
      // commander passes the positional arguments, then the options, then the command itself.
      const command = passed.at(-1) as Command;
      const { json } = command.optsWithGlobals<{ json?: boolean }>();
      const args = passed.slice(0, -2) as unknown as Args;
      setExitCode(await handler(open({ json: json === true }), command.opts() as Options, ...args));
    };
}

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

/** The whole command line. `action` turns a handler into an action; tests pass their own. */
export function createProgram(action: ActionWrapper, version: string, streams: Streams): Command {
  const program = new Command('drover')
    .description(description)
    .version(version)
    .option('--json', 'answer with one JSON document on stdout')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', exitCodeHelp)
    // Errors are shown in one place, together with all others.
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
      outputError: () => {},
    })
    .exitOverride();
  for (const define of commands) define(program, action);
  return program;
}

/** Every command, in the order of the help: start, inspect, control, verify, operate the fleet. */
const commands: readonly DefineCommand[] = [
  up,
  doctor,
  plans,
  run,
  migrate,
  exportPlan,
  runs,
  status,
  watch,
  failures,
  records,
  record,
  pause,
  resume,
  cancel,
  retry,
  reconcile,
  replay,
  enqueue,
  batchSize,
  validate,
  report,
  rollback,
  cutover,
  cutovers,
  link,
  check,
  webhooks,
  workers,
  queues,
  limits,
  purge,
  person,
  keys,
  audit,
];
