import type { Actor } from './runs.ts';

/** The audit entry of a change. */
export interface AuditEntry {
  /** Id of the key, or `system`. */
  readonly actor: string;
  readonly role: string;
  /** `run.pause`, `key.create`. */
  readonly action: string;
  /** The changed object: `run:0198…`, `queue:load`. */
  readonly subject: string;
  readonly reason?: string | null | undefined;
  /** Never secrets, never personal data. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** The entry of a change of a run; an empty reason counts as none. */
export function runEntry(
  id: string,
  action: string,
  actor: Actor,
  extra: { readonly reason?: string; readonly details?: AuditEntry['details'] } = {},
): AuditEntry {
  return {
    actor: actor.id,
    role: actor.role,
    action: `run.${action}`,
    subject: `run:${id}`,
    reason: extra.reason || null,
    details: extra.details,
  };
}
