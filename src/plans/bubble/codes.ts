/** What to do about the plan's own codes. */
export const codes = {
  UNKNOWN_ROLE: 'Give the user one of the roles client, coach or admin, or map the word with fieldMap.values.role.',
  BAD_EMAIL: 'Give the user an e-mail address, or name the field that holds it with fieldMap.fields.users.email.',
  BAD_DATE: 'Correct the date; a date without a time zone needs the parameter csvTimeZone.',
  BAD_NUMBER: 'Write the value as a plain number (1234.50).',
  BAD_BOOLEAN: 'Write the value as yes or no.',
  BAD_TEXT: 'The value cannot be written as text: correct it, or map another field.',
  BAD_LIST: 'The list holds something other than texts: correct it, or map another field.',
  BAD_DURATION: 'Give the booking a duration of at least one minute.',
  RATE_OUT_OF_RANGE: 'Hourly rates run from 25 to 500: correct the rate with the coach.',
  BAD_AMOUNT:
    'Payments are more than zero and have no more decimals than their currency: correct the amount, or set amountUnit.',
  UNKNOWN_CURRENCY:
    'Give the payment an ISO 4217 code, map the word with fieldMap.values.currency, or set defaultCurrency.',
  UNKNOWN_STATUS: 'Map the word with fieldMap.values.booking_status or fieldMap.values.payment_status.',
  AMBIGUOUS_REFERENCE:
    'Several records have the name the reference gives: put the unique id of the right one in its place.',
  DUPLICATE_PROFILE: 'The person has an older profile of this kind: merge or delete one of them in the source.',
  MERGED: 'Nothing: the account lives on in the one it was merged into.',
} as const;
