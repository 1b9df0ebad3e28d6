import type { Actor } from './runs.ts';

/** What is written down of a call that changes something. */
export interface AuditEntry {
  /** Id of the key, or `system`. */
  readonly actor: string;
  readonly role: string;
  /** `run.pause`, `key.create`. */
  readonly action: string;
  /** What it was done to: `run:0198…`, `queue:load`. */
  readonly subject: string;
  readonly reason?: string | null | undefined;
  /** Never secrets, never personal data. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** The entry of something done to a run; an empty reason is none. */
export function runEntry(
  id: string,
  action: string,
  actor: Actor,
  more: { readonly reason?: string; readonly details?: AuditEntry['details'] } = {},
): AuditEntry {
  return {
    actor: actor.id,
    role: actor.role,
    action: `run.${action}`,
    subject: `run:${id}`,
    reason: more.reason || null,
    details: more.details,
  };
}
