import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { type Answer, jsonAnswer, type SandboxRequest } from '../../core/upstream.ts';
import { PgError } from '../pg-error.ts';

export type Role = 'service_role' | 'anon';

/** A project's keys. */
export interface ProjectKeys {
  /** Bypasses row-level security. */
  readonly serviceRoleKey: string;
  readonly anonKey: string;
  /** The newer kind of key, which is sent in `apikey` only. */
  readonly secretKey: string;
  readonly publishableKey: string;
}

// The public default secret of local Supabase stacks.
const JWT_SECRET = 'super-secret-jwt-token-with-at-least-32-characters-long';

/** The keys of the sandbox's project, always the same. */
export function projectKeys(): ProjectKeys {
  const claims = (role: Role) => ({
    iss: 'supabase-sandbox',
    ref: 'sandbox',
    role,
    iat: 1_700_000_000,
    exp: 4_000_000_000,
  });
  return {
    serviceRoleKey: makeJwt(claims('service_role'), JWT_SECRET),
    anonKey: makeJwt(claims('anon'), JWT_SECRET),
    secretKey: 'sb_secret_sandbox_0123456789',
    publishableKey: 'sb_publishable_sandbox_0123456789',
  };
}

/** The gateway's check of `apikey`: the 401 for a missing or unknown key, otherwise undefined. */
export function checkApiKey({ headers, query }: SandboxRequest, keys: ProjectKeys): Answer | undefined {
  const key = headers.apikey ?? query.get('apikey');
  if (key === undefined || key === null || key === '') {
    const hint = 'No `apikey` request header or url param was found.';
    return jsonAnswer(401, { message: 'No API key found in request', hint });
  }
  if (Object.values(keys).includes(String(key))) return undefined;
  const hint = 'Double check your Supabase `anon` or `service_role` API key.';
  return jsonAnswer(401, { message: 'Invalid API key', hint });
}

/** The database role of a request: that of the bearer token, else that of the key. Throws PgError on an invalid or expired token. */
export function roleOf({ headers, query }: SandboxRequest, keys: ProjectKeys, clock: Clock): Role {
  const key = String(headers.apikey ?? query.get('apikey'));
  const [scheme, token] = (headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && token && token !== key) return roleOfToken(token, clock);
  if (key === keys.secretKey) return 'service_role';
  return key === keys.publishableKey ? 'anon' : roleOfToken(key, clock);
}

function roleOfToken(token: string, clock: Clock): Role {
  const claims = readJwt(token, JWT_SECRET);
  if (claims === undefined) throw new PgError('PGRST301', 'No suitable key or wrong key type');
  if (Number(claims.exp) * 1000 < clock.now()) throw new PgError('PGRST303', 'JWT expired');
  return claims.role === 'service_role' ? 'service_role' : 'anon';
}

type Claims = Readonly<Record<string, unknown>>;

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (text: string, secret: string) => createHmac('sha256', secret).update(text).digest('base64url');

/** A signed token in the format of Supabase's keys. */
function makeJwt(claims: Claims, secret: string): string {
  const head = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${head}.${sign(head, secret)}`;
}

/** The claims of a token; undefined when the signature is invalid. */
function readJwt(token: string, secret: string): Claims | undefined {
  const [head = '', claims = '', signature = ''] = token.split('.');
  const expected = Buffer.from(sign(`${head}.${claims}`, secret));
  const received = Buffer.from(signature);
  if (expected.length !== received.length || !timingSafeEqual(expected, received)) return undefined;
  try {
    return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Claims;
  } catch {
    return undefined;
  }
}
