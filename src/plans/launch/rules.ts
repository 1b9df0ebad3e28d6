import type { Rule } from '../../plan/contract.ts';

/** What must be true of the rows before they go live. An error keeps a cutover from happening. */
export const rules = [
  {
    name: 'email-format',
    entity: 'users',
    severity: 'error',
    description: 'Every account has a well-formed e-mail address in lower case',
    violates: String.raw`t.email <> lower(t.email) or t.email !~ '^[^@[:space:]]+@[^@[:space:].]+(\.[^@[:space:].]+)+$'`,
  },
  {
    name: 'accounts-have-profiles',
    entity: 'users',
    severity: 'error',
    description: 'Every account has its profile, with the same id and address',
    violates: 'not exists (select 1 from {schema}.unified_profiles p where p.id = t.id and p.email = t.email)',
  },
  {
    name: 'amount-not-negative',
    entity: 'transactions',
    severity: 'error',
    description: 'No transaction has a negative amount; a refund is known by its status',
    violates: 't.amount < 0',
  },
  {
    name: 'status-known',
    entity: 'transactions',
    severity: 'error',
    description: 'Every transaction has one of the known statuses',
    violates: `t.status not in ('PAID', 'SETTLED', 'EXPIRED', 'UNPAID', 'FAILED', 'VOIDED', 'REVERSED', 'REFUNDED', 'CHARGEBACK', 'SUPERSEDED')`,
  },
  {
    name: 'revenue-by-status',
    entity: 'transactions',
    severity: 'error',
    description: 'PAID and SETTLED are revenue, REFUNDED and CHARGEBACK subtract, nothing else counts',
    violates: `t.revenue_amount <> case when t.status in ('PAID', 'SETTLED') then t.amount when t.status in ('REFUNDED', 'CHARGEBACK') then -t.amount else 0 end`,
  },
  {
    name: 'revenue-has-a-product',
    entity: 'transactions',
    severity: 'error',
    description: 'Whatever counts as revenue belongs to a product',
    violates: 't.revenue_amount <> 0 and t.product_type is null',
  },
  {
    name: 'fiscal-period',
    entity: 'transactions',
    severity: 'error',
    description: 'Every transaction has a fiscal year and quarter',
    violates: 't.fiscal_year is null or t.fiscal_quarter is null or t.fiscal_quarter not between 1 and 4',
  },
  {
    name: 'p2p-has-an-account',
    entity: 'transactions',
    severity: 'warning',
    description: 'Payments for something with an enrolment have an account to enrol',
    violates: `t.revenue_amount > 0 and t.user_id is null and exists (select 1 from {schema}.courses c where c.code = t.product_type)`,
  },
  {
    name: 'p2p-is-enrolled',
    entity: 'transactions',
    severity: 'error',
    description: 'Every account that paid for a course is enrolled in it',
    violates: `t.revenue_amount > 0 and t.user_id is not null and exists (select 1 from {schema}.courses c where c.code = t.product_type)
      and not exists (select 1 from {schema}.enrollments e join {schema}.courses c on c.id = e.course_id where e.user_id = t.user_id and c.code = t.product_type)`,
  },
  {
    name: 'no-refund-above-the-payment',
    entity: 'enrollments',
    severity: 'warning',
    description: 'No refunds exceed what was paid for a course',
    violates: `(select sum(x.revenue_amount) from {schema}.transactions x join {schema}.courses c on c.code = x.product_type where c.id = t.course_id and x.user_id = t.user_id) < 0`,
  },
  {
    name: 'manual-has-the-tag-and-no-payment',
    entity: 'manual_payments',
    severity: 'error',
    description: 'A manual payment stands only where no other payment was found',
    violates: `t.status = 'PAID' and exists (select 1 from {schema}.transactions x where x.contact_email = t.contact_email and x.product_type = t.product_type
      and x.revenue_amount > 0 and x.id <> t.id and x.payment_method is distinct from 'manual')`,
  },
  {
    name: 'affiliates-both-ways',
    entity: 'affiliates',
    severity: 'error',
    description: 'An affiliate’s profile names the affiliate',
    violates: 'not exists (select 1 from {schema}.unified_profiles p where p.id = t.user_id and p.affiliate_id = t.id)',
  },
  {
    name: 'customers-are-converted',
    entity: 'leads',
    severity: 'error',
    description: 'A lead is a customer exactly when a payment of theirs is there',
    violates: `(t.classification = 'customer') <> exists (select 1 from {schema}.transactions x where x.contact_email = t.email and x.revenue_amount > 0)`,
  },
] as const satisfies readonly Rule[];

/** What to do about the plan's own codes. */
export const codes = {
  UNMATCHED_PRODUCT:
    'Money was paid for something the catalogue does not know: add a product or a match rule to LAUNCH_CATALOGUE, then replay the group.',
  UNMATCHED_REFUND:
    'Money went back and nothing ties it to a sale: find the sale in Xendit, and add a rule that matches it, then replay the group.',
  AMBIGUOUS_PRODUCT: 'Several products match: make the match rules of the catalogue narrower, then replay the group.',
  PAYER_UNKNOWN: 'The buyer is not named: add the address to the invoice in Xendit, then run again.',
  NO_ACCOUNT: 'Nothing: the catalogue gives this buyer no account.',
  NOT_A_SALE: 'Nothing: a payout or a transfer.',
  ATTEMPT: 'Nothing: the invoice is counted, and this is an attempt at it.',
  MERGED: 'Nothing: the person lives on in the account it was merged into.',
  UNKNOWN_TYPE:
    'The type is none that Xendit documents, and may be a sale: see api_response in xendit_raw, and correct the type where it is misspelt.',
  UNKNOWN_STATUS: 'The status is none that Xendit documents: see api_response in xendit_raw.',
  UNKNOWN_CURRENCY: 'Give the sale an ISO 4217 code in the file.',
  BAD_AMOUNT: 'Amounts are numbers of 0 or more, with no more decimals than their currency: correct the file.',
  BAD_DATE: 'The date cannot be read for certain: correct the file.',
  BAD_EMAIL: 'Give the contact a usable e-mail address in Systeme.io, then run again.',
  BAD_TEXT: 'Correct the catalogue, or the field that is named where it is a note of a record.',
  BAD_FLAG: 'Set the field of the contact to true or false in Systeme.io, then run again.',
  BAD_TAGS: 'Tags are a list of names: correct those of the contact in Systeme.io, then run again.',
  NO_PROFILE: 'The account has no profile: see what became of it among unified_profiles.',
  AFFILIATE_WITHOUT_PROFILE: 'Affiliates need a profile: give the contact a product, or take the tag away.',
} as const;
