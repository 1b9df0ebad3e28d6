import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from './answers.ts';
import { type Client, pathOf } from './client.ts';
import { exitCodes, isFinished } from './exit-code.ts';
import { toProblem } from './problem.ts';
import { openRunFeed } from './run-feed.ts';

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
