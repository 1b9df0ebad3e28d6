import type { Plan } from '../../plan/contract.ts';
import { definePlan } from '../../plan/define-plan.ts';
import { unifiedProfiles, users } from './entities/accounts.ts';
import { affiliates, profileAffiliates } from './entities/affiliates.ts';
import { courses, enrollments } from './entities/courses.ts';
import { leads } from './entities/leads.ts';
import { manualPayments } from './entities/manual-payments.ts';
import { systemeioRaw } from './entities/systemeio.ts';
import { transactions } from './entities/transactions.ts';
import { xenditInvoices, xenditTransactions } from './entities/xendit.ts';
import { paramsSchema, settingsSchema } from './params.ts';
import { reports } from './reports.ts';
import { codes, rules } from './rules.ts';

export default definePlan({
  name: 'launch',
  version: '1.0.0',
  title: 'Xendit and Systeme.io to production',
  description:
    'Sales and contacts, kept as their APIs say them, and made into accounts, profiles, transactions, enrolments and leads.',
  settings: settingsSchema,
  params: paramsSchema,
  upstreams: ['xendit', 'systemeio'],
  entities: {
    xendit_transactions: xenditTransactions,
    xendit_invoices: xenditInvoices,
    systemeio_raw: systemeioRaw,
    users,
    unified_profiles: unifiedProfiles,
    transactions,
    manual_payments: manualPayments,
    courses,
    enrollments,
    affiliates,
    profile_affiliates: profileAffiliates,
    leads,
  },
  steps: {
    raw: ['xendit_transactions', 'xendit_invoices', 'systemeio_raw'],
    business: [
      'users',
      'unified_profiles',
      'transactions',
      'manual_payments',
      'courses',
      'enrollments',
      'affiliates',
      'profile_affiliates',
      'leads',
    ],
  },
  rules,
  reports,
  codes,
} satisfies Plan);
