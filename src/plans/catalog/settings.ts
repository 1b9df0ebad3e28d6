import { z } from 'zod';

/** Environment variables of the plan. */
export const settingsSchema = z.object({
  SUPABASE_URL: z.string().optional().describe('The project, for example https://ref.supabase.co'),
  SUPABASE_SERVICE_ROLE_KEY: z.string().optional().describe('Its service-role key; any other sees no rows.'),
  STRIPE_API_URL: z.string().optional().describe('Where Stripe is. Default: https://api.stripe.com'),
  STRIPE_SECRET_KEY: z.string().optional().describe('sk_test_... or sk_live_...; the mode is the key’s.'),
  STRIPE_MAX_RPS: z.string().optional().describe('Requests a second of the whole fleet. Default: 90'),
  STRIPE_ENDPOINT_MAX_RPS: z.string().optional().describe('The same for each endpoint by itself. Default: 20'),
});
