import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { classifyAnswer } from '../../src/upstreams/answer.ts';
import { createConnectionPool, type OutgoingRequest, sendRequest } from '../../src/upstreams/http.ts';
import { type Handler, startServer, type TestServer } from './test-server.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function serve(handler: Handler): Promise<TestServer> {
  const server = await startServer(handler);
  servers.push(server);
  return server;
}

const sockets = createConnectionPool(undefined);
const outgoing = (url: string, more: Partial<OutgoingRequest> = {}): OutgoingRequest => ({
  label: 'up thing',
  url: new URL(url),
  method: 'GET',
  headers: { accept: 'application/json', authorization: 'Bearer hidden-token' },
  repeatable: true,
  timeoutMs: 400,
  connectTimeoutMs: 300,
  maxBodyBytes: 10_000,
  signal: new AbortController().signal,
  ...more,
});

async function ask(handler: Handler, more: Partial<OutgoingRequest> = {}) {
  const call = outgoing((await serve(handler)).baseUrl, more);
  return classifyAnswer(await sendRequest(call, sockets), call);
}

const json = { 'content-type': 'application/json' };

test('JSON is returned, compressed or not, with or without a BOM', async () => {
  const answer = await ask((_, response) => response.writeHead(200, json).end('\uFEFF{"name":"Zażółć"}'));
  expect(answer.json()).toEqual({ name: 'Zażółć' });
  const compressed = { ...json, 'content-encoding': 'gzip' };
  expect((await ask((_, response) => response.writeHead(200, compressed).end(gzipSync('[1]')))).json()).toEqual([1]);
});

test('404 is returned, even as an HTML page; 204 is returned without a body', async () => {
  expect((await ask((_, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<p>'))).status).toBe(
    404,
  );
  expect((await ask((_, response) => response.writeHead(204).end(), { method: 'PATCH' })).text).toBe('');
});

test('text is not parsed when JSON was not requested', async () => {
  const answer = await ask((_, response) => response.end('one\ntwo'), { headers: { accept: 'text/plain' } });
  expect(answer.text).toBe('one\ntwo');
  expect(() => answer.json()).toThrow(expect.objectContaining({ code: 'UPSTREAM_BAD_ANSWER' }));
});

test.each<[string, Handler]>([
  ['half of the JSON', (_, response) => response.writeHead(200, json).end('{"response":{"results":[{"na')],
  ['an HTML page', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
  ['an HTML page declared as JSON', (_, response) => response.writeHead(200, json).end('<html>')],
  ['nothing', (_, response) => response.writeHead(200, json).end()],
  ['Latin-1', (_, response) => response.writeHead(200, json).end(Buffer.from('{"name":"José"}', 'latin1'))],
  ['UTF-16', (_, response) => response.writeHead(200, json).end(Buffer.from('{"name":"x"}', 'utf16le'))],
  ['more than the cap', (_, response) => response.writeHead(200, json).end(JSON.stringify('x'.repeat(20_000)))],
  [
    'a decompression bomb',
    (_, response) => response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1e7))),
  ],
  [
    'a truncated gzip',
    (_, response) =>
      response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync('[1]').subarray(0, 15)),
  ],
  ['an unknown encoding', (_, response) => response.writeHead(200, { ...json, 'content-encoding': 'zstd' }).end('x')],
  [
    'less than its content-length',
    (_, response) =>
      void response.writeHead(200, { ...json, 'content-length': '50' }).write('{"a":', () => response.destroy()),
  ],
])('%s with 200 is a bad answer, and the message quotes nothing of it', async (_, handler) => {
  const failure = ask(handler);
  await expect(failure).rejects.toMatchObject({ code: 'UPSTREAM_BAD_ANSWER', class: 'transient' });
  await expect(failure).rejects.toMatchObject({ message: expect.not.stringMatching(/results|html>|Jos|hidden/) });
});

test.each([
  [400, 'UPSTREAM_REFUSED'],
  [401, 'UPSTREAM_UNAUTHORIZED'],
  [402, 'UPSTREAM_REFUSED'],
  [403, 'UPSTREAM_UNAUTHORIZED'],
  [408, 'UPSTREAM_TIMEOUT'],
  [409, 'UPSTREAM_REFUSED'],
  [422, 'UPSTREAM_REFUSED'],
  [429, 'UPSTREAM_RATE_LIMIT'],
  [500, 'UPSTREAM_ERROR'],
  [503, 'UPSTREAM_ERROR'],
])('%d is %s with the message of the upstream and without our key', async (status, code) => {
  const body = JSON.stringify({ message: 'the key hidden-token is not valid' });
  await expect(ask((_, response) => response.writeHead(status, json).end(body))).rejects.toMatchObject({
    code,
    message: `up thing: ${status} the key [secret] is not valid`,
  });
});

test('a redirect is not followed', async () => {
  const failure = ask((_, response) =>
    response.writeHead(302, { location: 'http://169.254.169.254/latest?token=abc' }).end(),
  );
  await expect(failure).rejects.toMatchObject({
    code: 'UPSTREAM_REFUSED',
    message: 'up thing: 302, points to 169.254.169.254',
  });
  expect(servers.at(-1)?.requests).toHaveLength(1);
});

test.each<[string, Handler]>([
  ['waiting for the answer', () => {}],
  ['reading the answer', (_, response) => void response.writeHead(200, json).write('{')],
  [
    'reading the answer',
    (_, response) => {
      const drip = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(drip));
    },
  ],
])('a request without an answer fails at its deadline, %s', async (phase, handler) => {
  const message = expect.stringContaining(phase);
  await expect(ask(handler)).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT', message });
});

test('a connection that is never established fails at its own deadline', async () => {
  // A TLS handshake with a server that only listens never ends.
  const mute = createServer(() => {});
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port } = mute.address() as { port: number };
  const call = sendRequest(outgoing(`https://127.0.0.1:${port}/`, { timeoutMs: 5_000 }), sockets);
  await expect(call).rejects.toMatchObject({
    code: 'UPSTREAM_TIMEOUT',
    message: expect.stringContaining('connecting'),
  });
  mute.close();
});

test('a closed port, a name that does not exist and a reset are unreachable', async () => {
  const gone = await startServer(() => {});
  await gone.stop();
  for (const url of [gone.baseUrl, 'http://drover.invalid/']) {
    await expect(sendRequest(outgoing(url), sockets)).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
  }
  await expect(ask((request) => request.socket.destroy())).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
});

test('an aborted request fails with the reason of its signal', async () => {
  const stop = new AbortController();
  const call = ask(() => stop.abort(new Error('the run is paused')), { signal: stop.signal });
  await expect(call).rejects.toThrow('the run is paused');
  await expect(sendRequest(outgoing('http://127.0.0.1:9/', { signal: stop.signal }), sockets)).rejects.toThrow(
    'paused',
  );
});

test('repeatable requests reuse a connection; others get a new one', async () => {
  const ports: (number | undefined)[] = [];
  const handler: Handler = (request, response) => {
    ports.push(request.socket.remotePort);
    response.end('{}');
  };
  const server = await serve(handler);
  for (const repeatable of [true, true, false, false]) {
    await sendRequest(outgoing(server.baseUrl, { repeatable }), sockets);
  }
  expect(new Set(ports.slice(0, 2)).size).toBe(1);
  expect(new Set(ports).size).toBe(3);
});
