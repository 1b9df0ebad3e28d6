import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * One command, one answer, as text. Enough to ask a server who it is without a client library's reconnecting, which
 * would hide that nobody is there. Undefined when nobody answers.
 */
export async function sendRedisCommand(port: number, command: string): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1' });
  const signal = AbortSignal.timeout(2_000);
  try {
    await once(socket, 'connect', { signal });
    socket.write(`${command}\r\n`);
    const [answer] = (await once(socket, 'data', { signal })) as [Buffer];
    return answer.toString();
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
