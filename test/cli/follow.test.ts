import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../../src/cli/client.ts';
import { type FollowOptions, followRun, serverEvents } from '../../src/cli/follow.ts';
import type { RunView } from '../../src/contract/runs.ts';
import { completedRun, runView } from '../helpers/run-fixtures.ts';
import {
  problemReply,
  respondInOrder,
  type ScriptedService,
  serverSentEvents,
  startScriptedService,
} from '../helpers/scripted-service.ts';

const pace = { pollMs: 10, checkWhileConnectedMs: 2000, unreachableTimeoutMs: 400 };
const step = (perSecond: number): RunView => runView({ progress: { percent: 0, perSecond, etaSeconds: null } });

let service: ScriptedService;

beforeEach(async () => {
  service = await startScriptedService();
});

afterEach(() => service.close());

async function followed(follow: Partial<FollowOptions> = {}): Promise<RunView[]> {
  const api = createClient({ url: service.url, token: undefined });
  const states: RunView[] = [];
  const signal = follow.signal ?? new AbortController().signal;
  for await (const state of followRun(api, 'r1', { signal, timing: pace, ...follow })) states.push(state);
  return states;
}

const rates = (states: readonly RunView[]): number[] => states.map((state) => state.progress.perSecond);

describe('following a run', () => {
  it('reads the event stream up to the end', async () => {
    service.on('GET /runs/r1', step(1));
    service.on('GET /runs/r1/events', serverSentEvents(step(2), completedRun()));
    const states = await followed();
    expect(rates(states)[0]).toBe(1);
    expect(states.at(-1)?.status).toBe('completed');
    expect(service.received.filter((one) => one.path === '/api/v1/runs/r1')).toHaveLength(1);
  });

  it('polls without an event stream, and yields each state once', async () => {
    service.on('GET /runs/r1', respondInOrder(step(1), step(1), step(2), completedRun()));
    const states = await followed();
    expect(rates(states)).toEqual([1, 2, 0]);
  });

  it('polls when the event stream ends before the run', async () => {
    service.on('GET /runs/r1', respondInOrder(step(1), step(3), completedRun()));
    service.on('GET /runs/r1/events', serverSentEvents(step(2)));
    const states = await followed();
    expect(rates(states).slice(-2)).toEqual([3, 0]);
  });

  it('polls when a proxy delays the event stream', async () => {
    service.on('GET /runs/r1', respondInOrder(step(1), completedRun()));
    service.on('GET /runs/r1/events', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      return undefined;
    });
    const states = await followed({ timing: { ...pace, checkWhileConnectedMs: 50 } });
    expect(states.at(-1)?.status).toBe('completed');
  });

  it('goes on when the API is unreachable for a moment', async () => {
    let calls = 0;
    service.on('GET /runs/r1', () => {
      calls += 1;
      return calls === 2
        ? problemReply(503, 'DATABASE_UNAVAILABLE', 'away', 'wait')
        : { body: calls > 2 ? completedRun() : step(1) };
    });
    const contact: (string | undefined)[] = [];
    await followed({ onContact: (lost) => contact.push(lost) });
    expect(contact).toEqual(['away', undefined]);
  });

  it('fails when the API stays unreachable', async () => {
    service.on('GET /runs/r1', () => problemReply(503, 'DATABASE_UNAVAILABLE', 'away', 'wait'));
    await expect(followed()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', exitCode: 3 });
  });

  it('does not wait for a run that does not exist', async () => {
    await expect(followed()).rejects.toMatchObject({ code: 'NOT_FOUND', exitCode: 2 });
  });

  it('ends at its signal while it waits for the next poll', async () => {
    service.on('GET /runs/r1', step(1));
    const stop = new AbortController();
    const timing = { ...pace, pollMs: 3_600_000, checkWhileConnectedMs: 3_600_000 };
    const api = createClient({ url: service.url, token: undefined });
    // The wait begins before the next turn of the event loop.
    for await (const _ of followRun(api, 'r1', { signal: stop.signal, timing })) setImmediate(() => stop.abort());
  });
});

describe('server-sent events', () => {
  async function read(...chunks: readonly string[]): Promise<string[]> {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });
    const events: string[] = [];
    for await (const { event, data } of serverEvents(stream)) events.push(`${event}=${data}`);
    return events;
  }

  it('are parsed with any chunks, line ends and comments', async () => {
    expect(await read('event: run\nda', 'ta: {"a":1}\n', '\n: still here\n\ndata:x\r\ndata: y\r', '\n\r\n')).toEqual([
      'run={"a":1}',
      'message=x\ny',
    ]);
  });

  it('that are incomplete are dropped', async () => {
    expect(await read('data: whole\n\ndata: hal')).toEqual(['message=whole']);
    expect(await read('data: no end\n')).toEqual([]);
  });
});
