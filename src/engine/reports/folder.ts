import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A place for files. */
export interface ReportFolder {
  /** Writes the file whole or not at all; answers its size in bytes. Throws what the file system throws. */
  write(name: string, body: AsyncIterable<string>): Promise<number>;
}

/** A folder of this machine, made when the first file is written. */
export function createReportFolder(path: string): ReportFolder {
  return {
    async write(name, body) {
      await mkdir(path, { recursive: true });
      // Beside its place and then renamed: a reader never sees half a file, and a crash leaves the old one.
      const target = join(path, basename(name));
      const draft = `${target}.${process.pid}.part`;
      let bytes = 0;
      const counted = async function* () {
        for await (const piece of body) {
          bytes += Buffer.byteLength(piece);
          yield piece;
        }
      };
      try {
        await pipeline(Readable.from(counted()), createWriteStream(draft, { mode: 0o640 }));
        await rename(draft, target);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      return bytes;
    },
  };
}
