import { DroverError } from '../../errors.ts';
import type { Source, SourceContext } from '../../plan/contract.ts';
import { createBubbleSource } from '../../sources/bubble/source.ts';
import { dataApiUrl } from './data-api-url.ts';
import type { EntityName } from './entity-names.ts';
import type { BubbleParams } from './params.ts';

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
export function openApiSource(
  entity: EntityName,
  params: BubbleParams,
  { settings, upstreams }: SourceContext,
): Source {
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
