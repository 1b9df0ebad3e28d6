import type { FaultRule } from '../../core/fault-rule.ts';
import type { Random } from '../../core/random.ts';
import type { BubbleData } from '../store/bubble-data.ts';

/** What an endpoint works with, for one request. */
export interface ApiContext {
  readonly data: BubbleData;
  readonly random: Random;
  /** Offsets stop here. */
  readonly wall: number;
  /** The share of things this caller's token may not see. */
  readonly hiddenShare: number;
  /** The faults that struck this request. */
  readonly faults: readonly FaultRule[];
  /** Ids of records changed by faults, for the journal. */
  readonly touched: string[];
}
