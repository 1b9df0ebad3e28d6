import { type Command, Option } from 'commander';
import type { Client } from './client.ts';
import type { Settings } from './environment.ts';
import type { ExitCode } from './exit-code.ts';
import { parseNonBlank } from './option-parsers.ts';
import type { Output } from './output.ts';
import { usageError } from './problem.ts';

/** What a command does. Positional arguments come last, in the order of its usage. */
export type Handler<Options, Args extends readonly unknown[]> = (
  session: Session,
  options: Options,
  ...args: Args
) => Promise<ExitCode>;

/** Makes a handler into what commander calls: it opens the session and keeps the exit code. */
export type ActionWrapper = <Options, Args extends readonly unknown[]>(
  handler: Handler<Options, Args>,
) => (...passed: unknown[]) => Promise<void>;

/** Adds one command to the program. */
export type DefineCommand = (program: Command, action: ActionWrapper) => void;

export interface ReasonOptions {
  readonly reason: string;
}

/** Every change that can hurt says why. */
export function reasonOption(): Option {
  return new Option('--reason <text>', 'why; kept in the audit log').argParser(parseNonBlank).makeOptionMandatory();
}

/**
 * Asks the operator before something that cannot be taken back easily. `describe` says what is at stake, with the white space
 * behind it; when it answers undefined there is nothing to confirm.
 * @throws Problem when there is no terminal to ask at, or the answer is not yes.
 */
export async function requireConfirmation(
  { ask }: Pick<Session, 'ask'>,
  action: string,
  describe: () => Promise<string | undefined>,
): Promise<void> {
  if (!ask) throw usageError(`${action} has to be confirmed`, 'Add --yes, or run it in a terminal.');
  const stake = await describe();
  if (stake === undefined) return;
  const answer = await ask(`${stake}Go on? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw usageError('not confirmed: nothing was changed');
}

/** The examples under a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ drover ${line}`).join('\n')}`;
}

/** What every command is given. */
export interface Session {
  readonly api: Client;
  readonly out: Output;
  readonly settings: Settings;
  /** For questions to the operator; undefined where there is no terminal. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
}
