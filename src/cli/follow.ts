import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from '../contract/runs.ts';
import { handleStopSignals } from '../signals.ts';
import { type Client, pathOf } from './client.ts';
import { exitCodes, isFinished } from './exit-code.ts';
import { toProblem } from './problem.ts';

/** How following keeps time; tests are in more of a hurry. */
export interface FollowTiming {
  /** Between two questions when nothing is pushed. */
  readonly pollMs: number;
  /** Between two questions while changes are pushed: a proxy can hold pushes back without anyone noticing. */
  readonly checkWhileConnectedMs: number;
  /** How long the service may be out of reach before following gives up. */
  readonly unreachableTimeoutMs: number;
}

export const defaultFollowTiming: FollowTiming = {
  pollMs: 1000,
  checkWhileConnectedMs: 10_000,
  unreachableTimeoutMs: 60_000,
};

export interface FollowOptions {
  readonly signal: AbortSignal;
  readonly timing?: FollowTiming | undefined;
  /** Called when the service is lost and when it is found again. */
  readonly onContact?: ((lost: string | undefined) => void) | undefined;
}

/**
 * Every state of a run from now to its end, or until the signal. Pushed where the service can, asked for where not.
 * @throws Problem when the service refuses, or stays out of reach.
 */
export async function* followRun(api: Client, runId: string, options: FollowOptions): AsyncGenerator<RunView> {
  const pace = options.timing ?? defaultFollowTiming;
  const feedEnd = new AbortController();
  const feed = openRunFeed(api, runId, AbortSignal.any([options.signal, feedEnd.signal]));
  let shown = '';
  try {
    while (!options.signal.aborted) {
      const run =
        feed.takeLatest() ??
        (await retryWhileUnreachable(() => api.get<RunView>(pathOf`/runs/${runId}`), options, pace));
      if (!run) return;
      const state = JSON.stringify(run);
      if (state !== shown) yield run;
      shown = state;
      if (isFinished(run)) return;
      await feed.waitForChange(feed.connected ? pace.checkWhileConnectedMs : pace.pollMs);
    }
  } finally {
    feedEnd.abort();
  }
}

/** Asks until it is answered: a service that is restarted in mid-run is no reason to stop following. */
export async function retryWhileUnreachable<T>(
  request: () => Promise<T>,
  options: FollowOptions,
  timing: FollowTiming,
): Promise<T | undefined> {
  const until = Date.now() + timing.unreachableTimeoutMs;
  for (let lost = false; !options.signal.aborted; ) {
    try {
      const answer = await request();
      if (lost) options.onContact?.(undefined);
      return answer;
    } catch (thrown) {
      const problem = toProblem(thrown);
      if (problem.exitCode !== exitCodes.unreachable || Date.now() > until) throw problem;
      if (!lost) options.onContact?.(problem.message);
      lost = true;
      await sleep(timing.pollMs, undefined, { signal: options.signal }).catch(() => {});
    }
  }
  return undefined;
}

/** Tells when a run changed, for as long as the service keeps the line open. */
export interface RunFeed {
  /** False once the line is closed or was never opened: the state has to be polled. */
  readonly connected: boolean;
  /** The newest state that was pushed and not taken yet. */
  takeLatest(): RunView | undefined;
  /** Waits for the next push, the end of the line, the signal, or the time given. */
  waitForChange(milliseconds: number): Promise<void>;
}

/** Opens the server-sent events of a run. Never throws: what cannot be pushed is asked for. */
function openRunFeed(api: Client, runId: string, signal: AbortSignal): RunFeed {
  let pushed: RunView | undefined;
  let live = true;
  let wake = (): void => {};
  const read = async (): Promise<void> => {
    for await (const view of receiveRunViews(api, runId, signal)) {
      pushed = view;
      wake();
    }
  };
  // A line that breaks is no error here: the next question over HTTP says what is wrong, if anything is.
  void read()
    .catch(() => {})
    .finally(() => {
      live = false;
      wake();
    });
  return {
    get connected() {
      return live;
    },
    takeLatest() {
      const taken = pushed;
      pushed = undefined;
      return taken;
    },
    async waitForChange(milliseconds) {
      if (pushed) return;
      const woken = new AbortController();
      wake = () => woken.abort();
      await sleep(milliseconds, undefined, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {});
    },
  };
}

async function* receiveRunViews(api: Client, runId: string, signal: AbortSignal): AsyncGenerator<RunView> {
  const response = await api.open(pathOf`/runs/${runId}/events`, { accept: 'text/event-stream', signal });
  if (!response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) return;
  for await (const { data } of serverEvents(response.body)) {
    const view = runViewOf(data);
    if (view?.id === runId) yield view;
  }
}

function runViewOf(data: string): RunView | undefined {
  try {
    const value: unknown = JSON.parse(data);
    const isRun = typeof value === 'object' && value !== null && 'entities' in value && 'status' in value;
    return isRun ? (value as RunView) : undefined;
  } catch {
    return undefined;
  }
}

/** One server-sent event. */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

/** Reads a `text/event-stream` as the HTML standard says; comments, which keep connections alive, are passed over. */
export async function* serverEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  let event = '';
  let data: string[] = [];
  for await (const line of readLines(body)) {
    if (line === '') {
      if (data.length > 0) yield { event: event || 'message', data: data.join('\n') };
      event = '';
      data = [];
    }
    const [, field, value] = /^(event|data): ?(.*)$/s.exec(line) ?? [];
    if (field === 'event') event = value ?? '';
    if (field === 'data') data.push(value ?? '');
  }
}

/** What follows the last line end is no line: an event that was cut off is not an event. */
async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = parts.pop() ?? '';
    yield* parts;
  }
}

/**
 * Runs work that SIGINT (Ctrl-C) or SIGTERM ends early: it is given a signal that is aborted then, and may still finish what
 * has to be finished. A signal that arrives a second or more after the first ends the process at once.
 */
export async function runInterruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const stopHandling = handleStopSignals(['SIGINT', 'SIGTERM'], {
    first: () => interrupted.abort(),
    again(name) {
      stopHandling();
      // Without a handler the signal does what it does to every process, and the shell sees by which one it ended.
      process.kill(process.pid, name);
    },
  });
  try {
    return await work(interrupted.signal);
  } finally {
    stopHandling();
  }
}
