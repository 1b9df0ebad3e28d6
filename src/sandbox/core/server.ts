import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, WindowLimiter } from './clock.ts';
import { type FaultPlan, type FaultRule, faultDelayMs } from './faults.ts';
import type { Journal } from './journal.ts';
import {
  type Answer,
  jsonAnswer,
  readRequest,
  type SandboxRequest,
  type Upstream,
  type UpstreamResult,
} from './upstream.ts';

export const CONTROL_PREFIX = '/__sandbox/';

interface ServerDeps {
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly faults: FaultPlan;
  /** Absent: no limit. */
  readonly limiter?: WindowLimiter;
  /** Called at every request, because the setting may change. */
  readonly latencyMs: () => number;
  /** Answers paths under `/__sandbox/`, which are not journaled, not limited and get no faults. */
  readonly control: (request: SandboxRequest) => Answer;
}

interface RunningServer {
  /** `http://127.0.0.1:4010`, without a path. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Starts the HTTP server that every sandbox uses; port 0 takes a free one. Rejects when the port is taken. */
export async function startServer(port: number, host: string, deps: ServerDeps): Promise<RunningServer> {
  const server = createServer((message, response) => {
    serve(message, response, deps).catch((cause: unknown) => {
      if (!response.headersSent) send(response, jsonAnswer(500, { sandboxFailure: String(cause) }));
      else response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    origin: `http://${host}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(message: IncomingMessage, response: ServerResponse, deps: ServerDeps): Promise<void> {
  const request = await readRequest(message);
  if (request.path.startsWith(CONTROL_PREFIX)) return send(response, deps.control(request));
  const at = deps.clock.now();
  const faults = deps.faults.match(deps.upstream.describeRequest(request));
  const outcome = hasFault(faults, 'drop-before') ? undefined : respond(request, faults, deps);
  const dropped = outcome === undefined || hasFault(faults, 'drop-after') || hasFault(faults, 'drop-midway');
  // Journaled before the answer is sent, so that a client that has its answer finds the request in the journal.
  deps.journal.append(journalEntryOf(request, at, dropped ? 0 : outcome.answer.status, faults, outcome));
  const delay = deps.latencyMs() + faultDelayMs(faults);
  if (delay > 0) await sleep(delay);
  if (outcome === undefined || hasFault(faults, 'drop-after')) message.socket.destroy();
  else if (hasFault(faults, 'drop-midway')) sendHalf(response, outcome.answer);
  else send(response, outcome.answer);
}

function respond(request: SandboxRequest, faults: readonly FaultRule[], deps: ServerDeps): UpstreamResult {
  const own = deps.upstream.ownFaults ?? [];
  const common = faults.filter((rule) => !own.includes(rule.fault));
  const rejection = errorAnswerFor(common, deps.upstream, deps.clock) ?? checkRateLimit(deps);
  if (rejection !== undefined) return { answer: rejection, touched: [] };
  const outcome = deps.upstream.handle(request, faults);
  const failed = hasFault(common, 'error-after') ? deps.upstream.errorAnswer(500, 'Internal error') : outcome.answer;
  return { ...outcome, answer: corruptBody(failed, faults) };
}

function checkRateLimit(deps: ServerDeps): Answer | undefined {
  const wait = deps.limiter?.tryAcquire() ?? 0;
  return wait > 0 ? deps.upstream.errorAnswer(429, 'Rate limit of this application reached') : undefined;
}

function hasFault(faults: readonly FaultRule[], fault: FaultRule['fault']): boolean {
  return faults.some((rule) => rule.fault === fault);
}

function journalEntryOf(
  request: SandboxRequest,
  at: number,
  status: number,
  faults: readonly FaultRule[],
  outcome: UpstreamResult | undefined,
) {
  const { touched = [], notes } = outcome ?? {};
  return {
    at,
    method: request.method,
    path: request.path,
    query: Object.fromEntries(request.query),
    status,
    ...(faults.length > 0 ? { fault: faults.map((rule) => rule.fault).join('+') } : {}),
    ...(touched.length > 0 ? { touched } : {}),
    ...(notes === undefined ? {} : { notes }),
  };
}

function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    ...answer.headers,
    ...(answer.status === 204 ? {} : { 'content-length': Buffer.byteLength(answer.body) }),
  });
  response.end(answer.body);
}

/** Announces the length of the whole body, sends half of it, and closes the connection. */
function sendHalf(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) + 1 });
  response.write(answer.body.slice(0, Math.floor(answer.body.length / 2)), () => response.destroy());
}

// Faults.

const HTML = '<!DOCTYPE html><html><head><title>We will be right back</title></head><body>Deploying</body></html>';

/** The error answer of the first fault that replaces the work, or undefined. */
function errorAnswerFor(faults: readonly FaultRule[], upstream: Upstream, clock: Clock): Answer | undefined {
  for (const rule of faults) {
    if (rule.fault === 'throttle') return withRetryAfter(upstream.errorAnswer(429, 'Too many requests'), rule, clock);
    if (rule.fault === 'unavailable')
      return withRetryAfter(upstream.errorAnswer(503, 'Service unavailable'), rule, clock);
    if (rule.fault === 'error') return upstream.errorAnswer(500, 'Internal error');
  }
  return undefined;
}

/** The answer after truncation or replacement by a page of HTML; both keep the status. */
function corruptBody(answer: Answer, faults: readonly FaultRule[]): Answer {
  for (const rule of faults) {
    if (rule.fault === 'truncate') return { ...answer, body: answer.body.slice(0, Math.floor(answer.body.length / 2)) };
    if (rule.fault === 'html') return { ...answer, headers: { 'content-type': 'text/html' }, body: HTML };
  }
  return answer;
}

function withRetryAfter(answer: Answer, rule: FaultRule, clock: Clock): Answer {
  if (rule.retryAfter === undefined && rule.retryAfterForm === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, 'retry-after': retryAfter(rule, clock) } };
}

function retryAfter(rule: FaultRule, clock: Clock): string {
  const seconds = rule.retryAfter ?? 1;
  if (rule.retryAfterForm === 'garbage') return 'soon, please';
  if (rule.retryAfterForm === 'date') return new Date(clock.now() + seconds * 1000).toUTCString();
  return String(seconds);
}
