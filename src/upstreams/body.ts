import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DroverError } from '../errors.ts';

/**
 * The whole body, unpacked, counted after unpacking so that a small bomb stays small.
 * @throws DroverError UPSTREAM_BAD_ANSWER when it is larger than the cap or packed in a way we did not ask for.
 */
export async function readBody(answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of decompressed(answer)) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw badBody(`the answer is larger than ${Math.floor(maxBytes / 1_048_576)} MB`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks, bytes);
}

function decompressed(answer: IncomingMessage): Readable {
  const encoding = (answer.headers['content-encoding'] ?? 'identity').toLowerCase();
  if (encoding === 'identity') return answer;
  if (encoding !== 'gzip') throw badBody(`the answer is packed as ${encoding.slice(0, 20)}`);
  return pipeline(answer, createGunzip(), () => {
    // Its error reaches the reader of the gunzip stream.
  });
}

/**
 * Bytes as text. UTF-8 whatever the header says: JSON has no other encoding, and Latin-1 read as UTF-8 would put
 * replacement characters into people's names.
 * @throws DroverError UPSTREAM_BAD_ANSWER when the bytes are not UTF-8.
 */
export function decodeText(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw badBody('the answer is not UTF-8');
  }
}

function badBody(message: string): DroverError {
  return new DroverError('UPSTREAM_BAD_ANSWER', message);
}
