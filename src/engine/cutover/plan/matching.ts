/** A live object and the incoming one that will take its place; `current` is undefined where it has yet to be made. */
export interface Match<T> {
  readonly live: T;
  readonly current: T | undefined;
}

/**
 * Pairs objects that are the same but for their name. One with the same name goes first, so that two equal indexes do
 * not change places.
 */
export function matchByDefinition<T extends { readonly name: string }>(
  live: readonly T[],
  incoming: readonly T[],
  same: (live: T, incoming: T) => boolean,
): { readonly matches: readonly Match<T>[]; readonly added: readonly T[] } {
  const free = new Set(incoming);
  const matches = live.map((one) => {
    const candidates = [...free].filter((other) => same(one, other));
    const current = candidates.find((other) => other.name === one.name) ?? candidates[0];
    if (current) free.delete(current);
    return { live: one, current };
  });
  return { matches, added: [...free] };
}
