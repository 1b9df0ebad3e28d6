import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from '../contract/runs.ts';
import { handleStopSignals } from '../signals.ts';
import { type Client, pathOf } from './client.ts';
import { exitCodes, isFinished } from './exit-code.ts';
import { toProblem } from './problem.ts';

/** Intervals and limits of following, in milliseconds; tests use shorter ones. */
export interface FollowTiming {
  /** Between two polls without an event stream. */
  readonly pollMs: number;
  /** Between two polls with an event stream: a proxy can delay events, which cannot be detected. */
  readonly checkWhileConnectedMs: number;
  /** How long the API may be unreachable before following ends with an error. */
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
  /** Called with a message when the API becomes unreachable, and with undefined when it is reachable again. */
  readonly onContact?: ((lost: string | undefined) => void) | undefined;
}

/**
 * Every state of a run from now to its end, or until the signal: from the event stream of the API, or by polling without one.
 * @throws Problem when the API refuses the request, or stays unreachable.
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

/** Repeats the request while the API is unreachable: following goes on when the API is restarted during a run. */
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

/** The changes of a run, for as long as its event stream is open. */
export interface RunFeed {
  /** False when the stream is closed or was never opened: the state has to be polled. */
  readonly connected: boolean;
  /** The newest state that was received and not returned yet. */
  takeLatest(): RunView | undefined;
  /** Waits for the next event, the end of the stream, the signal, or the given time. */
  waitForChange(milliseconds: number): Promise<void>;
}

/** Opens the event stream of a run. Never throws: without a stream the state is polled. */
function openRunFeed(api: Client, runId: string, signal: AbortSignal): RunFeed {
  let pushed: RunView | undefined;
  let live = true;
  let endWait = (): void => {};
  const read = async (): Promise<void> => {
    for await (const view of receiveRunViews(api, runId, signal)) {
      pushed = view;
      endWait();
    }
  };
  // A broken stream is not an error here: the next poll reports what is wrong, if anything is.
  void read()
    .catch(() => {})
    .finally(() => {
      live = false;
      endWait();
    });
  return {
    get connected() {
      return live;
    },
    takeLatest() {
      const latest = pushed;
      pushed = undefined;
      return latest;
    },
    async waitForChange(milliseconds) {
      if (pushed) return;
      const waitEnd = new AbortController();
      endWait = () => waitEnd.abort();
      await sleep(milliseconds, undefined, { signal: AbortSignal.any([signal, waitEnd.signal]) }).catch(() => {});
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

/** Parses a `text/event-stream` as the HTML standard defines it; comments, which keep connections alive, are skipped. */
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

/** The lines of a stream. Text after the last line end is dropped: an incomplete event is not an event. */
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
 * Runs work that SIGINT (Ctrl-C) or SIGTERM interrupts: its AbortSignal is aborted then, and it may still finish what has to
 * be finished. A signal that arrives a second or more after the first ends the process at once.
 */
export async function runInterruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const stopHandling = handleStopSignals(['SIGINT', 'SIGTERM'], {
    first: () => interrupted.abort(),
    again(name) {
      stopHandling();
      // Without a handler the signal has its default effect, and the shell sees which signal ended the process.
      process.kill(process.pid, name);
    },
  });
  try {
    return await work(interrupted.signal);
  } finally {
    stopHandling();
  }
}
