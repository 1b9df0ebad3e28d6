import type { BubbleSandbox } from '../../../src/sandbox/bubble/sandbox.ts';
import { BUBBLE_TYPES, type BubbleType } from '../../../src/sandbox/bubble/schema.ts';

/** What must become of one source record. */
export interface Expected {
  readonly outcome: string;
  readonly code: string | undefined;
  /** When it was made, in milliseconds since the epoch. */
  readonly createdMs: number;
}

/** By entity of the plan, by source id. */
export type Expectation = ReadonlyMap<string, ReadonlyMap<string, Expected>>;

/** Which table a type of thing goes to. Written down here again, so that the oracle learns nothing from the plan. */
const entities: Readonly<Record<BubbleType, string>> = {
  user: 'users',
  clientprofile: 'client_profiles',
  coachprofile: 'coach_profiles',
  booking: 'bookings',
  payment: 'payments',
};

/** Reads the sandbox's data and manifest. Call it before a fault changes the data. */
export function expectationOf({ data, manifest }: BubbleSandbox): Map<string, Map<string, Expected>> {
  return new Map(
    BUBBLE_TYPES.map((type) => {
      const { verdicts } = manifest.types[type];
      const records = data.ids(type).map((id): [string, Expected] => {
        const createdMs = Date.parse(String(data.get(type, id)?.['Created Date']));
        const verdict = verdicts[id];
        return [id, { outcome: verdict?.outcome ?? 'reconciled', code: verdict?.code, createdMs }];
      });
      return [entities[type], new Map(records)];
    }),
  );
}

export function sizeOf(expectation: Expectation): number {
  return [...expectation.values()].reduce((sum, records) => sum + records.size, 0);
}
