import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from './answers.ts';
import { type Client, pathOf } from './client.ts';
import { exitCodes, isFinished } from './exit-code.ts';
import { toProblem } from './problem.ts';
import { openRunFeed } from './run-feed.ts';

/** How following keeps time; tests are in more of a hurry. */
export interface Pace {
  /** Between two questions when nothing is pushed. */
  readonly pollMs: number;
  /** Between two questions while changes are pushed: a proxy can hold pushes back without anyone noticing. */
  readonly checkMs: number;
  /** How long the service may be out of reach before following gives up. */
  readonly patienceMs: number;
}

export const usualPace: Pace = { pollMs: 1000, checkMs: 10_000, patienceMs: 60_000 };

export interface Follow {
  readonly signal: AbortSignal;
  readonly pace?: Pace | undefined;
  /** Called when the service is lost and when it is found again. */
  readonly onContact?: ((lost: string | undefined) => void) | undefined;
}

/**
 * Every state of a run from now to its end, or until the signal. Pushed where the service can, asked for where not.
 * @throws Problem when the service refuses, or stays out of reach.
 */
export async function* followRun(api: Client, runId: string, follow: Follow): AsyncGenerator<RunView> {
  const pace = follow.pace ?? usualPace;
  const feedEnd = new AbortController();
  const feed = openRunFeed(api, runId, AbortSignal.any([follow.signal, feedEnd.signal]));
  let shown = '';
  try {
    while (!follow.signal.aborted) {
      const run = feed.take() ?? (await patiently(() => api.get<RunView>(pathOf`/runs/${runId}`), follow, pace));
      if (!run) return;
      const state = JSON.stringify(run);
      if (state !== shown) yield run;
      shown = state;
      if (isFinished(run)) return;
      await feed.next(feed.live ? pace.checkMs : pace.pollMs);
    }
  } finally {
    feedEnd.abort();
  }
}

/** Asks until it is answered: a service that is restarted in mid-run is no reason to stop following. */
export async function patiently<T>(ask: () => Promise<T>, follow: Follow, pace: Pace): Promise<T | undefined> {
  const until = Date.now() + pace.patienceMs;
  for (let lost = false; !follow.signal.aborted; ) {
    try {
      const answer = await ask();
      if (lost) follow.onContact?.(undefined);
      return answer;
    } catch (thrown) {
      const problem = toProblem(thrown);
      if (problem.exitCode !== exitCodes.unreachable || Date.now() > until) throw problem;
      if (!lost) follow.onContact?.(problem.message);
      lost = true;
      await sleep(pace.pollMs, undefined, { signal: follow.signal }).catch(() => {});
    }
  }
  return undefined;
}
