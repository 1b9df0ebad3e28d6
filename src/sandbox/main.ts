import { Command } from 'commander';
import { ZodError, z } from 'zod';
import { bookingsCommand } from './bookings/command.ts';
import { bubbleCommand, bubbleCsvCommand } from './bubble/command.ts';
import { launchCommand } from './launch/command.ts';
import { stripeCommand } from './stripe/command.ts';
import { supabaseCommand } from './supabase/command.ts';

/** The command of every sandbox. */
const COMMANDS = [bookingsCommand, bubbleCommand, bubbleCsvCommand, launchCommand, stripeCommand, supabaseCommand];

const program = new Command('sandbox')
  .description(
    'Local servers that behave like the services a migration reads from and writes to, including their faults.',
  )
  .showHelpAfterError();
for (const command of COMMANDS) program.addCommand(command());

try {
  await program.parseAsync();
} catch (cause) {
  process.stderr.write(`${explain(cause)}\n`);
  process.exitCode = 1;
}

function explain(cause: unknown): string {
  if (cause instanceof ZodError) return z.prettifyError(cause);
  return cause instanceof Error ? cause.message : String(cause);
}
