// Run as a process of its own by test/integration/stack.test.ts: owns the servers of a folder until it is ended.
import { resolveServices } from '../../scripts/stack/services.ts';
import { stopOnSignals } from '../../scripts/stack/signals.ts';

const [dir = ''] = process.argv.slice(2);
const services = await resolveServices({}, { dir });
stopOnSignals(services.stop);
setInterval(() => {}, 60_000);
console.log(JSON.stringify(services));
