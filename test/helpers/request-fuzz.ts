/** Requests made from the schemas of an OpenAPI document, half of them valid, with hostile values in any place. */

import type { Random } from '../../src/sandbox/core/random.ts';

interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface FuzzRoute {
  readonly method: string;
  /** `/api/v1/runs/:id` */
  readonly url: string;
}

export interface FuzzRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload?: string | undefined;
}

const hostileTexts: readonly string[] = [
  ...['', ' ', '\u0000', 'a\u0000b', '\ud800', '\udfff x', '\u202e', '\ufeff', '\u{1f600}', '\r\nx: y', 'x'.repeat(70)],
  ...['x'.repeat(300), 'x'.repeat(5_000), "'; DROP TABLE drover.runs; --", '"', '\\', '../../etc/passwd', '%00', '%ff'],
  ...['%', '%E0%A4', '__proto__', 'constructor', 'toString', 'null', 'undefined', 'NaN', '-1', '1e999', '0x10', '١'],
  ...['99999999999999999999', '2026-02-30', '0000-01-01', '+275760-09-13T00:00:00Z', '9999-12-31T23:59:59+14:00'],
  ...['pg_catalog', 'information_schema', 'drover', 'public', 'load', 'bubble', 'users', 'admin', '*', '{{x}}'],
];

const hostileNumbers = [0, -0, -1, 1.5, 12.5, 0.1, 1e21, 1e308, -1e308, 2 ** 31, 2 ** 53, 2 ** 63, 4_294_967_296, 1e-9];

const hostileValues: readonly ((random: Random) => unknown)[] = [
  (random) => random.pick(hostileTexts),
  (random) => random.pick(hostileNumbers),
  () => null,
  () => [],
  () => ({}),
  () => true,
  () => nested(150),
  () => nested(1_000),
  (random) => ({ [random.pick(hostileTexts)]: random.pick(hostileTexts) }),
  (random) => Array.from({ length: random.int(1, 50) }, () => random.pick(hostileTexts)),
];

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let n = 0; n < depth; n += 1) value = n % 2 === 0 ? [value] : { a: value };
  return value;
}

/** A generator of requests for routes; `known` are names that exist: ids of runs, plans, queues. */
export function createRequestFuzz(document: OpenApiDocument, random: Random, known: readonly string[]) {
  const hostile = (): unknown => random.pick(hostileValues)(random);
  const text = (): string => (random.chance(0.5) ? random.pick(known) : random.pick(hostileTexts));

  const makeValue = (schema: JsonSchema | undefined, depth = 0): unknown => {
    if (schema === undefined || depth > 6 || random.chance(0.08)) return hostile();
    const options = schema.anyOf ?? schema.oneOf;
    if (options) return makeValue(random.pick(options), depth + 1);
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return random.pick(schema.enum);
    switch (schema.type) {
      case 'string':
        return text();
      case 'integer':
      case 'number':
        return random.chance(0.7)
          ? random.int(Math.max(schema.minimum ?? 0, -1e9), Math.min(schema.maximum ?? 100, 1_000))
          : random.pick(hostileNumbers);
      case 'boolean':
        return random.chance(0.5);
      case 'array':
        return Array.from({ length: random.int(0, 4) }, () => makeValue(schema.items, depth + 1));
      case 'object':
        return makeObject(schema, depth);
      default:
        return hostile();
    }
  };

  const makeObject = (schema: JsonSchema, depth: number): Record<string, unknown> => {
    const result: Record<string, unknown> = {};
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const wanted = schema.required?.includes(name) ? 0.95 : 0.4;
      if (random.chance(wanted)) result[name] = makeValue(property, depth + 1);
    }
    if (random.chance(0.1) || (typeof schema.additionalProperties === 'object' && random.chance(0.6))) {
      const other = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
      result[text()] = makeValue(other, depth + 1);
    }
    return result;
  };

  /** Percent-encoded most of the time; otherwise as it stands, where an HTTP client could send it. */
  const encoded = (value: string): string =>
    random.chance(0.95) ? encodeURIComponent(value.toWellFormed()) : value.replace(/[^\x21-\x7e]|[#?/]/g, '');

  const queryOf = (operation: Operation | undefined): string => {
    const pairs = (operation?.parameters ?? [])
      .filter((parameter) => parameter.in === 'query' && random.chance(0.4))
      .flatMap(({ name, schema }) => {
        const value = (): string => `${name}=${encoded(String(makeValue(schema)))}`;
        return random.chance(0.1) ? [value(), value()] : [value()];
      });
    const extra = random.chance(0.1) ? [`${encoded(text())}=${encoded(text())}`] : [];
    const all = [...pairs, ...extra];
    return all.length === 0 ? '' : `?${all.join('&')}`;
  };

  const headersOf = (operation: Operation | undefined): Record<string, string> => ({
    ...(operation?.requestBody || random.chance(0.2) ? { 'content-type': contentType() } : {}),
    ...(random.chance(0.2) ? { 'idempotency-key': random.pick(['k1', 'k2', 'has space', 'x'.repeat(300)]) } : {}),
    ...(random.chance(0.05) ? { accept: 'text/html' } : {}),
    ...(random.chance(0.05) ? { cookie: `drover_session=${encoded(text())}` } : {}),
  });

  const contentType = (): string =>
    random.chance(0.93)
      ? 'application/json'
      : random.pick(['text/plain', 'application/x-www-form-urlencoded', 'x', 'application/json; charset=utf-16']);

  const payloadOf = (operation: Operation | undefined): string => {
    if (random.chance(0.03))
      return random.pick(['', '{', '[1,]', '"x"', '\ufeff{}', '{"__proto__":{}}', '[]', 'a=b&a=c']);
    return JSON.stringify(makeValue(operation?.requestBody?.content['application/json']?.schema)) ?? '';
  };

  return (route: FuzzRoute): FuzzRequest => {
    const operation = document.paths[route.url.replace(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()];
    const path = route.url.replace(/:\w+/g, () => encoded(text()) || 'x').replace('*', () => encoded(text()));
    const hasBody = !['GET', 'HEAD'].includes(route.method);
    return {
      ...{ method: route.method, url: path + queryOf(operation), headers: headersOf(operation) },
      ...(hasBody ? { payload: payloadOf(operation) } : {}),
    };
  };
}
