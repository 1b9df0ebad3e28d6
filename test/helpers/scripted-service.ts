import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A route's handler: JSON to answer, a description of the answer, or a function that writes the response. */
export type Script = (request: Received, response: ServerResponse) => Reply | undefined | Promise<Reply | undefined>;

/** A service over real HTTP with the answers of a test. */
export interface ScriptedService {
  readonly url: string;
  readonly received: readonly Received[];
  /** `GET /runs/r1` is below /api/v1, `GET //healthz` is not. */
  on(route: string, script: Script | object): void;
  close(): Promise<void>;
}

export async function startScriptedService(): Promise<ScriptedService> {
  const routes = new Map<string, Script>();
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void serve(request, response, routes, received);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    on(route, script) {
      const [method = '', path = ''] = route.split(' ');
      const full = path.startsWith('//') ? path.slice(1) : `/api/v1${path}`;
      routes.set(`${method} ${full}`, typeof script === 'function' ? (script as Script) : () => ({ body: script }));
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Map<string, Script>,
  received: Received[],
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://service');
  const sent = await text(request);
  const call = {
    method: request.method ?? '',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: request.headers,
    body: sent === '' ? undefined : (JSON.parse(sent) as unknown),
  };
  received.push(call);
  const script = routes.get(`${call.method} ${call.path}`) ?? unknownRoute;
  const reply = await script(call, response);
  if (!reply) return;
  const { status = 200, headers = {}, body } = reply;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
}

function unknownRoute({ method, path }: Received): Reply {
  return problemReply(404, 'NOT_FOUND', `There is no ${method} ${path}.`, '/docs lists every address.');
}

/** A problem as the service writes it. */
export function problemReply(status: number, code: string, detail: string, remedy: string): Reply {
  const body = { type: `urn:drover:problem:${code}`, title: 'No', status, code, detail, remedy };
  return { status, headers: { 'content-type': 'application/problem+json' }, body };
}

/** Sends states of a run as server-sent events, and ends. */
export function serverSentEvents(...states: readonly unknown[]): Script {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.write(': hello\n\n');
    for (const state of states) response.write(`event: run\ndata: ${JSON.stringify(state)}\n\n`);
    response.end();
    return undefined;
  };
}

/** One answer after the other; the last one is repeated. */
export function respondInOrder(...bodies: readonly unknown[]): Script {
  let at = 0;
  return () => {
    const body = bodies[Math.min(at, bodies.length - 1)];
    at += 1;
    return { body };
  };
}
