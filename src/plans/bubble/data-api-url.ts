import { DroverError } from '../../errors.ts';

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
