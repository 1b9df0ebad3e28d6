import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { formatDuration } from './format.ts';
import { Problem } from './problem.ts';

/** How a long request keeps time; tests are in more of a hurry. */
export interface LongRequestTiming {
  /** How long one connection is held; proxies cut what is silent for a minute. */
  readonly connectionTimeoutMs: number;
  /** Between two questions whether it is done. */
  readonly retryDelayMs: number;
  /** How long the service may be out of reach before it is given up. */
  readonly unreachableTimeoutMs: number;
}

const defaultTiming: LongRequestTiming = {
  connectionTimeoutMs: 45_000,
  retryDelayMs: 2_000,
  unreachableTimeoutMs: 60_000,
};

/**
 * A POST that may take minutes. It is sent again under the same key until the answer is there: the service does it
 * once, and keeps the answer. Meanwhile a line says what is waited for.
 * @throws Problem when the service refuses, or stays out of reach.
 */
export async function sendLongRequest<T>(
  session: Session,
  label: string,
  call: { readonly path: string; readonly body?: unknown },
  timing: LongRequestTiming = defaultTiming,
): Promise<T> {
  const line = createWaitLine(session, label);
  const options = { body: call.body, idempotencyKey: randomUUID(), deadlineMs: timing.connectionTimeoutMs };
  let heardAt = Date.now();
  try {
    for (;;) {
      const asked = Date.now();
      try {
        return await session.api.request<T>('POST', call.path, options);
      } catch (thrown) {
        // To be held for so long without an answer is to be heard too: the connection stood.
        if (isStillInProgress(thrown) || Date.now() - asked >= timing.connectionTimeoutMs) heardAt = Date.now();
        else if (!isUnreachable(thrown) || Date.now() - heardAt > timing.unreachableTimeoutMs) throw thrown;
      }
      await sleep(timing.retryDelayMs);
    }
  } finally {
    line.end();
  }
}

/** The service says that the first request is not done yet. */
function isStillInProgress(thrown: unknown): boolean {
  return thrown instanceof Problem && thrown.code === 'IDEMPOTENCY_KEY_BUSY';
}

/** Out of reach for now, or a proxy says so. */
function isUnreachable(thrown: unknown): boolean {
  return thrown instanceof Problem && thrown.exitCode === exitCodes.unreachable && thrown.code !== 'NOT_DROVER';
}

/** A line that moves in a terminal, and a new one now and then elsewhere. */
function createWaitLine({ out }: Session, label: string): { end(): void } {
  const { stderr } = out.streams;
  const begun = Date.now();
  if (out.json) return { end() {} };
  const inPlace = stderr.isTTY === true;
  const text = (): string => `${label}: ${formatDuration(Date.now() - begun)}`;
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
