import { DroverError } from '../../errors.ts';
import type { Source, SourceContext } from '../../plan/contract.ts';
import { createBubbleSource } from '../../sources/bubble/source.ts';
import { openCsvSource } from './csv/source.ts';
import { type EntityName, entityNames } from './entity-names.ts';
import { type BubbleParams, paramsSchema } from './params.ts';

/** The source of one entity: the Data API, or a file when the run says so. */
export function openSource(context: SourceContext): Source {
  const params = paramsSchema.parse(context.params);
  const entity = entityNames.find((name) => name === context.entity);
  if (entity === undefined) throw new DroverError('CONFIGURATION', `the plan bubble has no entity ${context.entity}`);
  const fromFiles = params.skipExport === true || params.source === 'csv';
  return fromFiles ? openCsvSource(entity, params, context) : openApiSource(entity, params, context);
}

// Bubble spells types in lower case without spaces; how the application called them first is anybody's guess.
const typeNames: Readonly<Record<EntityName, readonly string[]>> = {
  users: ['user'],
  client_profiles: ['clientprofile', 'client_profile', 'client'],
  coach_profiles: ['coachprofile', 'coach_profile', 'coach'],
  bookings: ['booking'],
  payments: ['payment'],
};

// 2,400 a minute: every plan of Bubble's allows at least six times that, but each call costs its owner workload units.
const maxRps = 40;

/** The records of one type, from the Data API. Throws CONFIGURATION naming the variables that are not set. */
function openApiSource(entity: EntityName, params: BubbleParams, { settings, upstreams }: SourceContext): Source {
  const { BUBBLE_API_URL: url, BUBBLE_API_KEY: key } = settings;
  if (!url?.trim() || !key?.trim()) throw notConfigured(url, key);
  const upstream = upstreams({
    name: 'bubble',
    baseUrl: dataApiUrl(url),
    headers: { authorization: `Bearer ${key.trim()}` },
    maxRps,
  });
  return createBubbleSource({ upstream, type: params.fieldMap?.types?.[entity] ?? typeNames[entity] });
}

function notConfigured(url: string | undefined, key: string | undefined): DroverError {
  const absent = [...(url?.trim() ? [] : ['BUBBLE_API_URL']), ...(key?.trim() ? [] : ['BUBBLE_API_KEY'])];
  return new DroverError('CONFIGURATION', `${absent.join(' and ')} not set, and the run reads from Bubble's Data API`, {
    remedy:
      'Set them for the workers (the URL as in https://app.bubbleapps.io/api/1.1, the key from Settings, API), or start from ' +
      'CSV files with --skip-export.',
  });
}

/**
 * The address the Data API's types live below, of what people copy for it: with or without a slash, `/obj`, or the path
 * altogether. `/version-test` (the development database) stays.
 */
export function dataApiUrl(text: string): string {
  const url = parseUrl(text.trim());
  const path = url.pathname.replace(/\/+$/, '').replace(/\/obj$/, '');
  url.pathname = /\/api\/[\d.]+$/.test(path) ? path : `${path.replace(/\/api$/, '')}/api/1.1`;
  url.search = '';
  url.hash = '';
  return url.href;
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw new DroverError('CONFIGURATION', 'BUBBLE_API_URL is no URL', {
      cause,
      remedy: 'Write it as https://app.bubbleapps.io/api/1.1',
    });
  }
}
