import type { Client } from './client.ts';
import type { Settings } from './environment.ts';
import type { Output } from './output.ts';

/** What every command is given. */
export interface Session {
  readonly api: Client;
  readonly out: Output;
  readonly settings: Settings;
  /** For questions to the operator; undefined where nobody sits in front of it. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
}
