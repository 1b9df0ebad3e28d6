import { asked, type Check, checkOf } from '../check.ts';

/** I2: one row for one record, and no second row that says the same. */
export const checkDoubles: Check = async ({ deps, entity, definition, place }) => {
  const name = { name: 'no-doubles', entity, description: `No record of ${entity} is in the target twice` };
  const check = await asked(name, async () => {
    const present = await deps.target.columns(place.schema, place.table);
    const columns = Object.keys(definition.target.columns).filter((column) => present.has(column));
    return checkOf(name, await deps.target.owned(place), await deps.target.doubled(place, columns));
  });
  return [check];
};
