import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { withDeadline } from '../deadline.ts';
import { type Client, pathOf } from './client.ts';
import { exitCodes } from './exit-code.ts';
import { Problem } from './problem.ts';

export interface SavedReport {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

const idleTimeoutMs = 60_000;
const idleError = (): Error => new Error(`nothing came for ${idleTimeoutMs / 1000} s`);

/**
 * Saves a report as a file, under its own name or `fileName`. The file appears only when it is complete; an existing one is
 * replaced only then.
 * @throws Problem when the service is unreachable, or the file cannot be written.
 */
export async function saveReport(
  api: Client,
  runId: string,
  name: string,
  folder: string,
  fileName: string = name,
): Promise<SavedReport> {
  const path = join(folder, checkFileName(fileName));
  const part = `${path}.part-${process.pid}`;
  const response = await api.open(pathOf`/runs/${runId}/reports/${name}`, { accept: '*/*' });
  let bytes = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks(response)) {
      bytes += chunk.byteLength;
      yield chunk;
    }
  };
  try {
    await mkdir(folder, { recursive: true });
    await pipeline(counted, createWriteStream(part, { mode: 0o640 }));
    await rename(part, path);
  } catch (cause) {
    await rm(part, { force: true }).catch(() => {});
    throw cause instanceof Problem ? cause : fileProblem(path, cause);
  }
  return { name, path, bytes };
}

/** The text of a report in pieces. */
export async function* readReportText(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of chunks(response)) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

/** The body in pieces. Throws SERVICE_UNREACHABLE when it breaks off, or when nothing arrives for a minute. */
async function* chunks(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  try {
    for (;;) {
      const next = reader && (await withDeadline(reader.read(), idleTimeoutMs, idleError));
      if (!next || next.done) return;
      yield next.value;
    }
  } catch (cause) {
    const message = `the report broke off: ${cause instanceof Error ? cause.message : String(cause)}`;
    const remedy = 'Try again; nothing of it was saved.';
    throw new Problem({ code: 'SERVICE_UNREACHABLE', message, remedy, exitCode: exitCodes.unreachable, cause });
  } finally {
    await reader?.cancel().catch(() => {});
  }
}

/** The service chooses the names; a name with a path in it would write outside of the folder. */
function checkFileName(name: string): string {
  const safe = basename(name.replaceAll('\\', '/'));
  if (safe === name && !['', '.', '..'].includes(safe) && !safe.includes('\0')) return safe;
  throw new Problem({
    code: 'BAD_NAME',
    message: `${JSON.stringify(name)} is not a valid file name`,
    remedy: undefined,
  });
}

function fileProblem(path: string, cause: unknown): Problem {
  const message = `${path} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new Problem({
    code: 'FILE',
    message,
    remedy: 'Check the folder given with --out and its permissions.',
    cause,
  });
}
