// Runs a script of the checkout, compiled: node [options of node] scripts/run.mjs SCRIPT [arguments]
import { runCompiled } from './stack/run-compiled.mjs';

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  console.error('Usage: node scripts/run.mjs SCRIPT [arguments]');
  process.exit(2);
}
await runCompiled(script, args);
