import type { LaunchManifest } from '../../src/sandbox/launch/manifest.ts';
import { type SystemeioSandbox, startSystemeioSandbox } from '../../src/sandbox/systemeio/sandbox.ts';
import { startXenditSandbox, type XenditSandbox } from '../../src/sandbox/xendit/sandbox.ts';
import { type Drover, startDrover } from './drover-harness.ts';

export { operator } from './drover-harness.ts';

/** A whole Drover before sandboxes of Xendit and Systeme.io with one business. */
export interface Launch extends Drover {
  readonly xendit: XenditSandbox;
  readonly systemeio: SystemeioSandbox;
  readonly manifest: LaunchManifest;
}

/** Starts everything; `share` is how much of the business. Close it, or the test's process does not end. */
export async function startLaunch(share: number, env: Readonly<Record<string, string>> = {}): Promise<Launch> {
  const options = { share, ratePerMinute: 0 };
  const [xendit, systemeio] = [await startXenditSandbox(options), await startSystemeioSandbox(options)];
  const drover = await startDrover('launch', {
    XENDIT_API_URL: xendit.url,
    XENDIT_SECRET_KEY: xendit.secretKey,
    XENDIT_MAX_RPS: '200',
    SYSTEMEIO_API_URL: systemeio.url,
    SYSTEMEIO_API_KEY: systemeio.apiKey,
    SYSTEMEIO_MAX_RPS: '200',
    ...env,
  });
  return {
    ...drover,
    ...{ xendit, systemeio, manifest: xendit.manifest },
    async close() {
      await drover.close();
      await Promise.all([xendit.close(), systemeio.close()]);
    },
  };
}
