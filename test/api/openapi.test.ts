import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../helpers/api-service.ts';

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: string[];
  readonly parameters?: { readonly name: string; readonly in: string }[];
  readonly responses: Record<string, { readonly description?: string; readonly content?: object }>;
  readonly requestBody?: { readonly content: Record<string, unknown> };
  readonly security: object[];
  readonly 'x-role': string;
}

let service: TestService;
let text: string;
let document: { openapi: string; paths: Record<string, Record<string, Operation>>; components: { schemas: object } };

beforeAll(async () => {
  service = await startService();
  text = (await service.app.inject({ url: '/openapi.json' })).body;
  document = JSON.parse(text);
});
afterAll(() => service.stop());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

test('the document and the page to browse it need no key', async () => {
  expect(document.openapi).toBe('3.1.0');
  const page = await service.app.inject({ url: '/docs/' });
  expect(page.statusCode).toBe(200);
  const files = [...page.body.matchAll(/(?:src|href)="\.?\/?(?:docs\/)?(static\/[^"]+)"/g)].map(([, file]) => file);
  expect(files.length).toBeGreaterThan(3);
  for (const file of files) expect((await service.app.inject({ url: `/docs/${file}` })).statusCode).toBe(200);
  // A script in the page would be blocked by the policy it is served with.
  expect(page.body).not.toMatch(/<script(?![^>]*src=)[^>]*>\s*\S/);
});

test('every route under /api/v1 is described: name, summary, role, path parameters, answers and problems', () => {
  const routes = service.app
    .declaredRoutes()
    .filter(({ method, url }) => url.startsWith('/api/v1') && method !== 'HEAD');
  expect(operations().filter(({ path }) => path.startsWith('/api/v1'))).toHaveLength(routes.length);
  for (const { method, url, access } of routes) {
    const operation = document.paths[url.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
    expect(operation, `${method} ${url}`).toBeDefined();
    expect(operation?.operationId).toMatch(/^[a-z][A-Za-z]+$/);
    expect(operation?.summary).toBeTruthy();
    expect(operation?.['x-role']).toBe(access);
    expect(operation?.security.length === 0).toBe(access === 'open');
    const declared =
      operation?.parameters?.filter((parameter) => parameter.in === 'path').map(({ name }) => name) ?? [];
    expect(declared.sort()).toEqual([...url.matchAll(/:(\w+)/g)].map(([, name]) => name).sort());
    const answers = Object.entries(operation?.responses ?? {});
    expect(answers.some(([status]) => status.startsWith('2'))).toBe(true);
    const problem = operation?.responses['4XX']?.content as Record<string, { schema: unknown }> | undefined;
    expect(problem?.['application/problem+json']?.schema).toEqual({ $ref: '#/components/schemas/Problem' });
    if (['POST', 'PATCH'].includes(method)) expect(operation?.requestBody?.content).toHaveProperty('application/json');
  }
});

test('operation ids are unique and every reference leads somewhere', () => {
  const ids = operations().map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  const references = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name));
  expect(references.size).toBeGreaterThan(10);
  for (const name of references) expect(Object.keys(document.components.schemas)).toContain(name);
});

test('unknown fields of bodies are closed in the document as they are in the checks', () => {
  const body = document.paths['/api/v1/runs']?.post?.requestBody?.content['application/json'] as { schema: object };
  expect(body.schema).toMatchObject({ type: 'object', additionalProperties: false, required: ['plan'] });
});
