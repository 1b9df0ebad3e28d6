import type { Clock } from '../../core/clock.ts';
import type { FaultRule } from '../../core/faults.ts';
import type { Random } from '../../core/random.ts';
import {
  type Answer,
  jsonAnswer,
  type SandboxRequest,
  type Upstream,
  type UpstreamResult,
} from '../../core/upstream.ts';
import { errorOfCode, PgError } from '../pg-error.ts';
import type { Database } from '../store.ts';
import { checkApiKey, type ProjectKeys, type Role, roleOf } from './auth.ts';
import { type ApiContext, errorAnswer, parsePreferences, type SupabaseSettings } from './context.ts';
import { readRows } from './read.ts';
import { deleteRows, insertRows, updateRows } from './write.ts';

const REST_PATH = '/rest/v1';

interface SupabaseApiDeps {
  readonly database: Database;
  readonly keys: ProjectKeys;
  readonly settings: Readonly<SupabaseSettings>;
  readonly clock: Clock;
  readonly random: Random;
}

const OPERATIONS: Readonly<Record<string, string>> = {
  GET: 'list',
  HEAD: 'count',
  POST: 'create',
  PATCH: 'change',
  DELETE: 'delete',
};

/** Supabase's REST interface on the given tables. */
export function supabaseApi(deps: SupabaseApiDeps): Upstream {
  return {
    name: 'supabase',
    // These faults have PostgreSQL's error codes, and `error-after` must not undo the work.
    ownFaults: ['error', 'error-after'],
    describeRequest: ({ method, path }) => ({
      method,
      operation: OPERATIONS[method] ?? 'other',
      resource: path.slice(REST_PATH.length + 1),
    }),
    errorAnswer: (status, message) => jsonAnswer(status, { message }),
    handle: (request, faults) => handle(request, faults, deps),
  };
}

function handle(request: SandboxRequest, faults: readonly FaultRule[], deps: SupabaseApiDeps): UpstreamResult {
  const touched: string[] = [];
  const keyError = checkApiKey(request, deps.keys);
  if (keyError !== undefined) return { answer: keyError, touched };
  let role: Role | undefined;
  try {
    role = roleOf(request, deps.keys, deps.clock);
    const before = faults.find(({ fault }) => fault === 'error');
    if (before !== undefined) throw errorOfCode(before.code);
    const answer = answerRequest(request, { ...deps, role, faults, touched });
    const after = faults.find(({ fault }) => fault === 'error-after');
    if (after !== undefined) throw errorOfCode(after.code);
    return { answer, touched };
  } catch (thrown) {
    if (thrown instanceof PgError) return { answer: errorAnswer(thrown, role), touched };
    throw thrown;
  }
}

function answerRequest(
  request: SandboxRequest,
  deps: SupabaseApiDeps & Omit<ApiContext, 'table' | 'preferences'>,
): Answer {
  const name = decodeURIComponent(request.path.slice(REST_PATH.length + 1));
  if (!request.path.startsWith(`${REST_PATH}/`) || name === '' || name.includes('/')) {
    throw new PgError('PGRST125', 'Invalid path specified in request URL');
  }
  const table = deps.database.find(name);
  if (table === undefined) throw unknownTable(name, deps.database.names);
  const { settings, clock, random, role, faults, touched } = deps;
  const preferences = parsePreferences(request.headers.prefer);
  return dispatchMethod(request, { table, preferences, settings, clock, random, role, faults, touched });
}

function dispatchMethod(request: SandboxRequest, context: ApiContext): Answer {
  if (request.method === 'GET' || request.method === 'HEAD') return readRows(request, context);
  if (request.method === 'PATCH') return updateRows(request, context);
  if (request.method === 'DELETE') return deleteRows(request, context);
  if (request.method === 'POST') return insertRows(request, context);
  throw new PgError('PGRST117', `Unsupported HTTP method: ${request.method}`);
}

function unknownTable(name: string, known: readonly string[]): PgError {
  const hint = known.length === 0 ? null : `Perhaps you meant the table 'public.${known[0]}'`;
  return new PgError('PGRST205', `Could not find the table 'public.${name}' in the schema cache`, null, hint);
}
