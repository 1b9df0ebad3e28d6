import { createReadStream } from 'node:fs';
import { TextDecoder } from 'node:util';
import { fileError } from './csv-error.ts';

const chunkBytes = 64 * 1024;

/**
 * The bytes of a file from an offset on, checked to be UTF-8. A decoder that puts U+FFFD for what it cannot read would
 * lose letters without a word: Excel's plain "CSV" is in the code page of its country. Zero bytes are refused as well:
 * PostgreSQL holds them neither in text nor in JSON.
 */
export async function* utf8Chunks(path: string, from: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let at = from;
  for await (const chunk of createReadStream(path, { start: from, highWaterMark: chunkBytes })) {
    signal.throwIfAborted();
    if (!isText(decoder, chunk as Buffer)) throw await locateInvalidByte(path, at);
    const zero = (chunk as Buffer).indexOf(0);
    if (zero !== -1) throw fileError(path, (await linesBefore(path, at + zero)) + 1, 'there is a zero byte in it');
    yield chunk as Buffer;
    at += (chunk as Buffer).length;
  }
  if (!isText(decoder, undefined)) throw await locateInvalidByte(path, at);
}

/** How many lines end before the byte. */
export async function linesBefore(path: string, byte: number): Promise<number> {
  if (byte === 0) return 0;
  let lines = 0;
  for await (const chunk of createReadStream(path, { end: byte - 1, highWaterMark: chunkBytes })) {
    const bytes = chunk as Buffer;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines++;
  }
  return lines;
}

function isText(decoder: TextDecoder, chunk: Buffer | undefined): boolean {
  try {
    decoder.decode(chunk, { stream: chunk !== undefined });
    return true;
  } catch {
    return false;
  }
}

/** Looks for the very byte only now, on the way to a refusal. */
async function locateInvalidByte(path: string, near: number): Promise<Error> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  // A character cut by the edge of the chunk begins up to three bytes before it; the end of an earlier one is no fault.
  let at = Math.max(0, near - 3);
  let begun = false;
  for await (const chunk of createReadStream(path, { start: at })) {
    for (const byte of chunk as Buffer) {
      begun ||= (byte & 0xc0) !== 0x80 || at >= near;
      if (begun && !isText(decoder, Buffer.of(byte))) return notUtf8Error(path, await linesBefore(path, at));
      at++;
    }
  }
  return notUtf8Error(path, await linesBefore(path, at));
}

function notUtf8Error(path: string, lines: number): Error {
  return fileError(path, lines + 1, 'there are characters that are not UTF-8; save the file as "CSV UTF-8"');
}
