import { openDatabase } from '../../db/client.ts';
import { readConfig } from '../../src/config.ts';
import type { Control } from '../../src/engine/control/contract.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import bubble from '../../src/plans/bubble/index.ts';
import catalog from '../../src/plans/catalog/index.ts';
import { openControl } from '../../src/service/open-control.ts';

/** Who starts and steers runs in a drill: the control that the API's routes call, without the HTTP before it. */
export interface Operator {
  readonly control: Control;
  close(): Promise<void>;
}

export const operatorActor = { id: 'chaos', role: 'operator' } as const;

export function openOperator(databaseUrl: string, env: Readonly<Record<string, string>>): Operator {
  const database = openDatabase({
    url: databaseUrl,
    max: 4,
    applicationName: 'chaos operator',
    onError: () => undefined,
  });
  const plans = createRegistry([bubble, catalog]);
  return {
    control: openControl({ database, target: database, plans, config: readConfig(env) }),
    close: () => database.$client.end(),
  };
}
