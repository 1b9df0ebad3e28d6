import type { Random } from '../core/random.ts';
import {
  BUYERS,
  DIRT,
  makePerson,
  type Person,
  type ProductName,
  SALES,
  type SaleStatus,
  scaledCount,
  TRANSACTION_COUNTS,
} from './business.ts';
import { type ContactDraft, PERIOD_END_MS, PERIOD_START_MS } from './contacts.ts';

/** The field with which a transaction refers to its invoice; it depends on the Xendit product that was used. */
type InvoiceLinkField = 'payment_link_id' | 'product_id' | 'reference_id';

/** An invoice that is being generated, and the payment that paid it. */
export interface SaleDraft {
  readonly id: string;
  readonly externalId: string;
  readonly product: ProductName;
  readonly status: SaleStatus;
  readonly minor: number;
  readonly createdMs: number;
  readonly paidMs: number | null;
  readonly linkField: InvoiceLinkField;
  readonly description: string | null;
  readonly person: Person;
  /** The payer's address as text, and the field that contains it: `payer_email`, only `customer`, or none. */
  payer: string | null;
  payerIn: 'payer_email' | 'customer' | 'nowhere';
  readonly channel: string;
}

const DAY_MS = 86_400_000;
const DESCRIPTIONS: Readonly<Record<ProductName, readonly (string | null)[]>> = {
  P2P: [
    'Papers to Profits',
    'Papers to Profits - Full Course',
    'PAPERS TO PROFITS  (promo)',
    'papers to profits course',
  ],
  Canva: ['Canva Ebook', 'My Canva Business Ebook', 'canva ebook (bundle of one)'],
  Other: ['Consultation fee', 'Workshop ticket', 'Zine pack', '', null],
};
const PRICES: Readonly<Record<ProductName, readonly number[]>> = {
  P2P: [100_000, 100_000, 100_000, 80_000, 149_900],
  Canva: [100_000, 100_000, 129_950],
  Other: [50_000, 25_000],
};
const CHANNELS = ['GCASH', 'PAYMAYA', '7ELEVEN', 'BPI', 'CREDIT_CARD'];

/** All invoices, in order of creation. BUYERS says how many of the buyers are contacts. */
export function makeSales(random: Random, contacts: readonly ContactDraft[], share: number, dirt: number): SaleDraft[] {
  const clean = random.shuffle(
    contacts.filter((contact) => !contact.malformed && contact.repeats === undefined && !isRepeated(contact, contacts)),
  );
  const neither = clean.filter((contact) => contact.group === 'neither' && !contact.affiliate);
  const buyers: Record<ProductName, Person[]> = {
    P2P: buyersOf('P2P', random, clean, neither, share),
    Canva: buyersOf('Canva', random, clean, neither, share),
    Other: Array.from({ length: scaledCount(19, share) }, (_, at) => makePerson(random, 900_000 + at)),
  };
  const seen: Record<string, number> = {};
  const drafts = Object.entries(SALES).flatMap(([status, products]) =>
    Object.entries(products).flatMap(([product, count]) =>
      Array.from({ length: scaledCount(count, share) }, () => {
        const person = buyerOf(random, status as SaleStatus, product as ProductName, buyers, clean, seen);
        return saleOf(random, product as ProductName, status as SaleStatus, person);
      }),
    ),
  );
  const unknown = new Set(buyers.P2P.filter((person) => !contacts.some((contact) => contact.person === person)));
  addSaleDirt(random.fork('dirt'), drafts, unknown, share * dirt);
  return drafts.sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
}

const repeatedOf = new WeakMap<readonly ContactDraft[], Set<ContactDraft>>();

/** Whether another contact has the same address as this earlier one. */
function isRepeated(contact: ContactDraft, contacts: readonly ContactDraft[]): boolean {
  const repeated = repeatedOf.get(contacts) ?? new Set(contacts.flatMap(({ repeats }) => (repeats ? [repeats] : [])));
  repeatedOf.set(contacts, repeated);
  return repeated.has(contact);
}

function buyersOf(
  product: 'P2P' | 'Canva',
  random: Random,
  clean: readonly ContactDraft[],
  neither: ContactDraft[],
  share: number,
): Person[] {
  const only = product === 'P2P' ? 'p2pOnly' : 'canvaOnly';
  const tagged = clean.filter(({ group }) => group === 'both' || group === only);
  const { tagged: known, untagged, unknown } = BUYERS[product];
  return [
    ...tagged.slice(0, scaledCount(known, share)).map(({ person }) => person),
    ...neither.splice(0, scaledCount(untagged, share)).map(({ person }) => person),
    ...Array.from({ length: scaledCount(unknown, share) }, (_, at) =>
      makePerson(random, (product === 'P2P' ? 700_000 : 800_000) + at),
    ),
  ];
}

/** The person of an invoice. Every buyer pays once before any pays again; expired and unpaid invoices belong to random contacts. */
function buyerOf(
  random: Random,
  status: SaleStatus,
  product: ProductName,
  buyers: Readonly<Record<ProductName, readonly Person[]>>,
  clean: readonly ContactDraft[],
  seen: Record<string, number>,
): Person {
  if (status === 'EXPIRED' || status === 'UNPAID') return random.pick(clean).person;
  const next = seen[product] ?? 0;
  seen[product] = next + 1;
  return buyers[product][next] ?? random.pick(buyers[product]);
}

function saleOf(random: Random, product: ProductName, status: SaleStatus, person: Person): SaleDraft {
  const createdMs = random.int(PERIOD_START_MS, PERIOD_END_MS);
  const paid = status === 'PAID' || status === 'SETTLED';
  const id = random.text(24, '0123456789abcdef');
  return {
    id,
    externalId: `inv-${random.text(10)}`,
    product,
    status,
    minor: random.pick(PRICES[product]),
    createdMs,
    paidMs: paid ? createdMs + random.int(60_000, DAY_MS) : null,
    linkField: random.pick(['payment_link_id', 'payment_link_id', 'product_id', 'reference_id']),
    description: random.pick(DESCRIPTIONS[product]),
    person,
    payer: person.email,
    payerIn: 'payer_email',
    channel: random.pick(CHANNELS),
  };
}

/** Adds dirt: paid invoices without a payer, only of P2P buyers without a contact, and addresses in other spellings, of all other persons. */
function addSaleDirt(
  random: Random,
  drafts: readonly SaleDraft[],
  unknown: ReadonlySet<Person>,
  density: number,
): void {
  const free = random.shuffle(drafts.filter(({ person }) => !unknown.has(person)));
  const takeRandom = (count: number) => free.splice(0, scaledCount(count, density));
  for (const draft of takeRandom(DIRT.payerUpperCase)) draft.payer = draft.person.email.toUpperCase();
  for (const draft of takeRandom(DIRT.payerPadded)) draft.payer = ` ${draft.person.email}\u00a0`;
  for (const draft of takeRandom(DIRT.payerInCustomerOnly)) draft.payerIn = 'customer';
  const named = drafts.filter(
    ({ person, product, paidMs }) => unknown.has(person) && product === 'P2P' && paidMs !== null,
  );
  for (const draft of named.slice(0, scaledCount(DIRT.payerAbsent, density))) {
    draft.payer = null;
    draft.payerIn = 'nowhere';
  }
}

// Transactions.

type TransactionKind = 'PAYMENT' | 'REFUND' | 'CHARGEBACK' | 'DISBURSEMENT' | 'WITHDRAWAL' | 'TRANSFER_OUT';

/** A transaction of Xendit that is being generated. */
export interface TransactionDraft {
  readonly id: string;
  readonly kind: TransactionKind;
  readonly status: 'SUCCESS' | 'PENDING' | 'FAILED';
  readonly minor: number;
  readonly createdMs: number;
  readonly settled: boolean;
  /** The invoice that it belongs to, and whether one of its fields refers to it. */
  readonly sale: SaleDraft | undefined;
  readonly linked: boolean;
  /** A failed or pending payment attempt; the invoice itself is the sale. */
  readonly attempt: boolean;
}

/** A payment for each paid invoice, and the other transactions of the account, in order of creation. */
export function makeTransactions(
  random: Random,
  sales: readonly SaleDraft[],
  share: number,
  dirt: number,
): TransactionDraft[] {
  const drafts = sales.filter(({ paidMs }) => paidMs !== null).map((sale) => paymentTransaction(random, sale));
  const density = share * (dirt > 0 ? 1 : 0);
  const count = (name: keyof typeof TRANSACTION_COUNTS) => scaledCount(TRANSACTION_COUNTS[name], density);
  // Only persons with one payment and a known address get reversals, so that a person's remaining payments are certain.
  const refundable = random.shuffle(
    singlePurchaseSales(sales).filter(({ product, payer }) => product !== 'Other' && payer !== null),
  );
  const takeRandom = (n: number) => refundable.splice(0, n);
  const reversal = (kind: 'REFUND' | 'CHARGEBACK', part: number) => (sale: SaleDraft) =>
    transactionDraft(random, {
      kind,
      sale,
      minor: Math.round(sale.minor * part),
      createdMs: randomTimeAfterPayment(random, sale),
    });
  drafts.push(...takeRandom(count('refunds')).map(reversal('REFUND', 1)));
  drafts.push(...takeRandom(count('partialRefunds')).map(reversal('REFUND', 0.5)));
  drafts.push(...takeRandom(count('chargebacks')).map(reversal('CHARGEBACK', 1)));
  drafts.push(...attempts(random, sales, 'EXPIRED', count('failedAttempts')));
  drafts.push(...attempts(random, sales, 'UNPAID', count('pendingAttempts')));
  const unlinked = (n: number, kinds: readonly TransactionKind[]) =>
    Array.from({ length: n }, () =>
      transactionDraft(random, {
        kind: random.pick(kinds),
        sale: undefined,
        minor: random.int(10_000, 90_000),
        createdMs: random.int(PERIOD_END_MS - 90 * DAY_MS, PERIOD_END_MS),
      }),
    );
  drafts.push(...unlinked(count('unlinkedRefunds'), ['REFUND']));
  drafts.push(...unlinked(count('payouts'), ['DISBURSEMENT', 'WITHDRAWAL', 'TRANSFER_OUT']));
  return drafts.sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
}

/** The paid sales of persons that have no other paid sale. */
function singlePurchaseSales(sales: readonly SaleDraft[]): SaleDraft[] {
  const paid = sales.filter(({ paidMs }) => paidMs !== null);
  const times = new Map<string, number>();
  for (const { person } of paid) times.set(person.email, (times.get(person.email) ?? 0) + 1);
  return paid.filter(({ person }) => times.get(person.email) === 1);
}

function paymentTransaction(random: Random, sale: SaleDraft): TransactionDraft {
  return {
    ...transactionDraft(random, { kind: 'PAYMENT', sale, minor: sale.minor, createdMs: sale.paidMs ?? 0 }),
    settled: sale.status === 'SETTLED',
  };
}

function attempts(
  random: Random,
  sales: readonly SaleDraft[],
  invoiceStatus: 'EXPIRED' | 'UNPAID',
  n: number,
): TransactionDraft[] {
  const chosen = random.shuffle(sales.filter(({ status }) => status === invoiceStatus)).slice(0, n);
  return chosen.map((sale) => ({
    ...transactionDraft(random, { kind: 'PAYMENT', sale, minor: sale.minor, createdMs: sale.createdMs + 300_000 }),
    status: invoiceStatus === 'EXPIRED' ? ('FAILED' as const) : ('PENDING' as const),
    attempt: true,
  }));
}

function transactionDraft(
  random: Random,
  given: Pick<TransactionDraft, 'kind' | 'sale' | 'minor' | 'createdMs'>,
): TransactionDraft {
  const hex = random.text(32, '0123456789abcdef');
  const id = `txn_${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  return { id, ...given, status: 'SUCCESS', settled: false, linked: given.sale !== undefined, attempt: false };
}

function randomTimeAfterPayment(random: Random, sale: SaleDraft): number {
  return (sale.paidMs ?? sale.createdMs) + random.int(1, 20) * DAY_MS;
}
