import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { dirtOption, manifestOption, serveUntilStopped, writeManifest } from '../core/command.ts';
import type { BookingsOptions } from './generate.ts';
import { makeBookings } from './sandbox.ts';

interface Flags extends Required<Omit<BookingsOptions, 'people'>> {
  people?: number;
  sourceDatabaseUrl?: string;
  databaseUrl?: string;
  schema: string;
  rate: number;
  manifest?: string;
}

/** `sandbox bookings`: makes a table of bookings, and with `--rate` writes to it until it is stopped. */
export function bookingsCommand(): Command {
  return new Command('bookings')
    .description('a table of bookings with the dirt of real ones, in PostgreSQL, and an application that writes to it')
    .addOption(new Option('--source-database-url <url>', 'the database').env('SOURCE_DATABASE_URL'))
    .addOption(
      new Option('--database-url <url>', 'the database, without the above; without both the embedded one').env(
        'DATABASE_URL',
      ),
    )
    .option('--schema <schema>', 'of the table; a table bookings in it is replaced', 'bookings_sandbox')
    .option('--rows <n>', 'bookings', Number, 50_000)
    .option('--people <n>', 'people who may book (default: a fifth of the rows)', Number)
    .option('--rate <n>', 'rows added, changed or deleted a second, until it is stopped; 0: none', Number, 0)
    .option('--seed <n>', 'the same seed gives the same rows and the same writes', Number, 7)
    .addOption(dirtOption())
    .addOption(new Option('--contact-type <type>', 'of contactDetails').choices(['jsonb', 'text']).default('jsonb'))
    .addOption(new Option('--amount-type <type>', 'of finalAmount').choices(['numeric', 'double']).default('numeric'))
    .addOption(new Option('--id-type <type>', 'of id').choices(['int', 'uuid', 'text']).default('int'))
    .addOption(manifestOption())
    .action(run);
}

async function run(
  { sourceDatabaseUrl, databaseUrl, schema, rate, manifest, ...options }: Flags,
  command: Command,
): Promise<void> {
  const url = sourceDatabaseUrl ?? databaseUrl;
  if (url === undefined) return runWithServices(command);
  const began = performance.now();
  const sandbox = await makeBookings({ databaseUrl: url, schema }, options);
  writeManifest(manifest, sandbox.manifest);
  const { rows, users, payments, unusable } = sandbox.manifest;
  const lines = [
    `Bookings sandbox  ${sandbox.table}, made in ${((performance.now() - began) / 1_000).toFixed(1)} s`,
    `  rows           ${rows}`,
    `  users          ${users}`,
    `  payments       ${payments.count}, ${payments.sum} in minor units`,
    `  no address     ${Object.values(unusable).flat().length}`,
  ];
  if (rate === 0) {
    process.stdout.write(`${lines.join('\n')}\n`);
    return;
  }
  const writer = await sandbox.write(rate);
  await serveUntilStopped([...lines, `  writer         ${rate} operations a second; Ctrl-C ends it`], {
    close: () => writer.stop(),
  });
}

/** The same command once more, by the start script that finds or starts PostgreSQL and puts it into DATABASE_URL. */
async function runWithServices(command: Command): Promise<void> {
  const args = command.parent?.args ?? [];
  const start = join('scripts', 'with-services.ts');
  const child = spawn(process.execPath, ['scripts/run.mjs', start, 'src/sandbox/main.ts', ...args], {
    stdio: 'inherit',
  });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}
