import { stopOnSignals } from '../../scripts/stack/process.ts';
import { resolveServices } from '../../scripts/stack/services.ts';

// Run as a separate process by test/scripts/stack.test.ts: owns the servers of a folder until it is stopped.

const [dir = ''] = process.argv.slice(2);
const services = await resolveServices({}, { dir });
stopOnSignals(services.stop);
setInterval(() => {}, 60_000);
console.log(JSON.stringify(services));
