import { DroverError } from '../../errors.ts';
import type { ApiContext, SourceContext } from '../../plan/contract.ts';
import type { Upstream } from '../../plan/upstream.ts';
import { keyHeaders, restUrl } from '../../sources/supabase/rest.ts';
import { openStripeCatalog, type StripeCatalog } from '../../targets/stripe/index.ts';

// Not documented by Supabase; small projects answer some hundred.
const supabaseMaxRps = 100;
const stripeMaxRps = 90;
// Stripe allows 25; what others use of the account wants room too.
const stripeEndpointMaxRps = 20;

/** The project's REST interface. Throws CONFIGURATION naming the variables that are not set. */
export function openSupabase({ settings, upstreams }: SourceContext): { upstream: Upstream; apiKey: string } {
  const { SUPABASE_URL: url, SUPABASE_SERVICE_ROLE_KEY: key } = settings;
  const [projectUrl, apiKey] = [url?.trim(), key?.trim()];
  if (!projectUrl || !apiKey) throw missingSettings({ SUPABASE_URL: projectUrl, SUPABASE_SERVICE_ROLE_KEY: apiKey });
  const baseUrl = restUrl(projectUrl);
  return {
    upstream: upstreams({ name: 'supabase', baseUrl, headers: keyHeaders(apiKey), maxRps: supabaseMaxRps }),
    apiKey,
  };
}

/** Products and prices of the account. Throws CONFIGURATION when there is no key, or one that may not write. */
export function openStripe({ settings, upstreams, signal }: ApiContext): StripeCatalog {
  const secretKey = settings.STRIPE_SECRET_KEY?.trim();
  if (!secretKey) throw missingSettings({ STRIPE_SECRET_KEY: secretKey });
  const maxRps = Number(settings.STRIPE_MAX_RPS ?? stripeMaxRps);
  const baseUrl = settings.STRIPE_API_URL ?? 'https://api.stripe.com';
  const endpointMaxRps = Math.min(maxRps, Number(settings.STRIPE_ENDPOINT_MAX_RPS ?? stripeEndpointMaxRps));
  return openStripeCatalog({ upstreams, signal, secretKey, baseUrl, maxRps, endpointMaxRps });
}

function missingSettings(variables: Readonly<Record<string, string | undefined>>): DroverError {
  const absent = Object.entries(variables).flatMap(([name, value]) => (value ? [] : [name]));
  return new DroverError('CONFIGURATION', `${absent.join(' and ')} not set`, {
    remedy: `Set ${absent.join(' and ')} for the workers; .env.example says where they are found.`,
  });
}
