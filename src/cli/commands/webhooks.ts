import type { Command } from 'commander';
import type { Page } from '../../contract/runs.ts';
import { pathOf, requestDeadlineMs } from '../client.ts';
import {
  type ActionWrapper,
  type DefineCommand,
  examples,
  type ReasonOptions,
  reasonOption,
  requireConfirmation,
} from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { formatTable, type Paint } from '../format.ts';
import { parseNonBlank, wholeNumberParser } from '../option-parsers.ts';
import { usageError } from '../problem.ts';

/** An event of the inbox, as far as lists show it. */
interface EventView {
  readonly provider: string;
  readonly id: string;
  readonly type: string;
  readonly objectId: string | null;
  readonly state: string;
  readonly attempts: number;
  readonly code: string | null;
  readonly message: string | null;
  readonly effect: string | null;
  readonly receivedAt: string;
  readonly dueAt: string | null;
}

interface FilterOptions {
  readonly state?: string;
  readonly type?: string;
  readonly code?: string;
  readonly object?: string;
  readonly waiting?: boolean;
}

export const webhooks: DefineCommand = (program, action) => {
  const command = program
    .command('webhooks')
    .description('show events that providers reported, replay them, delete old ones')
    .addHelpText(
      'after',
      examples(
        'webhooks',
        'webhooks list --state failed --code NO_PAYMENT',
        'webhooks replay evt_123 --reason "the booking is there now"',
        'webhooks replay --all --code NO_PAYMENT --reason "bookings restored" --dry-run',
        'webhooks purge --older-than 90d --reason "retention"',
      ),
    );
  defineList(command, action);
  defineReplay(command, action);
  definePurge(command, action);
};

function addFilter(command: Command): Command {
  return command
    .option('--state <state>', 'pending, applied, ignored or failed', parseNonBlank)
    .option('--type <type>', 'of this type, such as charge.refunded', parseNonBlank)
    .option('--code <code>', 'with this code, such as NO_PAYMENT', parseNonBlank)
    .option('--object <id>', 'about this object of the provider', parseNonBlank)
    .option('--waiting', 'pending ones that wait for what their code names');
}

const filterOf = ({ state, type, code, object: objectId, waiting }: FilterOptions) => ({
  ...{ state, type, code, objectId, waiting },
});

interface ListOptions extends FilterOptions {
  readonly limit: number;
  readonly cursor?: string;
}

function defineList(command: Command, action: ActionWrapper): void {
  addFilter(command.command('list', { isDefault: true }).description('show events, the newest first'))
    .option('--limit <n>', 'how many', wholeNumberParser(1, 500), 50)
    .option('--cursor <cursor>', 'where an earlier list ended')
    .action(
      action(async ({ api, out, settings }, options: ListOptions) => {
        const { waiting, ...filter } = filterOf(options);
        const page = await api.get<Page<EventView>>('/webhooks', {
          ...filter,
          waiting: waiting ? 'true' : undefined,
          limit: options.limit,
          cursor: options.cursor,
        });
        out.answer(page, (safe) => (safe.items.length === 0 ? 'no events' : eventTable(safe.items, out.paint)));
        if (page.nextCursor) out.note(`More with: ${settings.invocation} webhooks list --cursor ${page.nextCursor}`);
        return exitCodes.green;
      }),
    );
}

function eventTable(events: readonly EventView[], paint: Paint): string {
  return formatTable(
    events,
    [
      { title: 'received', value: (event) => event.receivedAt },
      { title: 'event', value: (event) => event.id },
      { title: 'type', value: (event) => event.type },
      {
        title: 'state',
        value: (event) => event.state,
        tone: ({ state }) => (state === 'failed' ? 'red' : state === 'pending' ? 'yellow' : undefined),
      },
      { title: 'tries', value: (event) => event.attempts, right: true },
      { title: 'code', value: (event) => event.code ?? '' },
      { title: 'what', value: (event) => event.message ?? event.effect ?? '' },
    ],
    paint,
  );
}

interface ReplayResult {
  readonly dryRun: boolean;
  readonly matched: number;
  readonly replayed: number;
  readonly withoutPayload: number;
  readonly busy: number;
}

interface ReplayOptions extends FilterOptions, ReasonOptions {
  readonly provider: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

function defineReplay(command: Command, action: ActionWrapper): void {
  addFilter(
    command
      .command('replay [event]')
      .description('apply an event again, or all that match; what had its effect has no second one')
      .option('--all', 'all that match; without --state and --waiting those that failed and those that wait'),
  )
    .option('--provider <name>', 'the provider of the event', 'stripe')
    .option('--dry-run', 'with --all: only count')
    .option('--yes', 'do not ask')
    .addOption(reasonOption())
    .action(
      action(async (session, options: ReplayOptions, event: string | undefined) => {
        const { api, out } = session;
        const { all, dryRun = false, reason, provider, yes } = options;
        if ((event === undefined) === (all !== true))
          throw usageError('name one event, or --all', '`drover webhooks --state failed` lists them.');
        if (event !== undefined) {
          const path = pathOf`/webhooks/${provider}/${event}/replay`;
          const done = await api.request<{ readonly replayed: true }>('POST', path, { body: { reason } });
          out.answer(done, () => `event ${event} is applied again`);
          return exitCodes.green;
        }
        const request = (asked: boolean) =>
          api.request<ReplayResult>('POST', '/webhooks/replay', {
            body: { ...filterOf(options), reason, dryRun: asked },
            deadlineMs: requestDeadlineMs.long,
          });
        if (!dryRun && !yes)
          await requireConfirmation(
            session,
            'a replay of many events',
            async () => `${replayReport(await request(true))}\n`,
          );
        const done = await request(dryRun);
        out.answer(done, replayReport);
        return exitCodes.green;
      }),
    );
}

function replayReport({ dryRun, matched, replayed, withoutPayload, busy }: ReplayResult): string {
  return [
    `${replayed} of ${matched} events ${dryRun ? 'would be' : 'are'} applied again`,
    ...(withoutPayload === 0 ? [] : [`${withoutPayload} are left: their payload was not kept`]),
    ...(busy === 0 ? [] : [`${busy} are left: a worker processes them at this moment`]),
  ].join('\n');
}

interface PurgeOptions extends ReasonOptions {
  readonly olderThan: string;
  readonly dryRun?: boolean;
}

interface EventPurge {
  readonly dryRun: boolean;
  readonly complete: boolean;
  readonly events: number;
}

function definePurge(command: Command, action: ActionWrapper): void {
  command
    .command('purge')
    .description('delete events that were applied or ignored long ago')
    .requiredOption('--older-than <age>', 'settled longer ago than 12h, 30d, 8w', parseNonBlank)
    .option('--dry-run', 'only count')
    .addOption(reasonOption())
    .action(
      action(async ({ api, out }, { olderThan, dryRun, reason }: PurgeOptions) => {
        for (let events = 0; ; ) {
          const done = await api.request<EventPurge>('POST', '/webhooks/purge', {
            body: { olderThan, dryRun, reason },
            deadlineMs: requestDeadlineMs.long,
          });
          events += done.events;
          if (!done.complete) continue;
          out.answer(
            { ...done, events },
            (safe) => `${safe.dryRun ? 'would delete' : 'deleted'} ${safe.events} events`,
          );
          return exitCodes.green;
        }
      }),
    );
}
