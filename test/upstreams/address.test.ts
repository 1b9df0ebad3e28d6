import type { LookupAddress } from 'node:dns';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { isPublicAddress, parseBaseUrl, publicLookup, requestUrl } from '../../src/upstreams/address.ts';

const open = (url: string) => parseBaseUrl('up', url, false);

test.each([
  'https://127.0.0.1/',
  'https://2130706433/', // 127.0.0.1 as one number
  'https://0x7f000001/',
  'https://0177.0.0.1/',
  'https://127.1/',
  'https://[::1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:10.0.0.1]/',
  'https://[fe80::1]/',
  'https://[fd00::1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://169.254.169.254/latest/meta-data',
  'https://10.1.2.3/',
  'https://172.16.0.1/',
  'https://192.168.1.1/',
  'https://100.64.0.1/',
  'https://0.0.0.0/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'http://example.com/',
])('%s is forbidden', (url) => {
  expect(() => open(url)).toThrow(expect.objectContaining({ code: 'UPSTREAM_FORBIDDEN_ADDRESS' }));
});

test.each(['https://example.com/api', 'https://93.184.216.34/', 'https://[2606:2800:220:1:248:1893:25c8:1946]/'])(
  '%s is allowed',
  (url) => {
    expect(open(url).href).toBe(url);
  },
);

test.each(['', 'bubble', 'ftp://example.com', 'file:///etc/passwd', 'https://key:secret@example.com/'])(
  '%j is no base URL',
  (url) => {
    const error = expect.objectContaining({ code: 'CONFIGURATION', message: expect.not.stringContaining('secret') });
    expect(() => parseBaseUrl('up', url, true)).toThrow(error);
  },
);

test('a name with one private address among public ones is refused at lookup', async () => {
  const answers: Record<string, LookupAddress[]> = {
    'good.example': [{ address: '93.184.216.34', family: 4 }],
    'mixed.example': [
      { address: '93.184.216.34', family: 4 },
      { address: '::ffff:10.0.0.1', family: 6 },
    ],
    'empty.example': [],
  };
  const resolve = (name: string, _: unknown, callback: (error: null, found: LookupAddress[]) => void) =>
    callback(null, answers[name] ?? []);
  const lookup = promisify(publicLookup(resolve as never)) as (name: string, options: object) => Promise<unknown>;
  expect(await lookup('good.example', { all: true })).toEqual(answers['good.example']);
  expect(await lookup('good.example', {})).toBe('93.184.216.34');
  for (const name of ['mixed.example', 'empty.example']) {
    await expect(lookup(name, {})).rejects.toMatchObject({ code: 'UPSTREAM_FORBIDDEN_ADDRESS' });
  }
});

test('text that is not an address is not public', () => {
  expect(['', 'localhost', '::ffff:', 'example.com'].filter(isPublicAddress)).toEqual([]);
});

test('a path is appended and cannot leave its upstream', () => {
  const base = parseBaseUrl('up', 'https://app.example/version-test/api/1.1/?v=2', true);
  expect(requestUrl(base, { path: '/obj/user', query: { a: 'x y&z', b: undefined, c: 3 } }).href).toBe(
    'https://app.example/version-test/api/1.1/obj/user?v=2&a=x+y%26z&c=3',
  );
  expect(requestUrl(base, { path: '//evil.example/x' }).host).toBe('app.example');
  expect(requestUrl(base, { path: 'https://evil.example/x' }).host).toBe('app.example');
  for (const path of ['../../admin', 'obj/%2e%2e/%2e%2e/%2e%2e/admin']) {
    expect(() => requestUrl(base, { path })).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }));
  }
});
