import http from 'node:http';
import https from 'node:https';
import { DroverError } from '../errors.ts';
import type { ErrorMapper } from '../plan/upstream.ts';
import { readBody } from './body.ts';
import type { ConnectionPool } from './sockets.ts';

/** One HTTP request as it goes out. Times in milliseconds. */
export interface OutgoingRequest {
  /** Named in errors, without ids: `bubble obj/user`. */
  readonly label: string;
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** False for a write that must not be sent twice: it gets a connection of its own, see Sockets. */
  readonly repeatable: boolean;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxBodyBytes: number;
  /** See UpstreamRequest. */
  readonly explain?: ErrorMapper | undefined;
  readonly signal: AbortSignal;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

type Phase = 'connecting' | 'waiting for the answer' | 'reading the answer';

/** Bytes of one exchange as they travelled, headers included. */
export interface TransferredBytes {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/**
 * Sends one request and reads the whole answer, whatever its status. Redirects are answers, not followed.
 * @throws DroverError UPSTREAM_UNREACHABLE, UPSTREAM_TIMEOUT, UPSTREAM_BAD_ANSWER (cut off, too big),
 * UPSTREAM_FORBIDDEN_ADDRESS; the signal's reason when it aborts.
 * `onBytes` is told what travelled, however it ends.
 */
export async function sendRequest(
  outgoing: OutgoingRequest,
  sockets: ConnectionPool,
  onBytes?: (bytes: TransferredBytes) => void,
): Promise<RawResponse> {
  outgoing.signal.throwIfAborted();
  const call = openRequest(outgoing, sockets);
  const bytes = countBytes(call);
  const watch = watchDeadlines(outgoing, call);
  try {
    const answer = await responseTo(call);
    watch.enterPhase('reading the answer');
    const body = await readBody(answer, outgoing.maxBodyBytes);
    return { status: answer.statusCode ?? 0, headers: flattenHeaders(answer.headers), body };
  } catch (error) {
    call.destroy();
    outgoing.signal.throwIfAborted();
    throw transportError(outgoing.label, watch, error);
  } finally {
    watch.dispose();
    onBytes?.(bytes());
  }
}

/** A kept connection has carried other requests before; it carries one at a time. */
function countBytes(call: http.ClientRequest): () => TransferredBytes {
  let count = (): TransferredBytes => ({ sentBytes: 0, receivedBytes: 0 });
  call.once('socket', (socket) => {
    const [written, read] = [socket.bytesWritten, socket.bytesRead];
    count = () => ({ sentBytes: socket.bytesWritten - written, receivedBytes: socket.bytesRead - read });
  });
  return () => count();
}

function openRequest(outgoing: OutgoingRequest, sockets: ConnectionPool): http.ClientRequest {
  const { url, method, headers, body, repeatable } = outgoing;
  const { request } = url.protocol === 'https:' ? https : http;
  const call = request(url, { method, headers, ...sockets.agentFor(url, repeatable) });
  call.end(body);
  return call;
}

function responseTo(call: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    call.once('response', resolve);
    // Stays on for the life of the request: a late error without a listener would end the process.
    call.on('error', reject);
  });
}

interface DeadlineWatch {
  readonly phase: Phase;
  readonly timedOut: boolean;
  enterPhase(phase: Phase): void;
  dispose(): void;
}

/** Ends the request when a deadline passes or the caller stops, and remembers where it stood. */
function watchDeadlines(
  { timeoutMs, connectTimeoutMs, signal }: OutgoingRequest,
  call: http.ClientRequest,
): DeadlineWatch {
  let phase: Phase = 'connecting';
  let late = false;
  const stop = () => call.destroy(new Error('ended by its deadline or its caller'));
  const expire = () => {
    late = true;
    stop();
  };
  const whole = setTimeout(expire, timeoutMs);
  const connect = setTimeout(expire, Math.min(connectTimeoutMs, timeoutMs));
  const connected = () => {
    clearTimeout(connect);
    phase = 'waiting for the answer';
  };
  call.once('socket', (socket) => {
    if (!socket.connecting) return connected();
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', connected);
  });
  signal.addEventListener('abort', stop, { once: true });
  return {
    get phase() {
      return phase;
    },
    get timedOut() {
      return late;
    },
    enterPhase: (next) => {
      phase = next;
    },
    dispose: () => {
      clearTimeout(whole);
      clearTimeout(connect);
      signal.removeEventListener('abort', stop);
    },
  };
}

function transportError(label: string, { phase, timedOut: late }: DeadlineWatch, error: unknown): DroverError {
  if (late) return new DroverError('UPSTREAM_TIMEOUT', `${label}: no end within the deadline, while ${phase}`);
  if (error instanceof DroverError) return new DroverError(error.code, `${label}: ${error.message}`, { cause: error });
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown fault';
  return phase === 'reading the answer'
    ? new DroverError('UPSTREAM_BAD_ANSWER', `${label}: the answer was cut off (${code})`, { cause: error })
    : new DroverError('UPSTREAM_UNREACHABLE', `${label}: ${code} while ${phase}`, { cause: error });
}

function flattenHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const pairs = Object.entries(headers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    pairs.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)]),
  );
}
