/** `env` is what the program needs in its environment to run. */
export interface RedisProgram {
  path: string;
  env: Record<string, string>;
  version: string;
}
export class MissingRedis extends Error {}
/** A Redis or Valkey server that runs here, or undefined. Looks, and changes nothing. */
export function findRedis(root: string): RedisProgram | undefined;
/** The same, fetching one from the system's package source when there is none; throws MissingRedis with the remedy. */
export function obtainRedis(root: string): RedisProgram & { fetched: boolean };
