/** The names in Redis. The prefix comes in braces, so that a cluster keeps them in one slot, as the scripts need. */
export interface UpstreamKeys {
  /** Hash: bucket and breaker of an upstream, or the bucket of one of its endpoints. */
  bucket(name: string, endpoint?: string): string;
  /** Hash: name to the requests a second an operator has set. */
  readonly overrides: string;
  /** Set: names that have a bucket. */
  readonly index: string;
}

export function upstreamKeys(prefix: string): UpstreamKeys {
  return {
    bucket: (name, endpoint) => `${prefix}:upstream:${limitName(name, endpoint)}`,
    overrides: `${prefix}:upstream-limits`,
    index: `${prefix}:upstream-names`,
  };
}

/** How a limit is named everywhere: `stripe`, or `stripe/customers` for one endpoint. */
export function limitName(name: string, endpoint?: string): string {
  return endpoint === undefined ? name : `${name}/${endpoint}`;
}
