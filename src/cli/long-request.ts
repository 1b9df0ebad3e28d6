import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes } from './exit-code.ts';
import { Problem } from './problem.ts';
import type { Session } from './session.ts';
import { duration } from './time.ts';

/** How a long request keeps time; tests are in more of a hurry. */
export interface LongPace {
  /** How long one connection is held; proxies cut what is silent for a minute. */
  readonly holdMs: number;
  /** Between two questions whether it is done. */
  readonly pauseMs: number;
  /** How long the service may be out of reach before it is given up. */
  readonly patienceMs: number;
}

const usualPace: LongPace = { holdMs: 45_000, pauseMs: 2_000, patienceMs: 60_000 };

/**
 * A POST that may take minutes. It is sent again under the same key until the answer is there: the service does it
 * once, and keeps the answer. Meanwhile a line says what is waited for.
 * @throws Problem when the service refuses, or stays out of reach.
 */
export async function longRequest<T>(
  session: Session,
  what: string,
  call: { readonly path: string; readonly body?: unknown },
  pace: LongPace = usualPace,
): Promise<T> {
  const line = waitLine(session, what);
  const options = { body: call.body, idempotencyKey: randomUUID(), deadlineMs: pace.holdMs };
  let heardAt = Date.now();
  try {
    for (;;) {
      const asked = Date.now();
      try {
        return await session.api.request<T>('POST', call.path, options);
      } catch (thrown) {
        // To be held for so long without an answer is to be heard too: the connection stood.
        if (isAtWork(thrown) || Date.now() - asked >= pace.holdMs) heardAt = Date.now();
        else if (!isAway(thrown) || Date.now() - heardAt > pace.patienceMs) throw thrown;
      }
      await sleep(pace.pauseMs);
    }
  } finally {
    line.end();
  }
}

/** The service says that the first request is not done yet. */
function isAtWork(thrown: unknown): boolean {
  return thrown instanceof Problem && thrown.code === 'IDEMPOTENCY_KEY_BUSY';
}

/** Out of reach for now, or a proxy says so. */
function isAway(thrown: unknown): boolean {
  return thrown instanceof Problem && thrown.exitCode === exitCodes.unreachable && thrown.code !== 'NOT_DROVER';
}

/** A line that moves in a terminal, and a new one now and then elsewhere. */
function waitLine({ out }: Session, what: string): { end(): void } {
  const { stderr } = out.streams;
  const begun = Date.now();
  if (out.json) return { end() {} };
  const inPlace = stderr.isTTY === true;
  const text = (): string => `${what}: ${duration(Date.now() - begun)}`;
  const timer = setInterval(
    () => void stderr.write(inPlace ? `\r\u001b[2K${text()}` : `${text()}\n`),
    inPlace ? 500 : 10_000,
  );
  return {
    end() {
      clearInterval(timer);
      if (inPlace) stderr.write('\r\u001b[2K');
    },
  };
}
