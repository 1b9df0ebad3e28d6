import { setTimeout as sleep } from 'node:timers/promises';
import type { CutoverView } from './answers.ts';
import { pathOf } from './client.ts';
import { type ExitCode, exitCodes } from './exit-code.ts';
import { defaultFollowTiming, retryWhileUnreachable } from './follow.ts';
import { runInterruptible } from './interrupt.ts';
import type { Session } from './session.ts';
import { cutoverReport } from './views/cutovers.ts';

const pollIntervalMs = 300;

/** Follows a cutover or rollback until it stands still, prints its account, and answers the exit code. */
export async function followCutover(session: Session, started: CutoverView): Promise<ExitCode> {
  const { out, settings } = session;
  let last = started;
  await runInterruptible(async (signal) => {
    last = await pollUntilDone(session, started, signal);
  });
  out.answer(last, (safe) => cutoverReport(safe, out.paint));
  if (last.status !== 'preparing') return cutoverExitCode(last);
  out.note(`No longer following: it goes on. To come back: ${settings.invocation} cutovers ${last.stamp}`);
  return exitCodes.detached;
}

async function pollUntilDone({ api, out }: Session, started: CutoverView, signal: AbortSignal): Promise<CutoverView> {
  const onContact = (lost: string | undefined): void =>
    out.note(lost === undefined ? 'the service answers again' : `${lost}; trying again`);
  let view = started;
  let told = '';
  while (isInProgress(view) && !signal.aborted) {
    const at = describeStep(view);
    if (at !== told && !out.json) out.note(at);
    told = at;
    await sleep(pollIntervalMs, undefined, { signal }).catch(() => undefined);
    const ask = (): Promise<CutoverView> => api.get(pathOf`/cutovers/${started.stamp}`);
    view = (await retryWhileUnreachable(ask, { signal, onContact }, defaultFollowTiming)) ?? view;
  }
  return view;
}

/** Also after the swap, while keys are validated and views refreshed. */
function isInProgress({ status, progress, nextActions }: CutoverView): boolean {
  return status === 'preparing' || (status === 'done' && progress !== null && !nextActions.includes('go'));
}

function describeStep({ stamp, progress }: CutoverView): string {
  return progress
    ? `${stamp} ${progress.phase} ${progress.done}/${progress.total}: ${progress.step}`
    : `${stamp} checks`;
}

/** What is held is as it should be unless it came back to that; what met something else is for a person to look at. */
export function cutoverExitCode({ status, problems, unplanned, conflictCount }: CutoverView): ExitCode {
  const good = status === 'done' || (status === 'held' && problems.length === 0);
  return good && unplanned.length === 0 && conflictCount === 0 ? exitCodes.green : exitCodes.failures;
}
