import type { Upstream } from '../../plan/upstream.ts';

export interface BubbleSourceOptions {
  /** The upstream whose base URL ends in `/api/1.1`. */
  readonly upstream: Upstream;
  /** The type's name in the API (`clientprofile`), or candidate names, which are looked up in /meta once. */
  readonly type: string | readonly string[];
  /** No row at or beyond this offset can be read. Bubble's shared plans: 50,000. */
  readonly wall?: number | undefined;
  /** Rows of a page. Bubble returns at most 100, and sometimes fewer. */
  readonly pageSize?: number | undefined;
  readonly idKey?: string | undefined;
  readonly createdKey?: string | undefined;
  readonly modifiedKey?: string | undefined;
  /** How far before `since` an incremental read begins, in milliseconds. */
  readonly overlapMs?: number | undefined;
}

export interface BubbleSettings {
  readonly wall: number;
  readonly pageSize: number;
  readonly idKey: string;
  readonly createdKey: string;
  readonly modifiedKey: string;
  readonly overlapMs: number;
}

export function settingsOf(options: BubbleSourceOptions): BubbleSettings {
  return {
    wall: options.wall ?? 50_000,
    pageSize: options.pageSize ?? 100,
    idKey: options.idKey ?? '_id',
    createdKey: options.createdKey ?? 'Created Date',
    modifiedKey: options.modifiedKey ?? 'Modified Date',
    overlapMs: options.overlapMs ?? 60_000,
  };
}
