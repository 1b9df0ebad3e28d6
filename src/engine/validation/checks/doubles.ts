import { type Check, createCheck, reportSchemaErrors } from '../check.ts';

/** I2: one row for one record, and no second row that says the same. */
export const checkDuplicates: Check = async ({ deps, entity, definition, place }) => {
  const name = { name: 'no-doubles', entity, description: `No record of ${entity} is in the target twice` };
  const check = await reportSchemaErrors(name, async () => {
    const present = await deps.target.columns(place.schema, place.table);
    // Moments of writing differ between two rows that say the same.
    const columns = Object.entries(definition.target.columns).filter(
      ([column, { writeTimestamp: stamp }]) => present.has(column) && !stamp,
    );
    const names = columns.map(([column]) => column);
    const doubled = await deps.target.findDuplicates(place, names, definition.target.naturalKey ?? []);
    return createCheck(name, await deps.target.countOwned(place), doubled);
  });
  return [check];
};
