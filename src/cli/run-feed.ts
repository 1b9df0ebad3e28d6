import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from './answers.ts';
import { type Client, pathOf } from './client.ts';
import { serverEvents } from './event-stream.ts';

/** Tells when a run changed, for as long as the service keeps the line open. */
export interface RunFeed {
  /** False once the line is closed or was never opened: whoever follows has to ask. */
  readonly connected: boolean;
  /** The newest state that was pushed and not taken yet. */
  takeLatest(): RunView | undefined;
  /** Waits for the next push, the end of the line, the signal, or the time given. */
  waitForChange(milliseconds: number): Promise<void>;
}

/** Opens the server-sent events of a run. Never throws: what cannot be pushed is asked for. */
export function openRunFeed(api: Client, runId: string, signal: AbortSignal): RunFeed {
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
