import postgres from 'postgres';
import { benchRecord } from './plan.ts';

/** Streams n rows of the bench's size into a table with one COPY; answers rows a second. What the disk allows at best. */
export async function timeCopy(databaseUrl: string, n: number): Promise<number> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe('CREATE UNLOGGED TABLE IF NOT EXISTS bench_copy (source_id text, raw jsonb)');
    await sql.unsafe('ALTER TABLE bench_copy SET LOGGED; TRUNCATE bench_copy');
    const started = performance.now();
    const stream = await sql`COPY bench_copy (source_id, raw) FROM STDIN`.writable();
    for (let at = 0; at < n; at += 1_000) {
      const lines = Array.from({ length: Math.min(1_000, n - at) }, (_, index) => lineOf(at + index)).join('');
      if (!stream.write(lines)) await new Promise((resolve) => stream.once('drain', resolve));
    }
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject);
      stream.end(resolve);
    });
    return n / ((performance.now() - started) / 1_000);
  } finally {
    await sql.end();
  }
}

// The text format of COPY: a backslash is written twice.
function lineOf(n: number): string {
  return `b${n}\t${JSON.stringify(benchRecord(n)).replaceAll('\\', '\\\\')}\n`;
}
