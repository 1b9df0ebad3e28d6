import { setTimeout as sleep } from 'node:timers/promises';
import type { RollbackView } from './answers.ts';
import { pathOf } from './client.ts';
import { patiently, usualPace } from './follow.ts';
import { interruptible } from './interrupt.ts';
import type { Session } from './session.ts';

const askEveryMs = 500;

/** Follows a rollback that goes on in the service to its end, or until the operator stops looking. */
export async function followRollback(session: Session, begun: RollbackView): Promise<RollbackView> {
  const { api, out } = session;
  const onContact = (lost: string | undefined): void =>
    out.note(lost === undefined ? 'the service answers again' : `${lost}; trying again`);
  const line = progressLine(session);
  let view = begun;
  try {
    await interruptible(async (signal) => {
      const ask = (): Promise<RollbackView> => api.get(pathOf`/runs/${begun.runId}/rollback`);
      while (view.status === 'working' && !signal.aborted) {
        line.show(view);
        await sleep(askEveryMs, undefined, { signal }).catch(() => undefined);
        view = (await patiently(ask, { signal, onContact }, usualPace)) ?? view;
      }
    });
    line.show(view);
  } finally {
    line.end();
  }
  return view;
}

/** `Rollback: 45.2% (452/1000) | Removed: 300 | Restored: 152 | Left alone: 0` */
export function rollbackLine({ done, total, removed, restored, conflicts }: RollbackView): string {
  const percent = total === 0 ? 100 : Math.floor((done * 1000) / total) / 10;
  const parts = [`Rollback: ${percent.toFixed(1)}% (${done}/${total})`, `Removed: ${removed}`, `Restored: ${restored}`];
  return [...parts, `Left alone: ${conflicts.length}`].join(' | ');
}

const everyMs = 5_000;

/** A line that moves in a terminal, and a new one now and then elsewhere. */
function progressLine({ out }: Session): { show(view: RollbackView): void; end(): void } {
  const { stderr } = out.streams;
  if (out.json) return { show: () => undefined, end: () => undefined };
  if (stderr.isTTY) {
    return {
      show: (view) => void stderr.write(`\r\u001b[2K${rollbackLine(view)}`),
      end: () => void stderr.write('\n'),
    };
  }
  let said = 0;
  return {
    show(view) {
      if (view.status === 'working' && Date.now() - said < everyMs) return;
      said = Date.now();
      stderr.write(`${rollbackLine(view)}\n`);
    },
    end: () => undefined,
  };
}
