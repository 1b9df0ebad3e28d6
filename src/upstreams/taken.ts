/** What the limiter's script answers; see its head. */
export interface Taken {
  readonly verdict: 'go' | 'wait' | 'later' | 'open';
  readonly waitMs: number;
  /** The caller's place in line, to be handed in with the next try. Opaque. */
  readonly place: string;
  readonly generation: string;
  readonly failures: number;
  readonly probe: boolean;
  readonly buckets: number;
}

export function parseTaken(answer: unknown): Taken {
  const [verdict, wait, place, generation, failures, probe, buckets] = answer as [
    Taken['verdict'],
    ...(string | number)[],
  ];
  return {
    verdict,
    waitMs: Number(wait) / 1_000,
    place: String(place),
    generation: String(generation),
    failures: Number(failures),
    probe: Number(probe) === 1,
    buckets: Number(buckets),
  };
}
