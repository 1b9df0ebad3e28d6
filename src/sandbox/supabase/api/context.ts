import type { Clock } from '../../core/clock.ts';
import type { FaultRule } from '../../core/fault-rule.ts';
import type { Random } from '../../core/random.ts';
import type { SupabaseSettings } from '../settings.ts';
import type { Table } from '../store/table.ts';
import type { Role } from './auth.ts';
import type { Preferences } from './preferences.ts';

/** What an endpoint works with, for one request. */
export interface ApiContext {
  readonly table: Table;
  readonly role: Role;
  readonly preferences: Preferences;
  readonly settings: Readonly<SupabaseSettings>;
  readonly clock: Clock;
  readonly random: Random;
  /** The faults that struck this request. */
  readonly faults: readonly FaultRule[];
  /** Keys of rows changed by faults, for the journal. */
  readonly touched: string[];
}
