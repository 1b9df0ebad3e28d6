import { fingerprint } from '../../src/engine/canonical.ts';
import type { JsonObject } from '../../src/plan/json.ts';

/** What a before-image is checked by before it is given back. */
export const hashOf = (before: JsonObject | null): string => fingerprint(before);
