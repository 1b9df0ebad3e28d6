import type { Json } from '../../plan/json.ts';
import type { Upstream } from '../../plan/upstream.ts';

/** The types the app exposes, as /meta names them; none when it does not say (the app may hide its description). */
export async function exposedTypes(upstream: Upstream, signal: AbortSignal): Promise<string[]> {
  const response = await upstream.request({ method: 'GET', path: 'meta', endpoint: 'meta', signal });
  return response.status === 404 ? [] : typesIn(response.json());
}

function typesIn(meta: Json): string[] {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return [];
  const { get, types } = meta as { [key: string]: Json };
  const listed = Array.isArray(get) ? get : Object.keys((types ?? {}) as object);
  return listed.filter((name) => typeof name === 'string');
}
