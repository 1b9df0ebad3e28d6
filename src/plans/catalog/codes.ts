/** What to do about the plan's own codes. */
export const codes = {
  MISSING_NAME: 'Give the product a name in the CMS, then replay it.',
  BAD_TEXT: 'Write the field as text in the CMS, then replay it.',
  BAD_ACTIVE: 'Write true or false into active in the CMS, then replay it.',
  NAME_TOO_LONG: 'Stripe takes 5,000 characters: shorten the name in the CMS, then replay it.',
  DESCRIPTION_TOO_LONG: 'Stripe takes 40,000 characters: shorten the description in the CMS, then replay it.',
  NO_PRICE: 'Give the product a price in the CMS, then replay it.',
  FREE_PRICE: 'Stripe sells nothing for nothing this way: decide what becomes of free products; they are left out.',
  BAD_NUMBER: 'The price is no number: write it with digits and one point, then replay.',
  BAD_AMOUNT:
    'The price cannot be charged in its currency (too fine, too much, or below nothing): correct it, then replay.',
  UNKNOWN_CURRENCY: 'Give the product a currency of ISO 4217, or start with --param defaultCurrency=USD.',
  UNSUPPORTED_CURRENCY: 'Stripe does not charge in this currency: price the product in another.',
  BAD_METADATA: 'Stripe takes 50 keys of 40 characters without brackets, with values of 500: correct the metadata.',
  LOOKUP_KEY_TAKEN: 'A price of somebody else has this lookup key: give that one another in Stripe, then replay.',
  PRODUCT_TAKEN: 'The Stripe product belongs to another record: clear stripe_product_id in the CMS, then replay.',
  ROW_GONE: 'The row was deleted while it was moved: archive its product in Stripe, or put the row back and replay.',
  EXCLUDED: 'The product is deleted in the CMS (deleted_at): it is not moved.',
} as const;
