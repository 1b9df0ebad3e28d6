import { CommanderError } from 'commander';
import { createActionWrapper } from './act.ts';
import { createClient } from './client.ts';
import type { Environment } from './environment.ts';
import { type ExitCode, exitCodes } from './exit-code.ts';
import { createOutput, type Output, type Streams } from './output.ts';
import { packageVersion } from './package-root.ts';
import { type Problem, toProblem, usageError } from './problem.ts';
import { createProgram } from './program.ts';
import type { Session } from './session.ts';

export interface CliContext {
  readonly streams: Streams;
  readonly environment: Environment;
  readonly ask: Session['ask'];
}

/** Runs one command line to its exit code. Whatever goes wrong is shown as a problem. */
export async function runCli(args: readonly string[], { streams, environment, ask }: CliContext): Promise<ExitCode> {
  const { noColour } = environment;
  const json = args.includes('--json');
  let exitCode: ExitCode = exitCodes.green;
  let out: Output = createOutput(streams, { json, noColour });
  const open = (options: { json: boolean }): Session => {
    out = createOutput(streams, { ...options, noColour });
    // Not before a command starts: help can be had whatever the environment says.
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
    // Nothing is not a mistake but a question.
    await program.parseAsync(args.length === 0 ? ['--help'] : [...args], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    const problem = thrown instanceof CommanderError ? usageProblem(thrown, args) : toProblem(thrown);
    if (!problem) return exitCodes.green;
    out.problem(problem);
    return problem.exitCode;
  }
}

/** What commander refuses; undefined when it only showed its help or the version. */
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
