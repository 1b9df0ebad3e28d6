import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { checkoutRoot } from './checkout.ts';

/**
 * From here on, whatever this process starts ends with it, also when it is killed and can do nothing for that itself:
 * guard.mjs, in a session of its own, ends every process that carries the mark set here. A command that was started by
 * another guarded command (a test that starts a demo, say) is ended with that one.
 */
export function guardChildren(): void {
  if (process.env.CHECKOUT_GUARD !== undefined) return;
  const mark = randomBytes(8).toString('hex');
  const npm = process.env.npm_lifecycle_event === undefined ? [] : [String(process.ppid)];
  const script = join(checkoutRoot(), 'scripts/stack/guard.mjs');
  const guard = spawn(process.execPath, [script, mark, String(process.pid), ...npm], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  guard.unref();
  // The pipe is closed by the system when this process is gone; it must not keep it from ending either.
  (guard.stdin as unknown as { unref(): void }).unref();
  process.env.CHECKOUT_GUARD = mark;
}
