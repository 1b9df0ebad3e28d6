import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { LinkPlan, LinkView } from '../../contract/bookings.ts';
import { pathOf, requestDeadlineMs } from '../client.ts';
import {
  type ActionWrapper,
  type DefineCommand,
  examples,
  type ReasonOptions,
  reasonOption,
  requireConfirmation,
  type Session,
} from '../command.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { defaultFollowTiming, retryWhileUnreachable, runInterruptible } from '../follow.ts';
import { escapeControls, type Paint } from '../format.ts';

interface SchemaOptions {
  readonly targetSchema?: string;
}

interface StartOptions extends ReasonOptions, SchemaOptions {
  readonly dryRun?: boolean;
  readonly acceptTrigger: readonly string[];
  readonly wait?: boolean;
  readonly yes?: boolean;
}

const schemaOption = [
  '--target-schema <name>',
  'schema of the users (default: that of the newest run of bookings)',
] as const;

export const link: DefineCommand = (program, action) => {
  const command = program
    .command('link')
    .description('link a live bookings table with its users')
    .addHelpText(
      'after',
      examples(
        'link start --dry-run',
        'link start --reason "as agreed" --yes --wait',
        'link status',
        'link undo --reason "not today" --yes',
      ),
    );
  defineStart(command, action);
  command
    .command('status')
    .description('show how far the link is, and what holds it')
    .option(...schemaOption)
    .action(
      action(async (session, { targetSchema }: SchemaOptions) => {
        const view = await fetchLink(session, targetSchema);
        session.out.answer(view, (safe) => linkReport(safe, session.out.paint));
        return exitCodes.green;
      }),
    );
  defineChange(command, action, 'pause', 'begin no further batch');
  defineChange(command, action, 'resume', 'go on where it was paused');
  defineUndo(command, action);
};

function defineStart(command: Command, action: ActionWrapper): void {
  command
    .command('start')
    .description('link new rows by a trigger from now on, and fill the rest in batches')
    .addOption(reasonOption().makeOptionMandatory(false))
    .option(...schemaOption)
    .option('--dry-run', 'only show the statements, the triggers that would fire, and what stands against it')
    .option(
      '--accept-trigger <name>',
      'let this trigger of the table fire; again for more',
      (name, all: string[]) => [...all, name],
      [],
    )
    .option('--wait', 'follow the link to its end')
    .option('--yes', 'do not ask')
    .action(action((session, options: StartOptions) => startLink(session, options)));
}

async function startLink(session: Session, options: StartOptions): Promise<ExitCode> {
  const { api, out } = session;
  const { targetSchema, acceptTrigger: acceptTriggers, reason, dryRun } = options;
  const fetchPlan = () =>
    api.get<LinkPlan>(
      `/bookings/link/plan${queryOf({ targetSchema, triggers: acceptTriggers.length > 0 ? acceptTriggers.join(',') : undefined })}`,
    );
  if (dryRun) {
    const plan = await fetchPlan();
    out.answer(plan, (safe) => planReport(safe, out.paint));
    return plan.problems.length === 0 ? exitCodes.green : exitCodes.failures;
  }
  if (!options.yes) {
    await requireConfirmation(session, 'a link', async () => `${planReport(await fetchPlan(), out.paint)}\n`);
  }
  const begun = await api.request<LinkView>('POST', '/bookings/link', {
    body: { targetSchema, acceptTriggers, reason: reason ?? '' },
    deadlineMs: requestDeadlineMs.long,
  });
  if (!options.wait) {
    out.answer(begun, (safe) => linkReport(safe, out.paint));
    return exitCodes.green;
  }
  return followLink(session, begun);
}

const pollIntervalMs = 500;

/** Prints a line at every change until the link has ended. */
async function followLink(session: Session, begun: LinkView): Promise<ExitCode> {
  const { out } = session;
  let shown = '';
  const last = await runInterruptible(async (signal) => {
    let now = begun;
    while (now.state !== 'done' && now.state !== 'paused' && !signal.aborted) {
      const line = progressLine(now);
      if (line !== shown) out.note(line);
      shown = line;
      await sleep(pollIntervalMs, undefined, { signal }).catch(() => undefined);
      now =
        (await retryWhileUnreachable(() => fetchLink(session, now.targetSchema), { signal }, defaultFollowTiming)) ??
        now;
    }
    return now;
  });
  out.answer(last, (safe) => linkReport(safe, out.paint));
  return last.state === 'done' ? exitCodes.green : exitCodes.detached;
}

function progressLine({ state, passed, estimatedRows, linked, hold, lastError }: LinkView): string {
  const held = hold === null ? '' : ` | held: ${hold.reason} ${hold.value}, limit ${hold.limit}`;
  const failed = lastError === null ? '' : ` | last error: ${lastError}`;
  return escapeControls(`${state}: ${passed} of about ${estimatedRows} rows passed, ${linked} linked${held}${failed}`);
}

function fetchLink({ api }: Session, targetSchema: string | undefined): Promise<LinkView> {
  return api.get<LinkView>(`/bookings/link${queryOf({ targetSchema })}`);
}

function defineChange(command: Command, action: ActionWrapper, name: 'pause' | 'resume', description: string): void {
  command
    .command(name)
    .description(description)
    .addOption(reasonOption())
    .option(...schemaOption)
    .action(
      action(async ({ api, out }, { targetSchema, reason }: ReasonOptions & SchemaOptions) => {
        const view = await api.request<LinkView>('POST', pathOf`/bookings/link/${name}`, {
          body: { targetSchema, reason },
        });
        out.answer(view, (safe) => linkReport(safe, out.paint));
        return exitCodes.green;
      }),
    );
}

interface UndoOptions extends ReasonOptions, SchemaOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

function defineUndo(command: Command, action: ActionWrapper): void {
  command
    .command('undo')
    .description('remove the column, the triggers, the index and the key of the link')
    .addOption(reasonOption())
    .option(...schemaOption)
    .option('--dry-run', 'only show the statements')
    .option('--yes', 'do not ask')
    .action(
      action(async (session, { targetSchema, reason, dryRun = false, yes }: UndoOptions) => {
        const { api, out } = session;
        const request = (asked: boolean) =>
          api.request<{ readonly statements: readonly string[] }>('POST', '/bookings/link/undo', {
            body: { targetSchema, reason, dryRun: asked },
            deadlineMs: requestDeadlineMs.long,
          });
        if (!dryRun && !yes) {
          await requireConfirmation(session, 'taking a link back', async () => {
            const { statements } = await request(true);
            return `${statements.join(';\n')};\n`;
          });
        }
        const done = await request(dryRun);
        out.answer(done, (safe) => (dryRun ? `${safe.statements.join(';\n')};` : 'the link was taken back'));
        return exitCodes.green;
      }),
    );
}

function queryOf(values: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as [string, string]])),
  ).toString();
  return query === '' ? '' : `?${query}`;
}

function linkReport(view: LinkView, paint: Paint): string {
  const { targetSchema, table, state, pausedIn, linked, estimatedRows, hold, lastError } = view;
  return [
    `${paint(state, state === 'done' ? 'green' : 'yellow')}${pausedIn === null ? '' : ` while ${pausedIn}`}: ${table} with users of ${targetSchema}`,
    `rows linked: ${linked} of about ${estimatedRows}; passed by filling: ${view.passed}; batch size: ${view.batchSize}`,
    ...(hold === null ? [] : [`held: ${hold.reason} ${hold.value}, limit ${hold.limit}`]),
    ...(lastError === null ? [] : [`last error: ${lastError}`]),
  ].join('\n');
}

function planReport({ table, estimatedRows, triggers, statements, problems }: LinkPlan, paint: Paint): string {
  return [
    `${table}, about ${estimatedRows} rows`,
    ...(triggers.length === 0
      ? ['no trigger of the table fires when a row is linked']
      : [
          paint('triggers that fire for every row', 'bold'),
          ...triggers.map(({ name, definition }) => `  ${name}: ${definition}`),
        ]),
    paint('statements', 'bold'),
    ...statements.map((statement) => `  ${statement};`),
    ...problems.map((problem) => paint(`refused: ${problem}`, 'red')),
  ].join('\n');
}
