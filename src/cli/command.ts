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

/** Turns a handler into an action of commander, which opens the session and stores the exit code. */
export type ActionWrapper = <Options, Args extends readonly unknown[]>(
  handler: Handler<Options, Args>,
) => (...passed: unknown[]) => Promise<void>;

/** Adds one command to the program. */
export type DefineCommand = (program: Command, action: ActionWrapper) => void;

export interface ReasonOptions {
  readonly reason: string;
}

/** The mandatory reason of a change. */
export function reasonOption(): Option {
  return new Option('--reason <text>', 'why; kept in the audit log').argParser(parseNonBlank).makeOptionMandatory();
}

/**
 * Asks the operator to confirm a change that is hard to undo. `describe` returns what will be changed, with the white space
 * after it, or undefined when nothing has to be confirmed.
 * @throws Problem without a terminal, or when the answer is not yes.
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

/** The examples below the help of a command. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ drover ${line}`).join('\n')}`;
}

/** The arguments of every command handler. */
export interface Session {
  readonly api: Client;
  readonly out: Output;
  readonly settings: Settings;
  /** For questions to the operator; undefined where there is no terminal. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
}
