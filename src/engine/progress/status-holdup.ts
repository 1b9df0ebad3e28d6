import type { Holdup } from '../control/contract.ts';
import type { Run } from '../ports.ts';

/** Pure: why a run that is not running stands. `served` are the queues some worker serves, where that is known. */
export function holdupOfStatus(
  { status, reason }: Pick<Run, 'status' | 'reason'>,
  served: readonly string[] | undefined,
): readonly Holdup[] {
  const said = reason === null ? '' : `: ${reason}`;
  switch (status) {
    case 'paused':
      return [{ code: 'PAUSED', what: `paused${said}`, clears: 'drover resume', until: null }];
    case 'failed':
      return [{ code: 'STOPPED', what: `stopped${said}`, clears: 'clear the cause, then drover retry', until: null }];
    case 'pending':
    case 'pausing':
    case 'cancelling':
      return served?.length === 0 ? [nobody] : [];
    default:
      return [];
  }
}

const nobody: Holdup = {
  code: 'NO_WORKER',
  what: 'no worker process is alive',
  clears: 'start one: npm run worker',
  until: null,
};
