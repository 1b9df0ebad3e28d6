import { describe, expect, it } from 'vitest';
import type { UpstreamOptions } from '../../../src/plan/upstream.ts';
import plan from '../../../src/plans/bubble/index.ts';
import { dataApiUrl } from '../../../src/plans/bubble/source.ts';

function open(settings: Record<string, string>, seen: UpstreamOptions[] = []) {
  return plan.entities.users.source({
    entity: 'users',
    settings,
    params: {},
    upstreams: (options) => {
      seen.push(options);
      return { request: () => Promise.reject(new Error('not asked here')) };
    },
  });
}

describe('the Data API', () => {
  it.each([
    [{}, 'BUBBLE_API_URL and BUBBLE_API_KEY not set'],
    [{ BUBBLE_API_URL: 'https://x.bubbleapps.io/api/1.1' }, 'BUBBLE_API_KEY not set'],
    [{ BUBBLE_API_KEY: 'k', BUBBLE_API_URL: '  ' }, 'BUBBLE_API_URL not set'],
    [{ BUBBLE_API_KEY: 'k', BUBBLE_API_URL: 'bubble' }, 'BUBBLE_API_URL is no URL'],
  ])('says what is not set: %j', (settings, message) => {
    expect(() => open(settings)).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringContaining(message) }),
    );
  });

  it('is asked at the address with the key', () => {
    const seen: UpstreamOptions[] = [];
    open({ BUBBLE_API_URL: 'https://x.bubbleapps.io/api/1.1/', BUBBLE_API_KEY: ' k ' }, seen);
    expect(seen).toMatchObject([
      { name: 'bubble', baseUrl: 'https://x.bubbleapps.io/api/1.1', headers: { authorization: 'Bearer k' } },
    ]);
  });

  it.each([
    ['https://x.bubbleapps.io/api/1.1', 'https://x.bubbleapps.io/api/1.1'],
    ['https://x.bubbleapps.io/api/1.1/obj/', 'https://x.bubbleapps.io/api/1.1'],
    ['https://x.bubbleapps.io', 'https://x.bubbleapps.io/api/1.1'],
    ['https://x.bubbleapps.io/api/', 'https://x.bubbleapps.io/api/1.1'],
    ['https://x.bubbleapps.io/version-test', 'https://x.bubbleapps.io/version-test/api/1.1'],
    [' http://127.0.0.1:4000/api/1.1?x=1 ', 'http://127.0.0.1:4000/api/1.1'],
  ])('%j is %s', (text, url) => expect(dataApiUrl(text)).toBe(url));
});
