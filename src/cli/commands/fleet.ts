import type { Command } from 'commander';
import type { QueueView, UpstreamView } from '../../contract/fleet.ts';
import type { List, WorkerView } from '../api-types.ts';
import { pathOf } from '../client.ts';
import {
  type ActionWrapper,
  type DefineCommand,
  examples,
  type ReasonOptions,
  reasonOption,
  type Session,
} from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { formatBytes, formatTable, type Paint } from '../format.ts';
import { parseNonBlank, wholeNumberParser } from '../option-parsers.ts';
import { Problem, usageError } from '../problem.ts';

export const workers: DefineCommand = (program, action) => {
  program
    .command('workers')
    .description('list the worker processes and how they are')
    .addHelpText('after', examples('workers', 'workers --json'))
    .action(
      action(async ({ api, out }) => {
        const answer = await api.get<List<WorkerView>>('/workers');
        out.answer(answer, (safe) =>
          safe.items.length === 0
            ? 'no worker is alive: start one with `npm run worker`'
            : workersTable(safe.items, out.paint),
        );
        return exitCodes.green;
      }),
    );
};

/** One line per worker process. */
function workersTable(workers: readonly WorkerView[], paint: Paint): string {
  return formatTable(
    workers,
    [
      { title: 'worker', value: (one) => one.id },
      {
        title: 'state',
        value: (one) => (one.alive ? 'alive' : 'silent'),
        tone: (one) => (one.alive ? 'green' : 'red'),
      },
      { title: 'host', value: (one) => `${one.host}:${one.pid}` },
      { title: 'queues', value: (one) => one.queues.join(',') },
      { title: 'at once', value: (one) => one.concurrency, right: true },
      { title: 'done', value: (one) => one.done, right: true },
      { title: 'CPU', value: (one) => `${one.cpuPercent} %`, right: true },
      { title: 'memory', value: (one) => `${one.rssMb} MB`, right: true },
      { title: 'at most', value: (one) => `${one.peakRssMb} MB`, right: true },
      { title: 'requests', value: (one) => totalTraffic(one, 'requests'), right: true },
      { title: 'sent', value: (one) => formatBytes(totalTraffic(one, 'sentBytes')), right: true },
      { title: 'received', value: (one) => formatBytes(totalTraffic(one, 'receivedBytes')), right: true },
      { title: 'loop lag', value: (one) => `${one.loopLagMs} ms`, right: true },
      { title: 'heard of', value: (one) => one.seenAt },
    ],
    paint,
  );
}

/** The total over all upstreams. */
function totalTraffic({ traffic }: WorkerView, field: 'requests' | 'sentBytes' | 'receivedBytes'): number {
  return Object.values(traffic).reduce((all, one) => all + one[field], 0);
}

export const queues: DefineCommand = (program, action) => {
  const command = program
    .command('queues')
    .description('list the queues; pause or resume one for the whole fleet')
    .addHelpText(
      'after',
      examples('queues', 'queues pause load --reason "index is being built"', 'queues resume load --reason done'),
    )
    .action(
      action(async ({ api, out }) => {
        const answer = await api.get<List<QueueView>>('/queues');
        out.answer(answer, (safe) => queuesTable(safe.items, out.paint));
        return exitCodes.green;
      }),
    );
  defineQueueChange(command, action, 'pause', 'dispatch nothing more of a queue, on every worker');
  defineQueueChange(command, action, 'resume', 'let a queue go on');
};

function defineQueueChange(
  command: Command,
  action: ActionWrapper,
  name: 'pause' | 'resume',
  description: string,
): void {
  command
    .command(`${name} <queue>`)
    .description(description)
    .addOption(reasonOption())
    .action(
      action(async ({ api, out }, { reason }: ReasonOptions, queue: string) => {
        const path = `${pathOf`/queues/${queue}`}/${name}`;
        const changed = await api.request<QueueView>('POST', path, { body: { reason } });
        out.answer(changed, (safe) => queuesTable([safe], out.paint));
        return exitCodes.green;
      }),
    );
}

/** One line per queue, with a column for every job state that any queue has. */
function queuesTable(queues: readonly QueueView[], paint: Paint): string {
  const states = [...new Set(queues.flatMap((queue) => Object.keys(queue.counts ?? {})))];
  return formatTable(
    queues,
    [
      { title: 'queue', value: (queue) => queue.name },
      {
        title: 'state',
        value: (queue) => (queue.paused ? 'paused' : 'open'),
        tone: (queue) => (queue.paused ? 'yellow' : 'green'),
      },
      // Redis does not respond: that is not the same as no waiting jobs.
      ...states.map((state) => ({
        title: state,
        value: (queue: QueueView) => queue.counts?.[state] ?? '?',
        right: true,
      })),
      {
        title: 'why paused',
        value: (queue) => (queue.paused ? `${queue.reason ?? ''} (${queue.pausedBy ?? '?'})` : ''),
      },
    ],
    paint,
  );
}

interface Options {
  readonly rps?: number;
  readonly reason?: string;
}

export const limits: DefineCommand = (program, action) => {
  program
    .command('limits [upstream]')
    .description('show what the fleet may ask of each upstream a second, or change it')
    .option('--rps <n>', 'requests a second, for the whole fleet', wholeNumberParser(1, 10_000))
    .option('--reason <text>', 'why; kept in the audit log', parseNonBlank)
    .addHelpText('after', examples('limits', 'limits bubble', 'limits bubble --rps 5 --reason "they asked us to"'))
    .action(
      action(async (session, options: Options, name: string | undefined) => {
        const { out } = session;
        if (options.rps === undefined && options.reason === undefined) {
          const shown = await findUpstreams(session, name);
          out.answer(shown, (safe) => (safe.length === 0 ? 'no upstreams' : limitsTable(safe, out.paint)));
          return exitCodes.green;
        }
        const changed = await changeLimit(session, name, options);
        out.answer(changed, (safe) => limitsTable([safe], out.paint));
        return exitCodes.green;
      }),
    );
};

async function findUpstreams({ api }: Session, name: string | undefined): Promise<readonly UpstreamView[]> {
  const all = (await api.get<List<UpstreamView>>('/upstreams')).items;
  if (name === undefined) return all;
  const found = all.filter((one) => one.name === name);
  if (found.length > 0) return found;
  const remedy = `The upstreams are ${all.map((one) => one.name).join(', ') || 'none'}.`;
  throw new Problem({ code: 'NOT_FOUND', message: `there is no upstream ${name}`, remedy });
}

async function changeLimit({ api }: Session, name: string | undefined, options: Options): Promise<UpstreamView> {
  if (name === undefined || options.rps === undefined || options.reason === undefined) {
    throw usageError(
      'a new limit needs the upstream, --rps and --reason',
      'limits bubble --rps 5 --reason "they asked us to"',
    );
  }
  const body = { maxRps: options.rps, reason: options.reason };
  return api.request('PATCH', pathOf`/upstreams/${name}`, { body });
}

/** One line per upstream: the limits of the whole fleet. */
function limitsTable(upstreams: readonly UpstreamView[], paint: Paint): string {
  return formatTable(
    upstreams,
    [
      { title: 'upstream', value: (one) => one.name },
      // Redis does not know the plan's limit before the first request.
      { title: 'most a second', value: (one) => one.maxRps ?? 'not yet', right: true },
      { title: 'now', value: (one) => (one.effectiveRps === null ? 'idle' : rounded(one.effectiveRps)), right: true },
      { title: 'used', value: (one) => `${one.usedLastSecond}/s`, right: true },
      { title: 'last minute', value: (one) => one.usedLastMinute, right: true },
      {
        title: 'breaker',
        value: (one) => one.breaker ?? '',
        tone: (one) => (one.breaker === 'open' ? 'red' : undefined),
      },
      { title: 'waits until', value: (one) => one.blockedUntil ?? '' },
      { title: 'set by', value: (one) => one.setBy ?? 'configuration' },
      { title: 'why', value: (one) => one.reason ?? '' },
    ],
    paint,
  );
}

const rounded = (rps: number): number => Math.round(rps * 10) / 10;
