import type { Command } from 'commander';
import type { ActionWrapper, Handler } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import type { Session } from './session.ts';

/** Opens sessions for handlers and gives their exit codes to `keep`. */
export function createActionWrapper(
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
