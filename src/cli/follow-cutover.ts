import { setTimeout as sleep } from 'node:timers/promises';
import type { CutoverView } from './answers.ts';
import { pathOf } from './client.ts';
import { type ExitCode, exitCodes } from './exit-code.ts';
import { patiently, usualPace } from './follow.ts';
import { interruptible } from './interrupt.ts';
import type { Session } from './session.ts';
import { cutoverReport } from './views/cutovers.ts';

const askEveryMs = 300;

/** Follows a cutover or rollback until it stands still, prints its account, and answers the exit code. */
export async function followCutover(session: Session, begun: CutoverView): Promise<ExitCode> {
  const { out, settings } = session;
  let last = begun;
  await interruptible(async (signal) => {
    last = await toItsEnd(session, begun, signal);
  });
  out.answer(last, (safe) => cutoverReport(safe, out.paint));
  if (last.status !== 'preparing') return exitCodeOf(last);
  out.note(`No longer following: it goes on. To come back: ${settings.invocation} cutovers ${last.stamp}`);
  return exitCodes.detached;
}

async function toItsEnd({ api, out }: Session, begun: CutoverView, signal: AbortSignal): Promise<CutoverView> {
  const onContact = (lost: string | undefined): void =>
    out.note(lost === undefined ? 'the service answers again' : `${lost}; trying again`);
  let view = begun;
  let told = '';
  while (underWay(view) && !signal.aborted) {
    const at = stepOf(view);
    if (at !== told && !out.json) out.note(at);
    told = at;
    await sleep(askEveryMs, undefined, { signal }).catch(() => undefined);
    const ask = (): Promise<CutoverView> => api.get(pathOf`/cutovers/${begun.stamp}`);
    view = (await patiently(ask, { signal, onContact }, usualPace)) ?? view;
  }
  return view;
}

/** Also after the swap, while keys are validated and views refreshed. */
function underWay({ status, progress, nextActions }: CutoverView): boolean {
  return status === 'preparing' || (status === 'done' && progress !== null && !nextActions.includes('go'));
}

function stepOf({ stamp, progress }: CutoverView): string {
  return progress
    ? `${stamp} ${progress.phase} ${progress.done}/${progress.total}: ${progress.step}`
    : `${stamp} checks`;
}

/** What is held is as it should be unless it came back to that; what met something else is for a person to look at. */
export function exitCodeOf({ status, problems, unplanned, conflictCount }: CutoverView): ExitCode {
  const good = status === 'done' || (status === 'held' && problems.length === 0);
  return good && unplanned.length === 0 && conflictCount === 0 ? exitCodes.green : exitCodes.failures;
}
