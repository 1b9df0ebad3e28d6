import { Random } from '../../src/sandbox/core/random.ts';

/** A booking of the history whose payment Stripe tells of as well. */
export interface KnownPayment {
  readonly reference: string;
  readonly email: string;
  readonly amount: number;
}

export interface DayOptions {
  /** Payments that the migration has made and that the day's events name. */
  readonly known: readonly KnownPayment[];
  /** People who pay on this day: their address, and one of its spellings. */
  readonly payers: readonly { readonly email: string; readonly spelled: string }[];
  readonly apiVersion: string;
  readonly seed: number;
  /** Part of every id, so that the day of another run in the same database is another one. */
  readonly label: string;
}

export type StripeEvent = Readonly<Record<string, unknown>> & { readonly id: string };
type Fields = Readonly<Record<string, unknown>>;

/** What must be true of a payment when all events are handled, whatever their order. Minor units. */
export interface ExpectedPayment {
  readonly intent: string;
  readonly email: string;
  readonly status: string;
  /** What the events bring or take, beyond what the migration had. */
  readonly net: number;
  readonly isKnown: boolean;
}

/** A day at Stripe: its objects as they are in the end, its events in an order of no meaning, and what must come of them. */
export interface WebhookDay {
  readonly objects: readonly (readonly [kind: string, fields: Fields])[];
  readonly events: readonly StripeEvent[];
  readonly expected: readonly ExpectedPayment[];
  /** Intents of another application on the account: they must leave nothing. */
  readonly strangers: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

const currency = 'php';
const dayStart = 1_760_000_000;
const daySeconds = 86_400;
const oldVersion = '2019-05-16';

type Story = (day: DayWriter, intent: string, amount: number) => { readonly status: string; readonly net: number };

/** What happens to payments, by its name; one after the other in turn. */
const stories: Readonly<Record<string, Story>> = {
  paid: (day, intent, amount) => {
    day.succeeded(intent, amount);
    return { status: 'succeeded', net: amount };
  },
  'failed, then paid': (day, intent, amount) => {
    day.failed(intent, amount);
    day.succeeded(intent, amount);
    return { status: 'succeeded', net: amount };
  },
  'failed for good': (day, intent, amount) => {
    day.failed(intent, amount);
    return { status: 'failed', net: 0 };
  },
  'refunded in two parts': (day, intent, amount) => {
    day.succeeded(intent, amount);
    const first = Math.floor(amount / 3);
    day.refund(intent, `re_${intent}_1`, first, ['succeeded'], first);
    day.refund(intent, `re_${intent}_2`, amount - first, ['pending', 'succeeded'], amount);
    return { status: 'refunded', net: 0 };
  },
  'refunded in part': (day, intent, amount) => {
    day.succeeded(intent, amount);
    const part = Math.floor(amount / 4);
    day.refund(intent, `re_${intent}`, part, ['succeeded'], part);
    return { status: 'partially_refunded', net: amount - part };
  },
  'refund that failed later': (day, intent, amount) => {
    day.succeeded(intent, amount);
    day.refund(intent, `re_${intent}`, amount, ['pending', 'succeeded', 'failed'], amount);
    return { status: 'succeeded', net: amount };
  },
  inquiry: (day, intent, amount) => {
    day.succeeded(intent, amount);
    day.dispute(intent, amount, [
      ['created', 'warning_needs_response', 0],
      ['closed', 'warning_closed', 0],
    ]);
    return { status: 'succeeded', net: amount };
  },
  'dispute won': (day, intent, amount) => {
    day.succeeded(intent, amount);
    const opened = [
      ['created', 'needs_response', 0],
      ['funds_withdrawn', 'needs_response', 1],
    ] as const;
    // The end is told before its money.
    day.dispute(intent, amount, [...opened, ['closed', 'won', 1], ['funds_reinstated', 'won', 2]]);
    return { status: 'succeeded', net: amount };
  },
  'dispute lost': (day, intent, amount) => {
    day.succeeded(intent, amount);
    const opened = [
      ['created', 'needs_response', 0],
      ['funds_withdrawn', 'under_review', 1],
    ] as const;
    day.dispute(intent, amount, [...opened, ['closed', 'lost', 1]]);
    return { status: 'disputed', net: 0 };
  },
  'told in another version': (day, intent, amount) => {
    day.succeeded(intent, amount, oldVersion);
    return { status: 'succeeded', net: amount };
  },
};

/** Writes down objects and events of payments. */
class DayWriter {
  readonly objects = new Map<string, readonly [string, Fields]>();
  readonly events: StripeEvent[] = [];
  readonly #random: Random;
  readonly #version: string;
  readonly #base = new Map<string, Fields>();

  readonly #label: string;

  constructor(random: Random, version: string, label: string) {
    this.#label = label;
    this.#random = random;
    this.#version = version;
  }

  /** Names the payment's booking and payer; without them it is a stranger's. */
  open(intent: string, amount: number, more: Fields): void {
    const fields = {
      id: intent,
      object: 'payment_intent',
      amount,
      currency,
      created: this.#time(),
      livemode: false,
      ...more,
    };
    this.#base.set(intent, fields);
    this.#put('payment_intent', fields);
    this.#put('charge', {
      id: `ch_${intent}`,
      object: 'charge',
      amount,
      currency,
      payment_intent: intent,
      amount_refunded: 0,
    });
  }

  succeeded(intent: string, amount: number, version = this.#version): void {
    const object = {
      ...this.#base.get(intent),
      amount_received: amount,
      status: 'succeeded',
      latest_charge: `ch_${intent}`,
    };
    this.#put('payment_intent', object);
    // An older version shows the payment in another form, which must not be read.
    this.#event(
      'payment_intent.succeeded',
      version === this.#version ? object : { id: intent, object: 'payment_intent' },
      version,
    );
  }

  failed(intent: string, _amount: number): void {
    const error = { code: 'card_declined', decline_code: 'insufficient_funds' };
    const object = { ...this.#base.get(intent), status: 'requires_payment_method', last_payment_error: error };
    this.#event('payment_intent.payment_failed', { ...object, amount_received: 0 });
  }

  /** A refund through its statuses, and the charge with what was refunded of it in all after it. */
  refund(intent: string, id: string, amount: number, statuses: readonly string[], refundedInAll: number): void {
    const refund = {
      id,
      object: 'refund',
      amount,
      currency,
      payment_intent: intent,
      charge: `ch_${intent}`,
      created: this.#time(),
    };
    for (const [n, status] of statuses.entries()) {
      const type = n === 0 ? 'refund.created' : status === 'failed' ? 'refund.failed' : 'refund.updated';
      this.#put('refund', { ...refund, status });
      this.#event(type, { ...refund, status });
    }
    const charge = {
      id: `ch_${intent}`,
      object: 'charge',
      amount: this.#base.get(intent)?.amount,
      currency,
      payment_intent: intent,
    };
    this.#event('charge.refunded', { ...charge, amount_refunded: refundedInAll });
  }

  /** A dispute by its events: type, status, and how many balance transactions there are by then. */
  dispute(intent: string, amount: number, steps: readonly (readonly [string, string, 0 | 1 | 2])[]): void {
    const id = `du_${intent}`;
    const created = this.#time();
    const moved = [-amount, amount].map((money, n) => ({
      id: `txn_${intent}_${n}`,
      amount: money,
      currency,
      created: created + n,
    }));
    for (const [type, status, transactions] of steps) {
      const object = {
        ...{ id, object: 'dispute', amount, currency, payment_intent: intent, charge: `ch_${intent}`, created, status },
        ...{ reason: 'fraudulent', balance_transactions: moved.slice(0, transactions) },
      };
      this.#put('dispute', object);
      this.#event(`charge.dispute.${type}`, object);
    }
  }

  #put(kind: string, fields: Fields): void {
    this.objects.set(String(fields.id), [kind, fields]);
  }

  #event(type: string, object: Fields, version = this.#version): void {
    const id = `evt_${this.#label}_${this.events.length}`;
    const created = this.#time();
    this.events.push({ id, object: 'event', type, created, livemode: false, api_version: version, data: { object } });
  }

  /** Many of them in one second. */
  #time(): number {
    return dayStart + this.#random.int(0, daySeconds / 600) * 600;
  }
}

/** Tells a day: every story for its share of the payers, known payments first, and strangers among them. */
export function makeDay({ known, payers, apiVersion, seed, label }: DayOptions): WebhookDay {
  const random = new Random(seed).fork('webhooks');
  const day = new DayWriter(random, apiVersion, label);
  const names = Object.keys(stories);
  const expected: ExpectedPayment[] = [];
  const counts: Record<string, number> = {};
  const count = (name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  for (const [n, { reference, email, amount }] of known.entries()) {
    const intent = `pi_${label}_known_${n}`;
    day.open(intent, amount, { metadata: { bookingReference: reference }, receipt_email: email });
    day.succeeded(intent, amount);
    const isRefunded = n % 2 === 1;
    if (isRefunded) day.refund(intent, `re_${intent}`, amount, ['succeeded'], amount);
    count(isRefunded ? 'of the history, refunded' : 'of the history');
    expected.push({
      intent,
      email,
      status: isRefunded ? 'refunded' : 'succeeded',
      net: isRefunded ? -amount : 0,
      isKnown: true,
    });
  }
  for (const [n, { email, spelled }] of payers.entries()) {
    const name = names[n % names.length] as string;
    const intent = `pi_${label}_new_${n}`;
    const amount = random.int(1_000, 900_000);
    day.open(intent, amount, { metadata: { bookingReference: `WEB-${n}` }, receipt_email: spelled });
    const outcome = (stories[name] as Story)(day, intent, amount);
    count(name);
    expected.push({ intent, email, isKnown: false, ...outcome });
  }
  const strangers = Array.from(
    { length: Math.max(3, Math.floor(payers.length / 10)) },
    (_, n) => `pi_${label}_stranger_${n}`,
  );
  for (const intent of strangers) {
    day.open(intent, 5_000, { metadata: {}, receipt_email: payers[0]?.spelled });
    day.succeeded(intent, 5_000);
    day.refund(intent, `re_${intent}`, 5_000, ['succeeded'], 5_000);
    count('of another application');
  }
  const twice = day.events.filter(() => random.chance(0.2));
  return {
    ...{ objects: [...day.objects.values()], expected, strangers, counts },
    events: random.shuffle([...day.events, ...twice]),
  };
}
