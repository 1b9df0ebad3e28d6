import { type Answer, jsonAnswer } from '../../core/message.ts';
import { BUBBLE_TYPES, CUSTOM_FIELDS } from '../schema.ts';

/** `GET /meta`: which types are exposed. */
export function meta(): Answer {
  const types = Object.fromEntries(
    BUBBLE_TYPES.map((type) => [
      type,
      { fields: Object.entries(CUSTOM_FIELDS[type]).map(([display, kind]) => ({ display, type: kind })) },
    ]),
  );
  return jsonAnswer(200, { get: BUBBLE_TYPES, post: [], types, app_data: { appname: 'culturebridge-phase1' } });
}
