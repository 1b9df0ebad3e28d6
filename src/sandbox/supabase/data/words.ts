export const ADJECTIVES = [
  'Soft',
  'Blue',
  'Handmade',
  'Organic',
  'Vintage',
  'Große',
  'Été',
  'Classic',
  'Mini',
  'Solar',
];
export const THINGS = [
  'T-Shirt',
  'Mug',
  'Notebook',
  'Lamp',
  'Scarf',
  'Candle',
  'Poster',
  'Backpack',
  'Käsebrett',
  'Teapot',
];
export const COLOURS = ['red', 'green', 'navy', 'black', 'sand'];
/** What most prices are in. */
export const CURRENCIES = ['USD', 'USD', 'USD', 'EUR', 'GBP', 'PHP'];
