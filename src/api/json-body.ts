import { isUtf8 } from 'node:buffer';
import type { FastifyRequest } from 'fastify';
import { HttpProblem } from './problems.ts';
import type { Api } from './types.ts';

// Records of real sources have fewer than ten levels. Deeper ones end in a stack overflow of JSON.stringify or of PostgreSQL.
const maxDepth = 100;

/** Accepts JSON as the only body: valid UTF-8, without unpaired surrogates, nested at most 100 deep. */
export function acceptJsonOnly(app: Api): void {
  // Fastify accepts text/plain bodies by default; no route here does.
  app.removeContentTypeParser(['text/plain', 'application/json']);
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    // Many clients send `content-type: application/json` with an empty body. Where a body is required, the schema refuses it.
    if (body.length === 0) return done(null, undefined);
    if (!isUtf8(body)) return done(malformed('The body is not valid UTF-8.'));
    void parse(request, body.toString(), (error, value) => {
      const problem = error ? undefined : findProblem(value);
      done(error ?? (problem === undefined ? null : malformed(problem)), value);
    });
  });
}

/** Refuses addresses that are not percent-encoded UTF-8, or contain a zero byte, which PostgreSQL cannot store. */
export function refuseMalformedUrls(app: Api): void {
  app.addHook('onRequest', async (request: FastifyRequest) => {
    const text = decode(request.url);
    if (text === undefined) throw malformed('The address is not percent-encoded UTF-8.');
    if (text.includes('\0')) throw malformed('The address contains a zero byte.');
  });
}

/** What is wrong with a parsed JSON value: unpaired surrogates, or too many levels; undefined when nothing is. */
export function findProblem(value: unknown): string | undefined {
  // Without recursion, because the depth is what is checked.
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 1 }];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (typeof one.value === 'string' && !one.value.isWellFormed()) return illFormed;
    if (typeof one.value !== 'object' || one.value === null) continue;
    if (one.depth > maxDepth) return `The body is nested more than ${maxDepth} levels deep.`;
    const depth = one.depth + 1;
    for (const [name, item] of Object.entries(one.value)) {
      if (!name.isWellFormed()) return illFormed;
      open.push({ value: item, depth });
    }
  }
  return undefined;
}

const illFormed = 'A text in the body contains an unpaired surrogate, which is not valid Unicode.';

function decode(url: string): string | undefined {
  try {
    return decodeURIComponent(url);
  } catch {
    return undefined;
  }
}

function malformed(detail: string): HttpProblem {
  return new HttpProblem({
    status: 400,
    code: 'BAD_REQUEST',
    detail,
    remedy: 'Correct the request; /docs describes every request.',
  });
}
