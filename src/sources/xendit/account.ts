import { DroverError } from '../../errors.ts';
import type { UpstreamOptions } from '../../plan/upstream.ts';

/**
 * How a Xendit account is reached: one host for both modes, the key's prefix decides. Test keys may ask each endpoint 60
 * times a minute, live ones 600 times.
 * @throws DroverError CONFIGURATION when the key is none.
 */
export function xenditAccount(url: string, secretKey: string, maxRps?: number): UpstreamOptions {
  const key = secretKey.trim();
  if (!/^xnd_(development|production)_\S+$/.test(key)) {
    throw new DroverError('CONFIGURATION', 'XENDIT_SECRET_KEY is no secret key of Xendit', {
      remedy: 'Take it from Settings > API keys; it begins with xnd_production_ or xnd_development_.',
    });
  }
  return {
    name: 'xendit',
    baseUrl: url.trim().replace(/\/+$/, ''),
    headers: { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` },
    maxRps: maxRps ?? (key.startsWith('xnd_development_') ? 1 : 10),
  };
}
