import { createInterface } from 'node:readline/promises';

/** Asks the operator on the terminal; undefined where there is none. Questions go to stderr: stdout is for answers. */
export function createPrompt(): ((question: string) => Promise<string>) | undefined {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return undefined;
  return async (question) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    // Ctrl-C and Ctrl-D are a no.
    const closed = new Promise<string>((done) => reader.once('close', () => done('')));
    try {
      return await Promise.race([reader.question(question), closed]);
    } finally {
      reader.close();
    }
  };
}
