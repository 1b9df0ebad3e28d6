import { setTimeout as sleep } from 'node:timers/promises';
import type { RollbackView } from './answers.ts';
import { pathOf } from './client.ts';
import { defaultFollowTiming, retryWhileUnreachable } from './follow.ts';
import { runInterruptible } from './interrupt.ts';
import type { Session } from './session.ts';

const pollIntervalMs = 500;

/** Follows a rollback that goes on in the service to its end, or until the operator stops looking. */
export async function followRollback(session: Session, started: RollbackView): Promise<RollbackView> {
  const { api, out } = session;
  const onContact = (lost: string | undefined): void =>
    out.note(lost === undefined ? 'the service answers again' : `${lost}; trying again`);
  const line = createRollbackProgress(session);
  let view = started;
  try {
    await runInterruptible(async (signal) => {
      const ask = (): Promise<RollbackView> => api.get(pathOf`/runs/${started.runId}/rollback`);
      while (view.status === 'working' && !signal.aborted) {
        line.show(view);
        await sleep(pollIntervalMs, undefined, { signal }).catch(() => undefined);
        view = (await retryWhileUnreachable(ask, { signal, onContact }, defaultFollowTiming)) ?? view;
      }
    });
    line.show(view);
  } finally {
    line.end();
  }
  return view;
}

/** `Rollback: 45.2% (452/1000) | Removed: 300 | Restored: 152 | Left alone: 0` */
export function formatRollbackProgress({ done, total, removed, restored, conflicts }: RollbackView): string {
  const percent = total === 0 ? 100 : Math.floor((done * 1000) / total) / 10;
  const parts = [`Rollback: ${percent.toFixed(1)}% (${done}/${total})`, `Removed: ${removed}`, `Restored: ${restored}`];
  return [...parts, `Left alone: ${conflicts.length}`].join(' | ');
}

const logIntervalMs = 5_000;

/** A line that moves in a terminal, and a new one now and then elsewhere. */
function createRollbackProgress({ out }: Session): { show(view: RollbackView): void; end(): void } {
  const { stderr } = out.streams;
  if (out.json) return { show: () => undefined, end: () => undefined };
  if (stderr.isTTY) {
    return {
      show: (view) => void stderr.write(`\r\u001b[2K${formatRollbackProgress(view)}`),
      end: () => void stderr.write('\n'),
    };
  }
  let said = 0;
  return {
    show(view) {
      if (view.status === 'working' && Date.now() - said < logIntervalMs) return;
      said = Date.now();
      stderr.write(`${formatRollbackProgress(view)}\n`);
    },
    end: () => undefined,
  };
}
