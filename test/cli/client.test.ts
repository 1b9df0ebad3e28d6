import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, createClient, pathOf } from '../../src/cli/client.ts';
import { Problem } from '../../src/cli/problem.ts';
import { problemReply, type ScriptedService, startScriptedService } from '../helpers/scripted-service.ts';

let service: ScriptedService;
let api: Client;

beforeEach(async () => {
  service = await startScriptedService();
  api = createClient({ url: service.url, token: 'dk_1.secret' });
});

afterEach(() => service.close());

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof Problem) return thrown;
  throw new Error(`no problem but ${String(thrown)}`);
}

describe('a request', () => {
  it('carries the key, the query and JSON', async () => {
    service.on('GET /runs', { items: [] });
    service.on('POST /runs', ({ body }) => ({ status: 202, body }));
    await api.get('/runs', { plan: 'bubble', status: undefined, limit: 1 });
    await expect(api.request('POST', '/runs', { body: { plan: 'bubble' } })).resolves.toEqual({ plan: 'bubble' });
    const [get, post] = service.received;
    expect(get).toMatchObject({
      query: { plan: 'bubble', limit: '1' },
      headers: { authorization: 'Bearer dk_1.secret' },
    });
    expect(get?.headers).not.toHaveProperty('idempotency-key');
    expect(post?.headers['idempotency-key']).toMatch(/^[\da-f-]{36}$/);
  });

  it('cannot be led to another address by an id', async () => {
    await api.get(pathOf`/runs/${'../../healthz?x=#'}/failures`).catch(() => {});
    expect(service.received[0]?.path).toBe('/api/v1/runs/..%2F..%2Fhealthz%3Fx%3D%23/failures');
  });

  it('takes an empty answer', async () => {
    service.on('DELETE /keys/k', () => ({ status: 204 }));
    await expect(api.request('DELETE', '/keys/k', { body: { reason: 'gone' } })).resolves.toBeNull();
  });
});

describe('a connection that breaks', () => {
  const breakFirst = (times: number) => {
    let calls = 0;
    service.on('GET /runs/r1', (request, response) => drop(request, response));
    service.on('POST /runs', (request, response) => drop(request, response));
    service.on('PATCH /runs/r1', (request, response) => drop(request, response));
    function drop(_request: unknown, response: { destroy(): unknown }) {
      calls += 1;
      if (calls > times) return { body: { id: 'r1' } };
      response.destroy();
      return undefined;
    }
  };

  it('is tried once more, under the same key where something is created', async () => {
    breakFirst(1);
    await expect(api.get('/runs/r1')).resolves.toEqual({ id: 'r1' });
    breakFirst(1);
    await api.request('POST', '/runs', { body: {} });
    const keys = service.received.filter((one) => one.method === 'POST').map((one) => one.headers['idempotency-key']);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });

  it('is reported when it breaks again', async () => {
    breakFirst(9);
    const problem = await problemOf(api.get('/runs/r1'));
    expect(problem).toMatchObject({ code: 'SERVICE_UNREACHABLE', exitCode: 3 });
    expect(service.received).toHaveLength(2);
  });

  it('is not tried again where a second time would count', async () => {
    breakFirst(1);
    const problem = await problemOf(api.request('PATCH', '/runs/r1', { body: {} }));
    expect(problem.remedy).toContain('Whether it was carried out is not known');
    expect(service.received).toHaveLength(1);
  });
});

describe('an answer that is none', () => {
  it('is waited for no longer than the deadline', async () => {
    service.on('GET /runs', () => new Promise(() => {}));
    const problem = await problemOf(api.request('GET', '/runs', { deadlineMs: 100 }));
    expect(problem).toMatchObject({ code: 'SERVICE_UNREACHABLE', exitCode: 3 });
    expect(problem.message).toContain('in time');
  });

  it('is waited for again when the service says how long', async () => {
    let calls = 0;
    service.on('GET /runs', () => {
      calls += 1;
      if (calls > 1) return { body: 'true' };
      return { ...problemReply(429, 'TOO_MANY_REQUESTS', 'slow', 'wait'), headers: { 'retry-after': '0' } };
    });
    await expect(api.get('/runs')).resolves.toBe(true);
  });

  it('names what does not answer', async () => {
    const nowhere = createClient({ url: 'http://127.0.0.1:1', token: undefined });
    const problem = await problemOf(nowhere.get('/runs'));
    expect(problem.exitCode).toBe(3);
    expect(problem.message).toContain('http://127.0.0.1:1');
  });

  it('is told apart from a service of another kind', async () => {
    service.on('GET /runs', () => ({ headers: { 'content-type': 'text/html' }, body: '<html>' }));
    service.on('GET /plans', () => ({ status: 302, headers: { location: 'https://elsewhere.example' } }));
    expect(await problemOf(api.get('/runs'))).toMatchObject({ code: 'NOT_DROVER', exitCode: 3 });
    const moved = await problemOf(api.get('/plans'));
    expect(moved.message).toContain('https://elsewhere.example');
  });
});

describe('a refusal', () => {
  it('is shown with its code and remedy, and is our fault below 500', async () => {
    service.on('GET /plans/x', () => problemReply(404, 'NOT_FOUND', 'there is no plan x', 'Plans: bubble.'));
    service.on('GET /plans/y', () => problemReply(503, 'DATABASE_UNAVAILABLE', 'no database', 'Check it.'));
    expect(await problemOf(api.get('/plans/x'))).toMatchObject({
      code: 'NOT_FOUND',
      message: 'there is no plan x',
      remedy: 'Plans: bubble.',
      exitCode: 2,
      status: 404,
    });
    expect(await problemOf(api.get('/plans/y'))).toMatchObject({ code: 'DATABASE_UNAVAILABLE', exitCode: 3 });
  });

  it('of a key names DROVER_TOKEN', async () => {
    service.on('GET /runs', () => problemReply(401, 'UNAUTHENTICATED', 'The key is unknown.', 'Send a key.'));
    const problem = await problemOf(api.get('/runs'));
    expect(problem.exitCode).toBe(2);
    expect(problem.remedy).toContain('DROVER_TOKEN');
  });

  it('lists every field that is wrong, once', async () => {
    service.on('POST /runs', () => {
      const { status, headers, body } = problemReply(400, 'BAD_REQUEST', 'body.plan: too short.', 'Correct them.');
      const errors = [
        { path: 'body.plan', message: 'too short' },
        { path: 'body.ids', message: 'empty' },
      ];
      return { status, headers, body: { ...(body as object), errors } } as never;
    });
    expect((await problemOf(api.request('POST', '/runs', { body: {} }))).items).toEqual(['body.ids: empty']);
  });

  it('by something in between is shown as well as it can be', async () => {
    service.on('GET /runs', () => ({ status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>' }));
    expect(await problemOf(api.get('/runs'))).toMatchObject({ code: 'HTTP_502', exitCode: 3 });
  });
});
