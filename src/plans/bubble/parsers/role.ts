import { vocabulary, vocabularyParser } from './vocabulary.ts';

/** What Phase 2 calls people, and what Phase 1 called them. */
export const roles = { client: ['seeker'], coach: [], admin: [] } as const;

export const roleWords = vocabulary(roles);

/** `Seeker` is `client`. A person of two roles (`coach,client`) is nobody's to decide here. */
export const role = vocabularyParser('role', 'UNKNOWN_ROLE', 'a known role');
