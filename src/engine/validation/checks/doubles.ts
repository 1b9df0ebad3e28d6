import { asked, type Check, checkOf } from '../check.ts';

/** I2: one row for one record, and no second row that says the same. */
export const checkDoubles: Check = async ({ deps, entity, definition, place }) => {
  const name = { name: 'no-doubles', entity, description: `No record of ${entity} is in the target twice` };
  const check = await asked(name, async () => {
    const present = await deps.target.columns(place.schema, place.table);
    // Moments of writing differ between two rows that say the same.
    const columns = Object.entries(definition.target.columns).filter(
      ([column, { writeTimestamp: stamp }]) => present.has(column) && !stamp,
    );
    const names = columns.map(([column]) => column);
    const doubled = await deps.target.doubled(place, names, definition.target.naturalKey ?? []);
    return checkOf(name, await deps.target.owned(place), doubled);
  });
  return [check];
};
