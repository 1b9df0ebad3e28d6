import type { Random } from '../core/random.ts';

// The numbers of the business that the launch plan was written for: 9,025 invoices and 15,270 contacts. A smaller share of
// it keeps the proportions, and at least one of everything.

export type ProductName = 'P2P' | 'Canva' | 'Other';
export type SaleStatus = 'PAID' | 'SETTLED' | 'EXPIRED' | 'UNPAID';

/** Invoices by status and product: 4,496 paid, 1,640 settled, 2,818 expired, 71 unpaid. 19 paid or settled ones have no known product. */
export const SALES: Readonly<Record<SaleStatus, Readonly<Record<ProductName, number>>>> = {
  PAID: { P2P: 3002, Canva: 1484, Other: 10 },
  SETTLED: { P2P: 332, Canva: 1299, Other: 9 },
  EXPIRED: { P2P: 973, Canva: 1839, Other: 6 },
  UNPAID: { P2P: 36, Canva: 31, Other: 4 },
};

/** Contacts by their tags: 15,270 in all, 3,664 PaidP2P, 4,916 Canva. */
export const CONTACTS = { both: 2893, p2pOnly: 771, canvaOnly: 2023, neither: 9583 } as const;

/** Buyers by their contact in Systeme.io: with the tag of the product, without it, or no contact at all. */
export const BUYERS = {
  P2P: { tagged: 3200, untagged: 60, unknown: 20 },
  Canva: { tagged: 2700, untagged: 50, unknown: 33 },
} as const;

/** Transactions in Xendit's list besides the payments of invoices. */
export const TRANSACTION_COUNTS = {
  refunds: 65,
  partialRefunds: 5,
  chargebacks: 8,
  unlinkedRefunds: 2,
  failedAttempts: 120,
  pendingAttempts: 12,
  payouts: 30,
} as const;

/** The number of sales or contacts with each kind of dirt. */
export const DIRT = {
  payerUpperCase: 270,
  payerPadded: 90,
  payerInCustomerOnly: 60,
  payerAbsent: 6,
  contactsRepeated: 140,
  contactsMalformed: 12,
  affiliates: 40,
  affiliatesWithoutProfile: 3,
} as const;

/** The count for a share of the business: 0 when the share or the count is 0, otherwise at least 1. */
export function scaledCount(count: number, share: number): number {
  return share === 0 || count === 0 ? 0 : Math.max(1, Math.round(count * share));
}

/** A buyer, or a contact that may become one. */
export interface Person {
  readonly email: string;
  readonly first: string;
  readonly last: string;
  readonly phone: string | null;
}

const FIRST = [
  'Ana',
  'Maria',
  'José',
  'Lourdes',
  'Rob',
  'Jasmine',
  'Carlo',
  'Íñigo',
  'Mae',
  'Kristine',
  'Paolo',
  'Grace',
];
const LAST = [
  'Santos',
  'Reyes',
  'Cruz',
  'Bautista',
  'Ocampo',
  'Garcia',
  'Mendoza',
  'dela Peña',
  'Villanueva',
  'O’Hara',
];
const HOSTS = ['example.com', 'example.org', 'mail.example.net', 'gmial.example'];

/** A person with a unique address: `number` is part of it. */
export function makePerson(random: Random, number: number): Person {
  const first = random.pick(FIRST);
  const last = random.pick(LAST);
  const local = `${first}.${last}`
    .normalize('NFD')
    .replace(/[^A-Za-z.]/g, '')
    .toLowerCase();
  const tag = random.chance(0.02) ? '+shop' : '';
  return {
    email: `${local}.${number}${tag}@${random.pick(HOSTS)}`,
    first,
    last,
    phone: random.chance(0.4) ? `+63 917 ${random.text(3)} ${random.text(4)}` : null,
  };
}
