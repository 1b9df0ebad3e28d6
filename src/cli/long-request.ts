import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { formatDuration } from './format.ts';
import { Problem } from './problem.ts';

/** Intervals and limits of a long request, in milliseconds; tests use shorter ones. */
export interface LongRequestTiming {
  /** How long one connection is held; proxies close connections that are idle for a minute. */
  readonly connectionTimeoutMs: number;
  /** Between two repetitions of the request. */
  readonly retryDelayMs: number;
  /** How long the API may be unreachable before the request fails. */
  readonly unreachableTimeoutMs: number;
}

const defaultTiming: LongRequestTiming = {
  connectionTimeoutMs: 45_000,
  retryDelayMs: 2_000,
  unreachableTimeoutMs: 60_000,
};

/**
 * A POST that may take minutes. It is repeated with the same Idempotency-Key until the response is there: the API carries it
 * out once and stores the response. A line on stderr shows `label` and the elapsed time.
 * @throws Problem when the API refuses the request, or stays unreachable.
 */
export async function sendLongRequest<T>(
  session: Session,
  label: string,
  call: { readonly path: string; readonly body?: unknown },
  timing: LongRequestTiming = defaultTiming,
): Promise<T> {
  const line = createWaitLine(session, label);
  const options = { body: call.body, idempotencyKey: randomUUID(), deadlineMs: timing.connectionTimeoutMs };
  let reachedAt = Date.now();
  try {
    for (;;) {
      const sentAt = Date.now();
      try {
        return await session.api.request<T>('POST', call.path, options);
      } catch (thrown) {
        // A connection that was open until its limit shows that the API is reachable.
        if (isStillInProgress(thrown) || Date.now() - sentAt >= timing.connectionTimeoutMs) reachedAt = Date.now();
        else if (!isUnreachable(thrown) || Date.now() - reachedAt > timing.unreachableTimeoutMs) throw thrown;
      }
      await sleep(timing.retryDelayMs);
    }
  } finally {
    line.end();
  }
}

/** The API is still working on the first request with this key. */
function isStillInProgress(thrown: unknown): boolean {
  return thrown instanceof Problem && thrown.code === 'IDEMPOTENCY_KEY_BUSY';
}

/** The API, or a proxy before it, is temporarily unreachable. */
function isUnreachable(thrown: unknown): boolean {
  return thrown instanceof Problem && thrown.exitCode === exitCodes.unreachable && thrown.code !== 'NOT_DROVER';
}

/** The elapsed time: one line that is rewritten in a terminal, a new line every ten seconds elsewhere. */
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
