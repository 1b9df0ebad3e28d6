import { DroverError } from '../../errors.ts';
import type { Upstream } from '../../plan/upstream.ts';
import { exposedTypes } from './exposed-types.ts';

/**
 * The name under which the app exposes a type, of several it may have; the first candidate that fits wins. Bubble's names
 * are lower case without spaces, but apps write `client_profile` and `Client Profiles` for the same thing.
 * @throws DroverError UPSTREAM_NOT_FOUND listing what the app does expose.
 */
export async function resolveBubbleType(
  upstream: Upstream,
  candidates: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const exposed = await exposedTypes(upstream, signal);
  const found = exposed.length > 0 ? matchType(candidates, exposed) : await probeTypes(upstream, candidates, signal);
  if (found !== undefined) return found;
  throw new DroverError('UPSTREAM_NOT_FOUND', `bubble: the app exposes none of the types ${candidates.join(', ')}`, {
    remedy:
      exposed.length > 0
        ? `Tick the type under Settings, API, "Enable Data API". Exposed now: ${exposed.join(', ')}.`
        : 'Check that the URL ends in /api/1.1 and that the app enables the Data API for this type.',
  });
}

/** The exposed type a candidate means, or undefined. Spelled alike beats alike but for spaces beats alike but for plural. */
export function matchType(candidates: readonly string[], exposed: readonly string[]): string | undefined {
  for (const same of [(name: string) => name, normalizedTypeName, singularTypeName]) {
    for (const candidate of candidates) {
      const found = exposed.find((name) => same(name) === same(candidate));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function normalizedTypeName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function singularTypeName(name: string): string {
  return normalizedTypeName(name)
    .replace(/ies$/, 'y')
    .replace(/([^s])s$/, '$1');
}

/** Where the app hides its description, the types themselves are asked. */
async function probeTypes(
  upstream: Upstream,
  candidates: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const spellings = candidates.flatMap((name) => [name, normalizedTypeName(name), singularTypeName(name)]);
  for (const type of new Set(spellings)) {
    const path = `obj/${encodeURIComponent(type)}`;
    const { status } = await upstream.request({ method: 'GET', path, endpoint: 'obj', query: { limit: 1 }, signal });
    if (status !== 404) return type;
  }
  return undefined;
}
