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
  UNKNOWN_STATUS: 'The status is none that Xendit documents: see api_response in xendit_raw.',
  UNKNOWN_CURRENCY: 'Give the sale an ISO 4217 code in the file.',
  BAD_AMOUNT: 'Amounts are numbers of 0 or more, with no more decimals than their currency: correct the file.',
  BAD_DATE: 'The date cannot be read for certain: correct the file.',
  BAD_EMAIL: 'Give the contact a usable e-mail address in Systeme.io, then run again.',
  BAD_TEXT: 'Correct the catalogue.',
  NO_PROFILE: 'The account has no profile: see what became of it among unified_profiles.',
  AFFILIATE_WITHOUT_PROFILE: 'Affiliates need a profile: give the contact a product, or take the tag away.',
} as const;
